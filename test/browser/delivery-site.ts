/** A page with the telemetry of browsers, in front of a real Express server that takes it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { build } from 'vite';
import { METRICS } from '../../catalogue/limits.ts';
import { API_ROUTES, PAGE_ROUTES } from '../../catalogue/routes.ts';
import { mapsAside } from '../../instrumentation/src/browser/vite-maps-aside.ts';
import { withoutPreload } from '../../instrumentation/src/browser/vite-without-preload.ts';
import { browserTelemetry } from '../../instrumentation/src/node/browser-telemetry.ts';
import { SeenBatches } from '../../instrumentation/src/node/seen-batches.ts';
import { Stacks } from '../../instrumentation/src/node/stacks.ts';
import { startTelemetry } from '../../instrumentation/src/node/telemetry.ts';
import { type OtlpSink, otlpSink } from '../../instrumentation/src/node/testing/otlp-sink.ts';

export interface DeliverySite {
  readonly url: string;
  readonly sink: OtlpSink;
  /** What `/telemetry` answers to a browser that sends `x-scenario`; 204 when nothing is set. */
  readonly answers: Map<string, number>;
  /** Bodies that came, by `x-scenario`, whatever the answer. */
  bodies(scenario: string): readonly string[];
  /** Makes the telemetry chunk of a scenario wait, in milliseconds. */
  readonly chunkMs: Map<string, number>;
  /** The value of a series, as the management port tells it; 0 when there is none. */
  metric(series: string): Promise<number>;
  /** The answer of the management port. */
  managed(path: string): Promise<{ readonly status: number; readonly body: unknown }>;
  stop(): Promise<void>;
}

/** After this long without a word of a visit, what is missing of it counts as lost. */
const SETTLE_MS = 1_500;

export async function deliverySite(): Promise<DeliverySite> {
  const outDir = await mkdtemp(join(tmpdir(), 'delivery-page-'));
  await build({
    configFile: false,
    root: fileURLToPath(new URL('delivery-page', import.meta.url)),
    logLevel: 'warn',
    plugins: [withoutPreload, mapsAside],
    build: {
      outDir,
      target: 'es2022',
      modulePreload: false,
    },
  });
  const html = await readFile(join(outDir, 'index.html'), 'utf8');
  const sink = await otlpSink();
  const telemetry = await startTelemetry({
    service: 'clinic-api',
    version: '0.1.0',
    collector: sink.url,
    managementListen: { host: '127.0.0.1', port: 0 },
    routes: { pages: PAGE_ROUTES, api: API_ROUTES, other: ['/telemetry'] },
    metrics: METRICS,
    sampleRatio: 1,
    stacks: new Stacks({ scripts: join(outDir, 'assets'), maps: join(outDir, '.maps') }),
  });

  const answers = new Map<string, number>();
  const chunkMs = new Map<string, number>();
  const bodies = new Map<string, string[]>();
  const app = express();
  const scenarioOf = (header: string | string[] | undefined) => String(header ?? '');
  app.post('/telemetry', (req, res, next) => {
    const scenario = scenarioOf(req.headers['x-scenario']);
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () =>
      bodies.set(scenario, [...(bodies.get(scenario) ?? []), Buffer.concat(chunks).toString('utf8')]),
    );
    const status = answers.get(scenario);
    if (status === undefined) next();
    else req.on('end', () => res.status(status).end());
  });
  app.post(
    '/telemetry',
    browserTelemetry({
      telemetry,
      service: 'clinic-web',
      pages: PAGE_ROUTES,
      api: API_ROUTES,
      metrics: METRICS,
      seen: new SeenBatches({ settleMs: SETTLE_MS }),
    }),
  );
  app.get('/assets/:file', async (req, _res, next) => {
    if (req.params.file.startsWith('telemetry')) await sleep(chunkMs.get(scenarioOf(req.headers['x-scenario'])) ?? 0);
    next();
  });
  app.use(express.static(outDir, { index: false }));
  app.get([...PAGE_ROUTES], (_req, res) => res.type('html').send(html));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const management = `http://127.0.0.1:${telemetry.managementPort}`;

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sink,
    answers,
    bodies: (scenario) => bodies.get(scenario) ?? [],
    chunkMs,
    async metric(series) {
      const text = await (await fetch(`${management}/metrics`)).text();
      const line = text.split('\n').find((each) => each.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1).split(' ', 1)[0] ?? 0);
    },
    async managed(path) {
      const answer = await fetch(management + path);
      return { status: answer.status, body: await answer.json() };
    },
    async stop() {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
      await telemetry.shutdown(1_000);
      await sink.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
