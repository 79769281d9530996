import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArguments } from './arguments.ts';
import { exitCodeOf } from './commands.mjs';
import type { StackEvent } from './event.ts';
import { processTree } from './process-table.ts';
import { StackStopped, startStack } from './run.ts';
import { AlreadyRunning, readRun, releaseRun, type ServiceRecord } from './run-record.ts';
import { statusLine } from './status-line.mjs';

/** The service that makes the stack worth opening. */
const CLINIC = 'clinic-api';

/** Explore of the dashboards, for a server that has no page of its own when it is built from source. */
function explore(datasource: string, query: Record<string, string>): string {
  const panes = { a: { datasource, queries: [{ refId: 'A', ...query }] } };
  return `/explore?${new URLSearchParams({ schemaVersion: '1', orgId: '1', panes: JSON.stringify(panes) })}`;
}

/** What to open in a browser, by the service that it is about; `through` is the one that shows it, where that is another. */
const PLACES: { service: string; through?: string; title: string; port: number; path: string }[] = [
  { service: 'clinic-api', title: 'Clinic', port: 8080, path: '' },
  { service: 'grafana', title: 'Dashboards', port: 3000, path: '' },
  { service: 'pager', title: 'On-call inbox', port: 8087, path: '' },
  { service: 'sentinel', title: 'Sentinel', port: 8086, path: '' },
  { service: 'slow-event-recorder', title: 'Slow events', port: 8085, path: '' },
  {
    service: 'prometheus',
    through: 'grafana',
    title: 'Prometheus',
    port: 3000,
    path: explore('prometheus', { expr: 'up' }),
  },
  { service: 'alertmanager', title: 'Alertmanager', port: 9093, path: '' },
  {
    service: 'tempo',
    through: 'grafana',
    title: 'Tempo',
    port: 3000,
    path: explore('tempo', { queryType: 'traceql', query: '{}' }),
  },
];
const DEMO_USER = 'clinician@clinic.example';

// npm passes Ctrl-C on to a process that the terminal has already told.
const SECOND_SIGNAL_AFTER_MS = 500;

/**
 * `npm start`: runs the stack of `<root>/docker-compose.yml` until Ctrl-C.
 * @returns the exit code: 0 stopped on request, 1 could not start or could not go on
 * @throws {UsageError}
 */
export async function up(args: string[], root: string): Promise<number> {
  const options = parseArguments(args, root);
  const { state } = options;
  // A closed terminal must not keep the stack from being stopped in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const line = statusLine(process.stdout);
  const stopping = stopOnSignals(state, line.log);
  const coming = new Map<string, string>();
  const onEvent = (event: StackEvent) => {
    if (event.kind !== 'state') return;
    if (event.state === 'obtaining') coming.set(event.title, event.detail ?? '');
    else if (coming.delete(event.title)) line.clear();
    if (coming.size > 0 && !stopping.aborted) line.status(progress(coming));
    if (event.service === CLINIC && event.state === 'healthy' && !opened) {
      opened = true;
      if (coming.size > 0)
        line.log(`\n${places(state, options.portOffset)}\n\nThe clinic can be opened after ${elapsed()}.`);
    }
  };
  let opened = false;
  try {
    const stack = await startStack({ root, ...options, obtain: true, signal: stopping, log: line.log, onEvent });
    const missing = (readRun(state)?.services ?? []).filter((service) => service.state === 'missing');
    const without = missing.length > 0 ? `, without ${missing.map(({ title }) => title).join(', ')}` : '';
    line.log(`\n${places(state, options.portOffset)}\n\nready in ${elapsed()}${without}. Ctrl-C stops everything.`);
    const error = await stack.ended;
    if (error) console.error(`\nEverything was stopped: ${error.message}`);
    else console.log('Stopped.');
    return error ? 1 : 0;
  } catch (error) {
    line.clear();
    if (error instanceof StackStopped) {
      console.log('Stopped.');
      return 0;
    }
    console.error(`\n${(error as Error).message}`);
    if (error instanceof AlreadyRunning) {
      console.error(`${places(state, error.record.portOffset)}\nnpm run status shows it, npm stop stops it.`);
    }
    return 1;
  }
}

/** Since `npm start` was entered, as far as this process was told; the packages may have had to be installed. */
function elapsed(): string {
  const startedAt = Number(process.env.STARTED_AT_MS) || performance.timeOrigin;
  return `${((Date.now() - startedAt) / 1_000).toFixed(1)} s`;
}

/** Each detail once, with the services that it is true of. */
function progress(coming: Map<string, string>): string {
  const titles = Map.groupBy(coming.keys(), (title) => coming.get(title)!);
  return [...titles].map(([detail, names]) => `${names.join(', ')}: ${detail}`).join(' · ');
}

function stopOnSignals(state: string, log: (line: string) => void): AbortSignal {
  const stopping = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      log(`\n${signal}: stopping everything. Once more kills at once.`);
      stopping.abort();
    } else if (performance.now() - firstAt > SECOND_SIGNAL_AFTER_MS) {
      killAll(state);
      process.exit(1);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return stopping.signal;
}

function killAll(state: string): void {
  for (const { process: mark } of readRun(state)?.services ?? []) {
    for (const { pid } of mark ? processTree(mark.pid) : []) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone by itself.
      }
    }
  }
  releaseRun(state);
}

function places(state: string, portOffset: number): string {
  const services = new Map(readRun(state)?.services.map((service) => [service.name, service]));
  const lines = PLACES.flatMap(({ service, through = service, title, port, path }) => {
    const record = services.get(service);
    const page = services.get(through);
    if (!record || !page) return [];
    return [`  ${title.padEnd(16)} http://localhost:${port + portOffset}${path}${notYet(record) || notYet(page)}`];
  });
  if (services.has(CLINIC)) {
    const path = join(state, 'secrets', 'demo_password');
    lines.splice(1, 0, `  ${''.padEnd(16)} sign in as ${DEMO_USER}, password ${demoPassword(path)} (${path})`);
  }
  return lines.join('\n');
}

function notYet({ state, detail }: ServiceRecord): string {
  if (state === 'healthy' || state === 'running') return '';
  return state === 'missing' ? `  (missing: ${detail})` : `  (not there yet: ${detail ?? state})`;
}

function demoPassword(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'in the file';
  }
}

if (import.meta.main) process.exit(await exitCodeOf(() => up(process.argv.slice(2), join(import.meta.dirname, '..'))));
