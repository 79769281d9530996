import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Listen, listenOn } from '@clinic/instrumentation/node/configuration';
import { serveManagement } from '@clinic/instrumentation/node/management';
import { countSlowEvents, listSlowEvents, problem } from './api.ts';
import { intake } from './intake.ts';
import { Ledger } from './ledger.ts';
import { recorderMetrics } from './metrics.ts';
import { Outbox } from './outbox.ts';
import { answerIndex, answerNotFound, fromBrowser, publicFile } from './page.ts';
import { prometheus } from './prometheus.ts';
import { Refill } from './refill.ts';

const PRUNE_EVERY_MS = 60_000;
const PRUNE_STEP_MS = 20;
const REFILL_CHECK_EVERY_MS = 30_000;
const LAST_ATTEMPT_MS = 2000;
/** Longer than the Collector keeps a connection, so that it is never closed under a request. */
const KEEP_ALIVE_MS = 100_000;

export interface RecorderOptions {
  readonly listen: Listen;
  readonly managementListen: Listen;
  /** Path of the SQLite file. */
  readonly databaseFile: string;
  /** Base URLs, one for each replica; no two with the same host, port and path. */
  readonly prometheusUrls: readonly string[];
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly refillCheckEveryMs?: number;
  /** One line about what the operator should know; never content of an event. */
  readonly log?: (message: string) => void;
}

export interface Recorder {
  readonly port: number;
  readonly managementPort: number;
  /** Stops listening, finishes what is under way, sends once more for at most 2 s, and closes the database. */
  close(): Promise<void>;
}

/** Names a replica on metrics and in the ledger: host, port and path, without credentials. */
export function replicaName(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname.replace(/\/$/, '');
}

/** Rejects with a ConfigurationError that names the key when the database or a port cannot be used. */
export async function startRecorder({
  listen,
  managementListen,
  databaseFile,
  prometheusUrls,
  now = Date.now,
  refillCheckEveryMs = REFILL_CHECK_EVERY_MS,
  log = () => {},
}: RecorderOptions): Promise<Recorder> {
  const ledger = new Ledger({ file: databaseFile, now });
  const storageFailed = (error: unknown) => {
    metrics.storageFailed();
    log(`The database refused an operation: ${(error as Error).message}. Senders are asked to send again.`);
  };
  const replicas = prometheusUrls.map((url) => {
    const replica = replicaName(url);
    const client = prometheus(url);
    const outbox = new Outbox({
      ledger,
      replica,
      write: client.write,
      onRefused: () => {
        metrics.pointRefused(replica);
        log(`Prometheus ${replica} refused a point for good; it does not count towards a page there.`);
      },
      onState: ({ accepting, status }) =>
        log(
          accepting
            ? `Prometheus ${replica} accepts points again.`
            : `Prometheus ${replica} does not accept points (status ${status}); they are kept and sent again.`,
        ),
      onStorageError: storageFailed,
    });
    return { replica, outbox, refill: new Refill({ ledger, outbox, prometheus: client, now }) };
  });
  const outboxes = replicas.map(({ outbox }) => outbox);
  const metrics = recorderMetrics({ ledger, outboxes, now });

  const receive = intake({
    ledger,
    onStored: (parsed, receipt) => {
      metrics.received(parsed, receipt);
      for (const outbox of outboxes) outbox.wake();
    },
    onStorageError: storageFailed,
  });
  const list = listSlowEvents(ledger, now);
  const count = countSlowEvents(ledger);
  const read = (handler: (response: ServerResponse, search: URLSearchParams) => void) => ({
    methods: ['GET', 'HEAD'],
    handler: (_request: IncomingMessage, response: ServerResponse, search: URLSearchParams) =>
      handler(response, search),
  });
  const routes = new Map([
    ['/v1/logs', { methods: ['POST'], handler: receive }],
    ['/api/slow-events', read(list)],
    ['/api/slow-events/count', read(count)],
    ['/', read(answerIndex)],
    ['/recorder.css', read(publicFile('recorder.css', 'text/css; charset=utf-8'))],
    ['/icon.svg', read(publicFile('icon.svg', 'image/svg+xml'))],
  ]);

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 30_000 }, (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const route = routes.get(path);
    if (!route && fromBrowser(request)) return answerNotFound(response);
    if (!route) return problem(response, { status: 404, title: 'Not found', detail: 'There is nothing at this path.' });
    if (!route.methods.includes(request.method ?? '')) {
      const allowed = route.methods.join(', ');
      response.setHeader('allow', allowed);
      return problem(response, { status: 405, title: 'Method not allowed', detail: `This path answers ${allowed}.` });
    }
    Promise.resolve()
      .then(() => route.handler(request, response, new URLSearchParams(query)))
      .catch((error: unknown) => {
        if (response.destroyed || response.headersSent) return response.destroy();
        log(`A request failed: ${(error as Error).message}.`);
        response.setHeader('retry-after', 1);
        problem(response, { status: 503, title: 'Unavailable', detail: 'The request could not be served. Try again.' });
      });
  });

  const stopping = new AbortController();
  const pruning = every(PRUNE_EVERY_MS, stopping.signal, async () => {
    try {
      while (ledger.prune()) await sleep(PRUNE_STEP_MS, undefined, { signal: stopping.signal });
    } catch (error) {
      if (!stopping.signal.aborted) storageFailed(error);
    }
  });
  const refilling = replicas.map(({ replica, refill }) =>
    every(refillCheckEveryMs, stopping.signal, async () => {
      if (!(await refill.check().catch(() => false))) return; // no answer: the outbox reports that
      metrics.refilled(replica);
      log(`Prometheus ${replica} has lost points of the last hour; they are written again.`);
    }),
  );

  const close = async (): Promise<void> => {
    stopping.abort();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await Promise.race([closed, sleep(LAST_ATTEMPT_MS, undefined, { ref: false })]);
    server.closeAllConnections();
    await Promise.all([pruning, ...refilling, ...outboxes.map((outbox) => outbox.stop(LAST_ATTEMPT_MS))]);
    await management?.close();
    ledger.close();
  };
  let management: Awaited<ReturnType<typeof serveManagement>> | undefined;
  try {
    management = await serveManagement({
      listen: managementListen,
      registry: metrics.registry,
      healthy: () => ledger.healthy,
    });
    return { port: await listenOn(server, listen), managementPort: management.port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs the task again and again, `ms` after it has ended, until the signal. */
async function every(ms: number, signal: AbortSignal, task: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await sleep(ms, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await task();
  }
}
