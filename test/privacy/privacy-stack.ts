// @needs stack
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePortOffset } from '../../stack/port-offset.ts';
import { type Stack, startStack } from '../../stack/run.ts';
import { eventually } from '../eventually.ts';
import { ROOT } from '../stack-under-test.ts';
import type { Planted } from './places.ts';
import { ServerDrive } from './server-drive.ts';
import { Tap } from './tap.ts';
import { TreeCopy } from './tree-copy.ts';

const CLIENTS = 40;
const APP = 'services/clinic-api/src/app.ts';

/** Where the clinic's services and engines send to: each tap keeps what passes. */
export interface Taps {
  /** From the services to the Collector. */
  readonly otlp: Tap;
  /** From the Collector on. */
  readonly tempo: Tap;
  readonly prometheus: Tap;
  readonly recorder: Tap;
  /** From browsers to the clinic. */
  readonly clinic: Tap;
  /** What the clinic can be made to call. */
  readonly elsewhere: Tap;
}

export interface PrivacyStackOptions {
  /** Services of the stack; what they depend on comes with them. */
  readonly services: readonly string[];
  /** Without: what would go to the Collector's receivers ends at the taps. */
  readonly whole: boolean;
}

/** A stack of a copy of the tree, whose every connection that carries telemetry goes through a tap. */
export class PrivacyStack {
  readonly tree: TreeCopy;
  readonly stack: Stack;
  readonly state: string;
  readonly taps: Taps;
  readonly password: string;
  readonly #database: pg.Client;

  private constructor(parts: { tree: TreeCopy; stack: Stack; state: string; taps: Taps; database: pg.Client }) {
    this.tree = parts.tree;
    this.stack = parts.stack;
    this.state = parts.state;
    this.taps = parts.taps;
    this.#database = parts.database;
    this.password = readFileSync(join(this.state, 'secrets/demo_password'), 'utf8');
  }

  static async start({ services, whole }: PrivacyStackOptions): Promise<PrivacyStack> {
    const tree = new TreeCopy();
    const state = mkdtempSync(join(tmpdir(), 'clinic-privacy-'));
    const names = ['otlp', 'tempo', 'prometheus', 'recorder', 'clinic', 'elsewhere'] as const;
    const taps = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await Tap.start()] as const)),
    ) as Record<(typeof names)[number], Tap>;
    let stack: Stack | undefined;
    try {
      const portOffset = await freePortOffset(ROOT);
      const at = (port: number) => `http://127.0.0.1:${port + portOffset}`;
      Object.assign(taps.clinic, { target: at(8080) });
      if (whole) {
        taps.otlp.target = at(4318);
        taps.tempo.target = at(14318);
        taps.prometheus.target = at(9090);
        taps.recorder.target = at(8085);
      }
      const endpoints = {
        'http://tempo:14318': 'tempo',
        'http://prometheus:9090': 'prometheus',
        'http://slow-event-recorder:8085': 'recorder',
      } as const;
      for (const [from, name] of Object.entries(endpoints)) {
        tree.apply({ file: 'collector/config.yaml', from: `endpoint: ${from}`, to: `endpoint: ${taps[name].url}` });
      }
      moreLogging(tree);
      cpSync(
        join(import.meta.dirname, 'faulty-routes.ts'),
        join(tree.root, 'services/clinic-api/src/faulty-routes.ts'),
      );
      tree.apply({
        file: APP,
        from: '  app.use(web);',
        to: `  const recordMetric = (name: string, ms: number) => telemetry.performanceMonitor.recordMetric(name as never, ms);
  app.use(faultyRoutes({ query: database.query, recordMetric, metrics: METRICS }));
  app.use(web);`,
      });
      tree.apply({
        file: APP,
        from: "import type { Log } from './log.ts';",
        to: "import { faultyRoutes } from './faulty-routes.ts';\nimport type { Log } from './log.ts';",
      });
      tree.keep();
      const service = { OTEL_EXPORTER_OTLP_ENDPOINT: taps.otlp.url, OTEL_LOG_LEVEL: 'debug' };
      const log: string[] = [];
      stack = await startStack({
        root: tree.root,
        state,
        portOffset,
        services: [...services],
        environment: {
          'clinic-api': service,
          migrate: { SEED_CLIENTS: String(CLIENTS) },
          ...(services.includes('sentinel') ? { sentinel: service } : {}),
        },
        log: (line) => void log.push(line),
      });
      const database = new pg.Client({
        host: '127.0.0.1',
        port: stack.port(5433),
        user: 'clinic',
        database: 'clinic',
        password: readFileSync(join(state, 'secrets/postgres_password'), 'utf8'),
      });
      await database.connect();
      return new PrivacyStack({ tree, stack, state, taps, database });
    } catch (error) {
      await stack?.stop();
      await Promise.all(Object.values(taps).map((tap) => tap.stop()));
      tree.remove();
      rmSync(state, { recursive: true, force: true });
      throw error;
    }
  }

  drive(planted: Planted): ServerDrive {
    return new ServerDrive({
      planted,
      clinic: this.stack.url('clinic-api'),
      management: `http://127.0.0.1:${this.stack.port(9464)}`,
      elsewhere: this.taps.elsewhere.url,
      password: this.password,
      query: this.query,
    });
  }

  /** As the owner of the database, who may do everything. */
  readonly query = async (text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> =>
    (await this.#database.query<Record<string, unknown>>(text, [...values])).rows;

  /** Empties the taps; what the logs hold so far is not told again. */
  forget(): void {
    for (const tap of Object.values(this.taps)) (tap as Tap).exchanges.length = 0;
    this.newLogs(() => {});
  }

  readonly #read = new Map<string, number>();

  /** Tells what was written to each log since it was last asked. */
  newLogs(tell: (service: string, bytes: Buffer) => void): void {
    for (const file of readdirSync(join(this.state, 'logs'))) {
      const bytes = readFileSync(join(this.state, 'logs', file));
      tell(file.replace(/\.log.*/, ''), bytes.subarray(this.#read.get(file) ?? 0));
      this.#read.set(file, bytes.length);
    }
  }

  /** Resolves when the clinic serves again after a crash. */
  async clinicUp(before: number | undefined): Promise<void> {
    await eventually(() => this.stack.pid('clinic-api') !== before, { within: 30_000, what: 'another process' });
    await eventually(async () => (await fetch(`http://127.0.0.1:${this.stack.port(9464)}/healthz`)).ok, {
      within: 60_000,
      what: 'a clinic that serves again',
    });
  }

  /** Resolves when everything that the clinic measured has been sent. */
  async delivered(): Promise<void> {
    const waiting = async () => {
      const text = await (await fetch(`http://127.0.0.1:${this.stack.port(9464)}/metrics`)).text();
      const queues = [...text.matchAll(/^telemetry_queue_items\{[^}]*\} (\d+)/gm)].map(([, items]) => Number(items));
      return queues.length > 0 && queues.every((items) => items === 0);
    };
    await eventually(waiting, { within: 30_000, every: 200, what: 'empty queues of telemetry' });
  }

  async stop(): Promise<void> {
    await this.#database.end();
    await this.stack.stop();
    await Promise.all(Object.values(this.taps).map((tap: Tap) => tap.stop()));
    this.tree.remove();
    rmSync(this.state, { recursive: true, force: true });
  }
}

/** Every engine tells as much as it can. */
function moreLogging(tree: TreeCopy): void {
  tree.apply({ file: 'collector/config.yaml', from: 'logs: { level: warn,', to: 'logs: { level: debug,' });
  const file = 'docker-compose.yml';
  tree.apply({
    file,
    from: '--storage.tsdb.path=/prometheus',
    to: '--storage.tsdb.path=/prometheus\n      - --log.level=debug',
  });
  tree.apply({
    file,
    from: '--storage.path=/alertmanager',
    to: '--storage.path=/alertmanager\n      - --log.level=debug',
  });
  tree.apply({ file: 'tempo/tempo.yaml', from: 'log_level: warn', to: 'log_level: debug' });
}
