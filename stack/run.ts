import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Compose, type Program, programs } from './compose.ts';
import { readComposeFile } from './compose-file.ts';
import { writeConfig } from './config-files.ts';
import type { Source } from './engines.mjs';
import { eventLine, type StackEvent } from './event.ts';
import { askHealth } from './health.ts';
import { endLeftovers } from './leftovers.ts';
import { beginLog, type LogFile } from './log-file.ts';
import { type Need, planStack, type ServicePlan } from './plan.ts';
import { takenPorts, takenPortsMessage } from './port-check.mjs';
import { type PostgresServer, preparePostgres } from './postgres.ts';
import { type Launch, startReaper } from './reaper.ts';
import { takeRestartRequest } from './restart-request.ts';
import { markOf, type RunRecord, releaseRun, takeRun, writeRun } from './run-record.ts';
import { Service } from './service.ts';
import { isSuppliedLater, Missing, type Supplies, startSupplies } from './supplies.ts';

export interface StackOptions {
  /** The folder that holds docker-compose.yml; the repository. */
  root: string;
  /** Everything that the run writes goes here; made when it does not exist. One run at a time uses it. */
  state: string;
  /** Added to every port of the compose file (default 0), so that several stacks can run side by side. */
  portOffset?: number;
  /** Only these services and what they depend on; when absent all, save those of a profile that is not chosen. */
  services?: string[];
  /** Profiles of the compose file to run as well; none when absent. */
  profiles?: string[];
  /** Values that replace or join those of the compose file, per service; written like there (`http://pager:8087`). */
  environment?: Record<string, Record<string, string>>;
  /** Build or fetch what services need and is not there yet, while others run; when absent, a missing program is an error. */
  obtain?: boolean;
  /** With `obtain`: where servers may come from (default `auto`). */
  source?: Source;
  /** Delete what earlier runs left in the state folder first. */
  fresh?: boolean;
  /** Progress and accidents, as lines for a person. */
  log?(line: string): void;
  /** The same, as data; and every change of state. */
  onEvent?(event: StackEvent): void;
  /** Aborting it stops the run, also while it starts. */
  signal?: AbortSignal;
}

/** A running stack. */
export interface Stack {
  /** The repository's port plus the offset: `port(8080)`. Throws when no service has it. */
  port(containerPort: number): number;
  /** `http://127.0.0.1:<port>` of a service's first port. */
  url(service: string): string;
  /** Process id; undefined while it has none. */
  pid(service: string): number | undefined;
  /** Path of the file that holds the service's output. */
  logs(service: string): string;
  /**
   * Signals a service's process (default SIGKILL) as an accident would: the restart policy answers, and five deaths
   * within a minute stop the run. Resolves when the signal is sent, for SIGKILL when the process is dead.
   */
  kill(service: string, signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when a service is up (healthy, or running where it has no check); at once when it is. */
  up(service: string): Promise<void>;
  /** Stops one service, which stays stopped. What depends on it goes on. */
  stopService(service: string): Promise<void>;
  /** Starts a stopped service and resolves when it is up. */
  startService(service: string): Promise<void>;
  /** Stops one service in order and starts it again; resolves when it is up. What depends on it goes on. */
  restartService(service: string): Promise<void>;
  /** Stops everything, dependents first; resolves when no process is left. */
  stop(): Promise<void>;
  /** Resolves when the run is over: with the error that ended it, or undefined when it was stopped. */
  ended: Promise<Error | undefined>;
}

/** The run was stopped before it was ready. */
export class StackStopped extends Error {
  override name = 'StackStopped';
}

const ROTATE_EVERY_MS = 5_000;
const LOOK_FOR_REQUESTS_EVERY_MS = 500;
const MARKER = '.made-by-npm-start';

/**
 * Starts the services of `<root>/docker-compose.yml` on this machine, in dependency order and otherwise in parallel.
 * Resolves when all are up, with `obtain` all whose needs can be had. When one fails, everything is stopped, and the promise rejects with an error that holds the
 * last lines of its log.
 * @throws {ComposeFileError} the compose file cannot be run
 * @throws {AlreadyRunning} another run uses the state folder
 * @throws {StackStopped} `signal` was aborted meanwhile
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const root = resolve(options.root);
  const state = resolve(options.state);
  const portOffset = options.portOffset ?? 0;
  const note = (event: StackEvent) => {
    options.onEvent?.(event);
    const line = eventLine(event);
    if (line !== undefined) options.log?.(line);
  };

  const compose = await readComposeFile(join(root, 'docker-compose.yml'));
  const plans = planStack(compose, {
    root,
    state,
    portOffset,
    nodePath: process.execPath,
    // Its path is found when it starts: it may not be there yet.
    enginePath: (program) => program,
    ...(options.services && { services: options.services }),
    ...(options.profiles && { profiles: options.profiles }),
    ...(options.environment && { environment: options.environment }),
  });

  const engineProgram = await engines(compose);
  if (!options.obtain) for (const need of plans.flatMap(({ needs }) => needs)) if (isEngine(need)) engineProgram(need);

  const supervisor = markOf(process.pid)!;
  const record: RunRecord = { supervisor, since: new Date().toISOString(), portOffset, services: [] };
  const previous = inState(state, () => {
    prepareFolder(state);
    return takeRun(state, record);
  });
  try {
    if (previous) await endLeftovers(previous, (text) => note({ kind: 'note', text }));
    if (options.fresh) inState(state, () => clear(state));
    const taken = await takenPorts(
      plans.flatMap(({ name, ports }) => ports.map(({ host }) => ({ port: host, service: name }))),
    );
    if (taken.length > 0) throw new Error(takenPortsMessage(taken));
    inState(state, () => layOut(state, plans));
    return await supervise({
      root,
      state,
      plans,
      record,
      note,
      engineProgram,
      obtain: options.obtain ?? false,
      source: options.source ?? 'auto',
      ...(options.signal && { signal: options.signal }),
    });
  } catch (error) {
    releaseRun(state);
    throw error;
  }
}

interface Supervision {
  root: string;
  state: string;
  plans: ServicePlan[];
  record: RunRecord;
  note(event: StackEvent): void;
  engineProgram: EngineProgram;
  obtain: boolean;
  source: Source;
  signal?: AbortSignal;
}

async function supervise({
  root,
  state,
  plans,
  record,
  note,
  engineProgram,
  obtain,
  source,
  signal,
}: Supervision): Promise<Stack> {
  const services = new Map<string, Service>();
  const logs = new Map<string, LogFile>();
  const ended = Promise.withResolvers<Error | undefined>();
  let failure: Error | undefined;
  let stopping: Promise<void> | undefined;
  /** Why the record could not be written; most likely also why a service fails. */
  let trouble: string | undefined;

  const save = () => {
    const reaperMark = reaper.pid() && markOf(reaper.pid()!);
    if (reaperMark) record.reaper = reaperMark;
    record.services = [...services.values()].map((service) => {
      const process = service.pid === undefined ? undefined : markOf(service.pid);
      return {
        name: service.plan.name,
        title: service.plan.title,
        state: service.state,
        ...(service.detail !== undefined && { detail: service.detail }),
        starts: service.starts,
        ...(process && { process }),
        ...(service.startedAt && { startedAt: service.startedAt.toISOString() }),
        ports: service.plan.ports.map(({ host }) => host),
        ...(service.plan.health && { health: service.plan.health }),
      };
    });
    try {
      inState(state, () => writeRun(state, record));
    } catch (error) {
      if (!trouble) note({ kind: 'note', text: (error as Error).message });
      trouble = (error as Error).message;
    }
  };
  const reaper = startReaper(() => {
    save();
    note({ kind: 'note', text: 'The process that tidies up after a kill died; started it again' });
  });

  const findServer = postgresOnce();
  const server = async () => {
    const found = await findServer();
    if (found) return found;
    throw new Error('No PostgreSQL server was found on this machine: install PostgreSQL 15 or newer');
  };
  const isThere = async (need: Need) => {
    if (need === 'postgres') return (await findServer()) !== undefined;
    // Whether it was built from source only the supplier knows.
    return isEngine(need) && source !== 'source' && isBuilt(engineProgram, need);
  };
  const needs = [...new Set(plans.flatMap((plan) => plan.needs))];
  let supplies: Supplies | undefined;
  if (obtain && needs.length > 0) {
    const log = inState(state, () => beginLog(join(state, 'logs', 'supplies.log')));
    supplies = startSupplies({ root, needs, source, reaper, log, note: (text) => note({ kind: 'note', text }) });
  }
  for (const plan of plans) {
    const log = inState(state, () => beginLog(join(state, 'logs', `${plan.name}.log`)));
    logs.set(plan.name, log);
    const spawn = (launch: Launch) => {
      const output = inState(state, () => log.open());
      try {
        return reaper.start(launch, output);
      } finally {
        log.close(output);
      }
    };
    const runToEnd = async (launch: Launch) => {
      const [code] = await once(spawn(launch), 'exit');
      return (code as number | null) ?? -1;
    };
    services.set(
      plan.name,
      new Service({
        plan,
        log,
        obtain(onProgress) {
          const { needs } = plan;
          return supplies && needs.length > 0 ? supplies.obtain(needs, { isThere, onProgress }) : undefined;
        },
        async prepare() {
          if (plan.program === 'postgres') return preparePostgres({ plan, server: await server(), run: runToEnd });
          const environment = { ...baseEnvironment(), ...plan.environment };
          // An image has its own; here they are where PostgreSQL was found.
          if ('POSTGRES_BIN' in plan.environment) environment.POSTGRES_BIN = (await server()).bin;
          return {
            argv: isEngine(plan.program) ? [engineProgram(plan.program), ...plan.argv.slice(1)] : plan.argv,
            environment,
            cwd: plan.cwd,
            stopSignal: 'TERM',
          };
        },
        spawn,
        askHealth,
        onEvent(event) {
          save();
          note(event);
        },
        onFailure(error) {
          failure ??= trouble ? new Error(`${error.message}\n${trouble}`, { cause: error }) : error;
          void stop();
        },
      }),
    );
  }
  const rotation = setInterval(() => {
    for (const log of logs.values()) log.rotateIfLarge();
  }, ROTATE_EVERY_MS);
  takeRestartRequest(state);
  const requests = setInterval(() => {
    const asked = takeRestartRequest(state);
    const service = asked === undefined ? undefined : services.get(asked);
    if (!service || stopping) return;
    note({ kind: 'note', text: `${service.plan.title.padEnd(20)} is restarted, as npm run restart asks` });
    service.restart().catch(({ message }: Error) => {
      if (!stopping) note({ kind: 'note', text: message });
    });
  }, LOOK_FOR_REQUESTS_EVERY_MS);

  function stop(): Promise<void> {
    stopping ??= (async () => {
      clearInterval(requests);
      await Promise.all([stopInOrder(services), supplies?.stop()]);
      clearInterval(rotation);
      signal?.removeEventListener('abort', stopOnAbort);
      await reaper.close();
      releaseRun(state);
      ended.resolve(failure);
    })();
    return stopping;
  }
  const stopOnAbort = () => void stop();
  signal?.addEventListener('abort', stopOnAbort, { once: true });
  if (signal?.aborted) void stop();

  const start = async (service: Service) => {
    const { program, dependsOn } = service.plan;
    try {
      await Promise.all(
        Object.entries(dependsOn).map(([on, condition]) =>
          // What only watches others has nothing to see before they run.
          services.get(on)!.reached(condition === 'service_started' && !program ? 'begun' : condition),
        ),
      );
      if (stopping) throw new StackStopped('stopped');
      await service.start();
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      service.miss(error);
    }
  };
  const starting = new Map([...services.values()].map((service) => [service, start(service)]));
  const started = [...starting.values()];
  const first = [...starting].filter(([{ plan }]) => plan.program && !plan.needs.some(isSuppliedLater));
  void Promise.allSettled(first.map(([, up]) => up)).then(() => supplies?.goOn());
  try {
    await Promise.all(started);
  } catch (error) {
    await Promise.allSettled(started);
    await stop();
    throw failure ?? (signal?.aborted ? new StackStopped('The stack was stopped before it was ready') : error);
  }
  for (const service of services.values()) service.settle();

  const named = (name: string) => {
    const service = services.get(name);
    if (!service) throw new Error(`this run has no service ${name}: it has ${[...services.keys()].join(', ')}`);
    return service;
  };
  return {
    port(containerPort) {
      const port = plans.flatMap(({ ports }) => ports).find(({ container }) => container === containerPort);
      if (!port) throw new Error(`no service of this run has port ${containerPort}`);
      return port.host;
    },
    url(service) {
      const [port] = named(service).plan.ports;
      if (!port) throw new Error(`${service} has no port`);
      return `http://127.0.0.1:${port.host}`;
    },
    pid: (service) => named(service).pid,
    logs: (service) => logs.get(named(service).plan.name)!.path,
    kill: (service, how = 'SIGKILL') => named(service).kill(how),
    up: (service) => named(service).reached('up'),
    stopService: (service) => named(service).stop(),
    startService: (service) => named(service).start(),
    restartService: (service) => named(service).restart(),
    stop,
    ended: ended.promise,
  };
}

/** Every service once all that depend on it are gone. */
async function stopInOrder(services: Map<string, Service>): Promise<void> {
  const gone = new Map<string, Promise<void>>();
  const stopped = (service: Service): Promise<void> => {
    const { name } = service.plan;
    const dependents = [...services.values()].filter(({ plan }) => Object.hasOwn(plan.dependsOn, name));
    const promise = gone.get(name) ?? Promise.all(dependents.map(stopped)).then(() => service.stop());
    gone.set(name, promise);
    return promise;
  };
  await Promise.all([...services.values()].map(stopped));
}

function prepareFolder(state: string): void {
  mkdirSync(state, { recursive: true });
  const marker = join(state, MARKER);
  if (existsSync(marker)) return;
  if (readdirSync(state).length > 0) {
    throw new Error(`${state} is not empty and was not made by npm start: choose an empty or new folder as --state`);
  }
  writeFileSync(marker, 'npm start keeps its state here; npm start -- --fresh deletes all of this folder.\n');
}

function clear(state: string): void {
  for (const entry of readdirSync(state)) {
    if (entry !== MARKER && entry !== 'run.json') rmSync(join(state, entry), { recursive: true, force: true });
  }
}

function layOut(state: string, plans: ServicePlan[]): void {
  const config = join(state, 'config');
  rmSync(config, { recursive: true, force: true });
  for (const folder of [config, join(state, 'logs'), ...plans.flatMap(({ folders }) => folders)]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (folder === config) chmodSync(folder, 0o700);
  }
  for (const { name, copies, mapping } of plans) for (const copy of copies) writeConfig(copy, mapping, name);
}

/** Says what to do about a state folder that cannot be written. */
function inState<T>(state: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why: Record<string, string> = {
      ENOSPC: 'the disk is full: free some space',
      EDQUOT: 'the disk quota is used up: free some space',
      EROFS: 'the file system is read-only',
      EACCES: 'this user may not write there: was it made by another user, such as root?',
      EPERM: 'this user may not write there: was it made by another user, such as root?',
      ENOTDIR: 'a file is in its place',
      EEXIST: 'a file is in its place',
    };
    if (!code || !why[code]) throw error;
    throw new Error(
      `Cannot write the state folder ${state}: ${why[code]}. Or choose another: npm start -- --state DIR (${message})`,
    );
  }
}

// Nothing else of the caller's environment reaches a service, as in a container.
function baseEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_COMPILE_CACHE'];
  return Object.fromEntries(kept.flatMap((key) => (process.env[key] ? [[key, process.env[key]]] : [])));
}

type Engine = Exclude<Program, 'node' | 'postgres'>;
/** The path of an engine; throws while it is not there. */
type EngineProgram = (program: Engine) => string;

function isEngine(need: Need | Program | undefined): need is Engine {
  return need !== 'node' && need !== 'postgres' && (programs as readonly (string | undefined)[]).includes(need);
}

function isBuilt(engineProgram: EngineProgram, program: Engine): boolean {
  try {
    engineProgram(program);
    return true;
  } catch {
    return false;
  }
}

async function engines(compose: Compose): Promise<EngineProgram> {
  if (!compose.services.some(({ program }) => isEngine(program))) return () => '';
  const { engineProgram } = await import('./engines.mjs');
  return engineProgram;
}

/** Looks for the server until it has been found once; undefined when there is none. */
function postgresOnce(): () => Promise<PostgresServer | undefined> {
  let found: PostgresServer | undefined;
  return async () => {
    found ??= (await import('./find-postgres.mjs')).findPostgres();
    return found;
  };
}
