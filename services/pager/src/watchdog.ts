/** alive: heard within the limit · waiting: not heard yet, but not long started · silent: pages may not arrive. */
export type WatchdogState = 'alive' | 'waiting' | 'silent';

export interface WatchdogStatus {
  readonly state: WatchdogState;
  /** Epoch milliseconds. */
  readonly lastSignOfLife: number | undefined;
  /** What the silence is counted from: the last sign of life, or the start when there was none. Epoch milliseconds. */
  readonly since: number;
  readonly ageMs: number;
}

export interface WatchdogOptions {
  readonly now: () => number;
  /** Silence for longer than this means that alerting does not work. */
  readonly silenceMs: number;
  /** The last sign of life that an earlier run stored. */
  readonly last: number | undefined;
}

/** The dead man's switch: an alert that always fires must keep arriving. */
export interface Watchdog {
  readonly silenceMs: number;
  heard(at: number): void;
  status(): WatchdogStatus;
}

export function createWatchdog({ now, silenceMs, last }: WatchdogOptions): Watchdog {
  const startedAt = now();
  let lastSignOfLife = last;
  return {
    silenceMs,
    heard: (at) => {
      lastSignOfLife = at;
    },
    status: () => {
      const since = lastSignOfLife ?? startedAt;
      const ageMs = Math.max(0, now() - since);
      const state = ageMs > silenceMs ? 'silent' : lastSignOfLife === undefined ? 'waiting' : 'alive';
      return { state, lastSignOfLife, since, ageMs };
    },
  };
}
