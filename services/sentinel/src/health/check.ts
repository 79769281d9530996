import type { HEALTH_STATES } from '@clinic/catalogue/vocabulary';
import type { Clock } from '../schedule.ts';

export type HealthState = (typeof HEALTH_STATES)[number];

/** What a probe found. The message is for a person, and never holds one. */
export interface Finding {
  readonly state: HealthState;
  readonly message: string;
}

/** Asks once. Ends soon after `signal` is aborted; what it throws means down. */
export type Probe = (signal: AbortSignal) => Promise<Finding>;

export interface CheckResult extends Finding {
  readonly check: string;
  /** Milliseconds; null before the first probe has ended. */
  readonly latencyMs: number | null;
  /** Epoch milliseconds; null before the first probe has ended. */
  readonly checkedAt: number | null;
  /** Since when it is in this state. */
  readonly since: number | null;
  readonly flapping: boolean;
}

export interface Check {
  readonly name: string;
  /** Probes once; at most one probe runs at a time. Resolves by the deadline, whatever the probe does. */
  run(stop?: AbortSignal): Promise<void>;
  current(): CheckResult;
}

export interface CheckOptions {
  readonly name: string;
  readonly probe: Probe;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly deadline: number;
  /** Milliseconds; an older result says nothing. */
  readonly freshFor: number;
  readonly changed?: (result: Finding) => void;
}

/** Of the last ten probes, so many changes of state are flapping. */
const REMEMBERED = 10;
const FLAPPING_CHANGES = 4;

/** What may be told of an error: its code, or its class. A message may quote what was sent. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^[A-Z0-9_]{2,40}$/.test(code)) return code;
  return error instanceof Error ? error.name : 'unknown';
}

export function createCheck({ name, probe, clock, deadline, freshFor, changed }: CheckOptions): Check {
  const states: HealthState[] = [];
  let hanging = false;
  let running: Promise<void> | undefined;
  let last: Omit<CheckResult, 'check' | 'flapping'> = {
    state: 'unknown',
    message: 'Not checked yet.',
    latencyMs: null,
    checkedAt: null,
    since: null,
  };

  const flapping = () =>
    states.filter((state, index) => index > 0 && state !== states[index - 1]).length >= FLAPPING_CHANGES;

  function note(finding: Finding, start: number): void {
    const now = clock.now();
    const before = states.at(-1);
    states.push(finding.state);
    if (states.length > REMEMBERED) states.shift();
    const same = before === finding.state;
    last = { ...finding, latencyMs: now - start, checkedAt: now, since: same ? last.since : now };
    if (before !== undefined && !same) changed?.(finding);
  }

  async function once(stop?: AbortSignal): Promise<void> {
    const start = clock.now();
    // A probe that not even its abort could end: another one would hang beside it.
    if (hanging) return note({ state: 'down', message: 'The probe before still hangs.' }, start);
    hanging = true;
    const abort = new AbortController();
    const ended = Promise.resolve()
      .then(() => probe(abort.signal))
      .catch((error: unknown): Finding => ({ state: 'down', message: `It does not answer (${reasonOf(error)}).` }))
      .finally(() => {
        hanging = false;
      });
    let cancel = () => {};
    const late = new Promise<Finding>((resolve) => {
      cancel = clock.after(deadline, () =>
        resolve({ state: 'down', message: `No answer within ${deadline / 1000} s.` }),
      );
    });
    const stopped = new Promise<undefined>((resolve) => {
      if (stop?.aborted) resolve(undefined);
      stop?.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const finding = await Promise.race([ended, late, stopped]);
    cancel();
    abort.abort();
    if (finding) note(finding, start);
  }

  return {
    name,
    run(stop) {
      running ??= once(stop).finally(() => {
        running = undefined;
      });
      return running;
    },
    current() {
      const checkedAt = last.checkedAt;
      if (checkedAt !== null && clock.now() - checkedAt > freshFor) {
        return { check: name, ...last, state: 'unknown', message: 'Not checked for too long.', flapping: false };
      }
      const unsteady = flapping();
      if (unsteady && last.state === 'healthy') {
        return {
          check: name,
          ...last,
          state: 'degraded',
          message: 'It answers now, but comes and goes.',
          flapping: true,
        };
      }
      return { check: name, ...last, flapping: unsteady };
    },
  };
}
