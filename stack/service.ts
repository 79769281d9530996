import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, HealthCheck } from './compose.ts';
import { lastLines, type ServiceState, type StackEvent } from './event.ts';
import { askedOf, type Health } from './health.ts';
import type { LogFile } from './log-file.ts';
import type { ServicePlan } from './plan.ts';
import { processTree } from './process-table.ts';
import { killGroup, type Launch } from './reaper.ts';
import { isAlive, markOf } from './run-record.ts';
import { Missing } from './supplies.ts';

const POLL_MS = 100;
const POLL_UNHEALTHY_MS = 1_000;
const FIRST_RESTART_MS = 500;
const DEATHS_TOO_MANY = 5;
const DEATHS_WITHIN_MS = 60_000;
const SHOWN_LINES = 15;

export interface ServiceOptions {
  plan: ServicePlan;
  log: LogFile;
  /**
   * Waits for what the program needs and is not there yet; `onProgress` is told how far it is. Undefined when all is there.
   * @throws {Missing} it cannot be had
   */
  obtain(onProgress: (detail: string) => void): Promise<void> | undefined;
  /** Makes ready what the program needs and says how to launch it; called before every start. */
  prepare(): Promise<Launch>;
  spawn(launch: Launch): ChildProcess;
  askHealth(check: HealthCheck): Promise<Health>;
  onEvent(event: StackEvent): void;
  /** The service cannot go on by itself: the whole run must stop. */
  onFailure(error: Error): void;
}

/** `begun`: its program runs. For `service_started` it is enough that nothing but its program is waited for. */
export type Reached = Condition | 'begun' | 'up';

const begun: ServiceState[] = ['starting', 'healthy', 'running', 'unhealthy', 'completed'];
const reachedIn: Record<Reached, ServiceState[]> = {
  begun,
  service_started: [...begun, 'obtaining', 'missing'],
  service_healthy: ['healthy'],
  service_completed_successfully: ['completed'],
  up: ['healthy', 'running', 'completed'],
};

/** One service: starts it, waits until it is healthy, restarts it when it dies, stops it. */
export class Service {
  readonly plan: ServicePlan;
  state: ServiceState = 'waiting';
  /** More of the state, for people. */
  detail: string | undefined;
  /** How often it was begun. */
  starts = 0;
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

  /** Starts it unless it is started already; resolves when it is up. @throws {Missing} what it needs cannot be had */
  start(): Promise<void> {
    if (this.state === 'waiting' || this.state === 'stopped') void this.#run();
    return this.reached('up');
  }

  /** Resolves once the service is as the condition says; rejects when it fails, is stopped, or is missing instead. */
  reached(condition: Reached): Promise<void> {
    const states = reachedIn[condition];
    if (states.includes(this.state)) return Promise.resolve();
    if (this.state === 'missing') return Promise.reject(this.#missing());
    return new Promise((resolve, reject) => this.#waiting.push({ states, resolve, reject }));
  }

  /** It cannot be started: what it depends on cannot be had. */
  miss({ message }: Missing): void {
    if (this.state === 'waiting') this.#set('missing', { detail: message });
  }

  #missing(): Missing {
    return new Missing(`needs ${this.plan.title}, which is missing`);
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
    await this.#end();
    if (this.state !== 'completed' && this.state !== 'failed') this.#set('stopped');
  }

  /**
   * Stops it and starts it again, which is no death; resolves when it is up again. What depends on it goes on.
   * @throws {Error} it is not yet, or no longer, there to be restarted
   */
  async restart(): Promise<void> {
    const early: ServiceState[] = ['waiting', 'obtaining', 'preparing', 'stopping'];
    if (early.includes(this.state)) {
      throw new Error(`${this.plan.title} cannot be restarted now: it is ${this.state}`);
    }
    const turn = this.#turn + 1;
    await this.#end();
    if (turn !== this.#turn) return;
    void this.#run();
    await this.reached('up');
  }

  async #end(): Promise<void> {
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
  }

  async #run(): Promise<void> {
    const turn = ++this.#turn;
    const meant = () => turn === this.#turn;
    this.#began = performance.now();
    this.starts++;
    try {
      const obtained = this.#options.obtain((detail) => {
        if (meant()) this.#set('obtaining', { detail });
      });
      if (obtained) {
        if (this.state !== 'obtaining') this.#set('obtaining');
        await obtained;
        if (!meant()) return;
        this.#began = performance.now();
      }
      this.#set('preparing');
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
      if (!meant()) return;
      if (error instanceof Missing) this.#set('missing', { detail: error.message });
      else this.#fail(error as Error);
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
    const { health, title } = this.plan;
    if (!health) {
      this.#set('running');
      return;
    }
    let saidAfterMs = 0;
    while (meant()) {
      const { healthy, answer } = await this.#options.askHealth(health);
      if (!meant()) return;
      if (healthy) {
        this.#settled = true;
        this.#set('healthy');
        return;
      }
      // Slow is not wrong: the machine may be busy. Only a process that ends is.
      const afterMs = performance.now() - this.#began;
      if (afterMs - saidAfterMs > health.withinMs) {
        saidAfterMs = afterMs;
        const detail = `asked ${askedOf(health)} for ${Math.round(afterMs / 1_000)} s, last answer: ${answer}; still waiting`;
        this.#options.onEvent({ kind: 'note', text: `waiting for ${title}: ${detail}` });
        this.#set(this.#settled ? 'unhealthy' : 'starting', { detail });
      }
      await sleep(this.state === 'unhealthy' ? POLL_UNHEALTHY_MS : POLL_MS);
    }
  }

  #onExit(cause: string, code: number | null | undefined): void {
    const { name, title, restart } = this.plan;
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
      this.#fail(new Error(`${title} ${cause} and ${reason}. ${this.#lastLines()}`));
      return;
    }
    const restartInMs = FIRST_RESTART_MS * 2 ** (this.#deaths.length - 1);
    const { path: logPath } = this.#options.log;
    const tail = this.#options.log.tail(SHOWN_LINES);
    this.#options.onEvent({ kind: 'died', service: name, title, pid, cause, lastLines: tail, logPath, restartInMs });
    this.#set('restarting');
    this.#restartTimer = setTimeout(() => void this.#run(), restartInMs);
  }

  #fail(error: Error): void {
    this.#turn++;
    this.#set('failed', { error });
    this.#options.onFailure(error);
  }

  #lastLines(): string {
    return lastLines(this.#options.log.tail(SHOWN_LINES), this.#options.log.path);
  }

  #set(state: ServiceState, { error, detail }: { error?: Error; detail?: string } = {}): void {
    this.state = state;
    this.detail = detail;
    const afterMs = performance.now() - this.#began;
    this.#options.onEvent({
      kind: 'state',
      service: this.plan.name,
      title: this.plan.title,
      state,
      ...(detail !== undefined && { detail }),
      afterMs,
      ...(this.pid && { pid: this.pid }),
    });
    const over = state === 'failed' || state === 'stopped';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.states.includes(state)) one.resolve();
      else if (over) one.reject(error ?? new Error(`${this.plan.title} was stopped`));
      else if (state === 'missing') one.reject(this.#missing());
      else this.#waiting.push(one);
    }
  }
}
