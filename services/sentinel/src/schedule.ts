/** Time, passed in so that a day can be tested in a moment. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `run` once after `ms`; returns how to take that back. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export interface Job {
  readonly name: string;
  /** Milliseconds between two due times, which are whole multiples of it since 1970 UTC, plus `offset`. */
  readonly every: number;
  readonly offset?: number;
  /** Due times that passed while sentinel was stopped are made good, once, at the start. */
  readonly catchUp?: boolean;
  /** `signal` is aborted when sentinel stops. */
  run(due: number, signal: AbortSignal): Promise<void>;
}

export interface ScheduleOptions {
  readonly clock: Clock;
  /** Due time of the last run of each job that catches up; kept over restarts. */
  readonly memory: { last(job: string): number | undefined; remember(job: string, due: number): void };
  readonly failed: (job: string, error: unknown) => void;
}

export interface Schedule {
  /** Runs the job from now on, each due time once, and never twice at the same time. */
  add(job: Job): void;
  /** Aborts what runs and resolves when it has ended. */
  close(): Promise<void>;
}

/** Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Due times lie on a grid in UTC, so that a local clock that is put forward or back neither skips nor doubles one. A run that
 * takes longer than until the next due time is followed at once by the newest one it missed.
 */
export function createSchedule({ clock, memory, failed }: ScheduleOptions): Schedule {
  const abort = new AbortController();
  const timers = new Set<() => void>();
  const running = new Set<Promise<void>>();

  return {
    add({ name, every, offset = 0, catchUp = false, run }) {
      const newest = (time: number) => Math.floor((time - offset) / every) * every + offset;
      let last = catchUp ? memory.last(name) : undefined;
      last ??= newest(clock.now());

      const wait = () => {
        if (abort.signal.aborted) return;
        const now = clock.now();
        // A clock that was put back must not silence a job until it has caught up.
        if (last! > now + every) last = newest(now);
        const ms = Math.min(Math.max(0, last! + every - now), LONGEST_TIMER_MS);
        const cancel = clock.after(ms, () => {
          timers.delete(cancel);
          tick();
        });
        timers.add(cancel);
      };
      const tick = () => {
        const due = newest(clock.now());
        // A timer may fire a little early.
        if (due <= last!) return wait();
        last = due;
        if (catchUp) memory.remember(name, due);
        const ended: Promise<void> = Promise.resolve()
          .then(() => run(due, abort.signal))
          .catch((error: unknown) => {
            if (!abort.signal.aborted) failed(name, error);
          })
          .then(() => {
            running.delete(ended);
            wait();
          });
        running.add(ended);
      };
      wait();
    },
    async close() {
      abort.abort();
      for (const cancel of timers) cancel();
      await Promise.all(running);
    },
  };
}
