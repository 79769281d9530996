import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse, stringify } from 'yaml';
import { engineProgram } from '../stack/engines.mjs';
import { eventually } from './eventually.ts';

const SHIPPED = join(import.meta.dirname, '..', 'collector');
const FILES = ['config.yaml', 'allow-list.yaml'];

/** A free TCP port; free at the moment of asking. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server that keeps what it is sent. While it is down, its port refuses connections. */
export class Sink {
  readonly received: Received[] = [];
  status = 200;
  readonly port: number;
  /** What a GET answers, for a sink that is scraped. */
  page = '# EOF\n';
  #server: Server | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<Sink> {
    const sink = new Sink(await freePort());
    await sink.up();
    return sink;
  }

  get text(): string {
    return this.received.map(({ path, headers, body }) => `${path}\n${JSON.stringify(headers)}\n${body}`).join('\n');
  }

  async up(): Promise<void> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (request.method === 'GET') {
        response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8').end(this.page);
        return;
      }
      const bytes = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      if (this.status === 200) {
        this.received.push({ path: request.url ?? '', headers: request.headers, body: body.toString() });
      }
      response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.#server = server;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}

export interface CollectorConfiguration {
  processors: Record<string, Record<string, unknown>>;
  exporters: Record<string, Record<string, unknown>>;
  service: { pipelines: Record<string, { receivers: string[]; processors: string[]; exporters: string[] }> };
}

export interface ShippedCollectorOptions {
  readonly tempo: Sink;
  readonly prometheus: Sink;
  readonly recorder: Sink;
  /** What the three scrape targets serve. */
  readonly target: Sink;
  /** Changes the merged configuration, for a fault that is tried. */
  readonly change?: (configuration: CollectorConfiguration) => void;
}

/** The Collector with the two files of collector/, their addresses and folders moved, and JSON towards the sinks. */
export class ShippedCollector {
  readonly url: string;
  readonly metricsUrl: string;
  readonly #directory: string;
  readonly #healthUrl: string;
  #process: ChildProcess | undefined;
  /** Everything that it wrote to its standard output and error. */
  output = '';

  private constructor(directory: string, ports: Record<'otlp' | 'health' | 'metrics', number>) {
    this.#directory = directory;
    this.url = `http://127.0.0.1:${ports.otlp}`;
    this.#healthUrl = `http://127.0.0.1:${ports.health}/`;
    this.metricsUrl = `http://127.0.0.1:${ports.metrics}/metrics`;
  }

  static async start({
    tempo,
    prometheus,
    recorder,
    target,
    change,
  }: ShippedCollectorOptions): Promise<ShippedCollector> {
    const directory = mkdtempSync(join(tmpdir(), 'collector-'));
    const ports = { otlp: await freePort(), health: await freePort(), metrics: await freePort() };
    const moved: Record<string, string> = {
      '0.0.0.0:4318': `127.0.0.1:${ports.otlp}`,
      '0.0.0.0:13133': `127.0.0.1:${ports.health}`,
      'host: 0.0.0.0': 'host: 127.0.0.1',
      'port: 8888': `port: ${ports.metrics}`,
      'tempo:14318': `127.0.0.1:${tempo.port}`,
      'prometheus:9090': `127.0.0.1:${prometheus.port}`,
      'slow-event-recorder:8085': `127.0.0.1:${recorder.port}`,
      'clinic-api:9464': `127.0.0.1:${target.port}`,
      'slow-event-recorder:9465': `127.0.0.1:${target.port}`,
      'pager:9467': `127.0.0.1:${target.port}`,
      '/var/lib/otelcol': join(directory, 'queue'),
      'scrape_interval: 5s': 'scrape_interval: 1s',
      'scrape_timeout: 4s': 'scrape_timeout: 1s',
    };
    let text = readFileSync(join(SHIPPED, 'config.yaml'), 'utf8');
    for (const [from, to] of Object.entries(moved)) {
      if (!text.includes(from)) throw new Error(`collector/config.yaml no longer holds ${from}.`);
      text = text.replaceAll(from, to);
    }
    const allowList = parse(readFileSync(join(SHIPPED, 'allow-list.yaml'), 'utf8')) as Pick<
      CollectorConfiguration,
      'processors'
    >;
    const { processors, ...rest } = parse(text, { merge: true }) as CollectorConfiguration;
    const configuration: CollectorConfiguration = { ...rest, processors: { ...processors, ...allowList.processors } };
    for (const exporter of Object.values(configuration.exporters)) {
      Object.assign(exporter, { encoding: 'json', compression: 'none' });
    }
    change?.(configuration);
    const write = (name: string, content: object) =>
      writeFileSync(join(directory, name), stringify(content, { lineWidth: 0, aliasDuplicateObjects: false }));
    const generated = Object.entries(configuration.processors).filter(([id]) =>
      Object.hasOwn(allowList.processors, id),
    );
    write('allow-list.yaml', { processors: Object.fromEntries(generated) });
    write('config.yaml', { ...configuration, processors });
    const collector = new ShippedCollector(directory, ports);
    await collector.run();
    return collector;
  }

  async run(): Promise<void> {
    const program = engineProgram('collector');
    const child = spawn(
      program,
      FILES.map((name) => `--config=${join(this.#directory, name)}`),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    child.stdout.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.#process = child;
    await eventually(async () => (await fetch(this.#healthUrl)).ok, {
      within: 20_000,
      what: 'a healthy Collector',
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output.slice(-4000)}`);
    });
  }

  /** Sends OTLP/JSON; resolves with the status and the answer's text. */
  async post(
    signal: 'traces' | 'logs' | 'metrics',
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.url}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  /** The Collector's own metrics, as text. */
  async metrics(): Promise<string> {
    return (await fetch(this.metricsUrl)).text();
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exit;
  }

  async stop(): Promise<void> {
    await this.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
