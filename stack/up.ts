import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArguments } from './arguments.ts';
import { processTree } from './process-table.ts';
import { StackStopped, startStack } from './run.ts';
import { AlreadyRunning, readRun, releaseRun } from './run-record.ts';

const USAGE = `usage: npm start [-- OPTIONS]
  --fresh           delete what earlier runs stored, then start
  --profile NAME    also run the services of this profile of docker-compose.yml: traffic (synthetic visitors)
  --port-offset N   add N to every port, for a second stack beside the first (needs its own --state)
  --state DIR       keep everything that is stored in DIR (default .state)`;

/** What to open, by the service that serves it. */
const PLACES: { service: string; title: string; port: number; path: string }[] = [
  { service: 'clinic-api', title: 'Clinic', port: 8080, path: '' },
  { service: 'grafana', title: 'Dashboards', port: 3000, path: '' },
  { service: 'pager', title: 'On-call inbox', port: 8087, path: '' },
  { service: 'sentinel', title: 'Sentinel', port: 8086, path: '' },
  { service: 'slow-event-recorder', title: 'Slow events', port: 8085, path: '/api/slow-events' },
  { service: 'prometheus', title: 'Prometheus', port: 9090, path: '' },
  { service: 'alertmanager', title: 'Alertmanager', port: 9093, path: '' },
  { service: 'tempo', title: 'Tempo', port: 3200, path: '' },
];
const DEMO_USER = 'clinician@clinic.example';

// npm passes Ctrl-C on to a process that the terminal has already told.
const SECOND_SIGNAL_AFTER_MS = 500;

/**
 * `npm start`: runs the stack of `<root>/docker-compose.yml` until Ctrl-C.
 * @returns the exit code: 0 stopped on request, 1 could not start or could not go on, 2 wrong arguments
 */
export async function up(args: string[], root: string): Promise<number> {
  const options = parseArguments(args, USAGE, root);
  if (typeof options === 'string') {
    console.error(options);
    return 2;
  }
  const { state } = options;
  // A closed terminal must not keep the stack from being stopped in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const stopping = stopOnSignals(state);
  try {
    const stack = await startStack({ root, ...options, signal: stopping, log: (line) => console.log(line) });
    console.log(
      `\n${places(state, options.portOffset)}\n\nready in ${(performance.now() / 1_000).toFixed(1)} s. Ctrl-C stops everything.`,
    );
    const error = await stack.ended;
    if (error) console.error(`\nEverything was stopped: ${error.message}`);
    else console.log('Stopped.');
    return error ? 1 : 0;
  } catch (error) {
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

function stopOnSignals(state: string): AbortSignal {
  const stopping = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      console.log(`\n${signal}: stopping everything. Once more kills at once.`);
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
  const running = new Set(readRun(state)?.services.map(({ name }) => name));
  const lines = PLACES.filter(({ service }) => running.has(service)).map(
    ({ title, port, path }) => `  ${title.padEnd(16)} http://localhost:${port + portOffset}${path}`,
  );
  if (running.has('clinic-api')) {
    const path = join(state, 'secrets', 'demo_password');
    lines.splice(1, 0, `  ${''.padEnd(16)} sign in as ${DEMO_USER}, password ${demoPassword(path)} (${path})`);
  }
  return lines.join('\n');
}

function demoPassword(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'in the file';
  }
}

if (import.meta.main) process.exit(await up(process.argv.slice(2), join(import.meta.dirname, '..')));
