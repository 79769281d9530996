import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, HealthCheck } from './compose.ts';
import { lastLines, type ServiceState, type StackEvent } from './event.ts';
import type { LogFile } from './log-file.ts';
import type { ServicePlan } from './plan.ts';
import { processTree } from './process-table.ts';
import { killGroup, type Launch } from './reaper.ts';
import { isAlive, markOf } from './run-record.ts';

const POLL_MS = 100;
const POLL_UNHEALTHY_MS = 1_000;
const FIRST_RESTART_MS = 500;
const DEATHS_TOO_MANY = 5;
const DEATHS_WITHIN_MS = 60_000;
const SHOWN_LINES = 15;

export interface ServiceOptions {
  plan: ServicePlan;
  log: LogFile;
  /** Makes ready what the program needs and says how to launch it; called before every start. */
  prepare(): Promise<Launch>;
  spawn(launch: Launch): ChildProcess;
  isHealthy(check: HealthCheck): Promise<boolean>;
  onEvent(event: StackEvent): void;
  /** The service cannot go on by itself: the whole run must stop. */
  onFailure(error: Error): void;
}

const reachedIn: Record<Condition | 'up', ServiceState[]> = {
  service_started: ['starting', 'healthy', 'running', 'unhealthy', 'completed'],
  service_healthy: ['healthy'],
  service_completed_successfully: ['completed'],
  up: ['healthy', 'running', 'completed'],
};

/** One service: starts it, waits until it is healthy, restarts it when it dies, stops it. */
export class Service {
  readonly plan: ServicePlan;
  state: ServiceState = 'waiting';
  /** When its present process was started. */
  startedAt: Date | undefined;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #launch: Launch | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #prepared: Promise<unknown> = Promise.resolve();
  /** Counts starts and stops; whoever waited through one finds that it is no longer meant. */
  #turn = 0;
  #began = 0;
  #settled = false;
  #deaths: number[] = [];
  #restartTimer: NodeJS.Timeout | undefined;
  #waiting: { states: ServiceState[]; resolve(): void; reject(error: Error): void }[] = [];

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.plan = options.plan;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it unless it is started already; resolves when it is up. */
  start(): Promise<void> {
    if (this.state === 'waiting' || this.state === 'stopped') void this.#run();
    return this.reached('up');
  }

  /** Resolves once the service is as the condition says; rejects when it fails or is stopped instead. */
  reached(condition: Condition | 'up'): Promise<void> {
    const states = reachedIn[condition];
    if (states.includes(this.state)) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ states, resolve, reject }));
  }

  /** From now on a death is an accident to recover from, not a failed start. */
  settle(): void {
    this.#settled = true;
  }

  /** Sends a signal to its process; the restart policy answers a death. Resolves when it was sent, for KILL when it is dead. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.#child) throw new Error(`${this.plan.name} has no process to signal: it is ${this.state}`);
    const exited = this.#exited;
    this.#child.kill(signal);
    if (signal === 'SIGKILL') await exited;
  }

  /** Asks it to stop, kills it when its grace period is over, and resolves when it is gone. It is not restarted. */
  async stop(): Promise<void> {
    this.#turn++;
    clearTimeout(this.#restartTimer);
    await this.#prepared;
    if (this.#child && this.#launch) {
      this.#set('stopping');
      const { pid } = this.#child;
      const family = pid === undefined ? [] : processTree(pid).flatMap((one) => markOf(one.pid) ?? []);
      this.#child.kill(`SIG${this.#launch.stopSignal}`);
      const timer = setTimeout(() => pid && killGroup(pid, 'SIGKILL'), this.plan.stopGraceMs);
      await this.#exited;
      clearTimeout(timer);
      for (const mark of family) if (isAlive(mark)) process.kill(mark.pid, 'SIGKILL');
    }
    if (this.state !== 'completed' && this.state !== 'failed') this.#set('stopped');
  }

  async #run(): Promise<void> {
    const turn = ++this.#turn;
    const meant = () => turn === this.#turn;
    this.#began = performance.now();
    this.#set('preparing');
    try {
      if (this.plan.program) {
        const prepared = this.#options.prepare();
        this.#prepared = prepared.catch(() => {});
        const launch = await prepared;
        if (!meant()) return;
        this.#spawn(launch);
      }
      this.#set('starting');
      await this.#waitHealthy(meant);
    } catch (error) {
      if (meant()) this.#fail(error as Error);
    }
  }

  #spawn(launch: Launch): void {
    const child = this.#options.spawn(launch);
    this.#child = child;
    this.#launch = launch;
    this.startedAt = new Date();
    this.#exited = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        this.#onExit(`could not be started: ${error.message}`, undefined);
        resolve();
      });
      child.once('exit', (code, signal) => {
        this.#onExit(signal ? `was killed by ${signal}` : `ended with exit code ${code}`, code);
        resolve();
      });
    });
  }

  async #waitHealthy(meant: () => boolean): Promise<void> {
    const { health, name } = this.plan;
    if (!health) {
      this.#set('running');
      return;
    }
    while (meant()) {
      if (await this.#options.isHealthy(health)) {
        if (!meant()) return;
        this.#settled = true;
        this.#set('healthy');
        return;
      }
      if (meant() && performance.now() - this.#began > health.withinMs && this.state !== 'unhealthy') {
        const what = health.kind === 'http' ? health.urls.join(' and ') : `PostgreSQL on port ${health.port}`;
        if (!this.#settled) {
          throw new Error(
            `${name} was not healthy within ${health.withinMs / 1_000} s (${what}). ${this.#lastLines()}`,
          );
        }
        this.#set('unhealthy');
      }
      await sleep(this.state === 'unhealthy' ? POLL_UNHEALTHY_MS : POLL_MS);
    }
  }

  #onExit(cause: string, code: number | null | undefined): void {
    const { name, restart } = this.plan;
    const pid = this.#child?.pid ?? 0;
    this.#child = undefined;
    this.startedAt = undefined;
    if (this.state === 'stopping') return;
    this.#turn++;
    if (!restart && code === 0) {
      this.#set('completed');
      return;
    }
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WITHIN_MS), now];
    const reason = !restart
      ? 'is not to be restarted'
      : !this.#settled
        ? 'did so before it was ever ready'
        : this.#deaths.length >= DEATHS_TOO_MANY
          ? `did so for the ${DEATHS_TOO_MANY}th time within a minute`
          : undefined;
    if (reason) {
      this.#fail(new Error(`${name} ${cause} and ${reason}. ${this.#lastLines()}`));
      return;
    }
    const restartInMs = FIRST_RESTART_MS * 2 ** (this.#deaths.length - 1);
    const { path: logPath } = this.#options.log;
    const tail = this.#options.log.tail(SHOWN_LINES);
    this.#options.onEvent({ kind: 'died', service: name, pid, cause, lastLines: tail, logPath, restartInMs });
    this.#set('restarting');
    this.#restartTimer = setTimeout(() => void this.#run(), restartInMs);
  }

  #fail(error: Error): void {
    this.#turn++;
    this.#set('failed', error);
    this.#options.onFailure(error);
  }

  #lastLines(): string {
    return lastLines(this.#options.log.tail(SHOWN_LINES), this.#options.log.path);
  }

  #set(state: ServiceState, error?: Error): void {
    this.state = state;
    const afterMs = performance.now() - this.#began;
    this.#options.onEvent({
      kind: 'state',
      service: this.plan.name,
      state,
      afterMs,
      ...(this.pid && { pid: this.pid }),
    });
    const over = state === 'failed' || state === 'stopped';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.states.includes(state)) one.resolve();
      else if (over) one.reject(error ?? new Error(`${this.plan.name} was stopped`));
      else this.#waiting.push(one);
    }
  }
}
