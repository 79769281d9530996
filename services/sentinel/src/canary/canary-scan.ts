import { CANARY_RHYTHM } from '@clinic/catalogue/canary';
import type { CANARY_PLACES } from '@clinic/catalogue/vocabulary';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import { reasonOf } from '../health/check.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../memory.ts';
import type { Clock, Schedule } from '../schedule.ts';
import { type Findings, searchPrometheus } from './prometheus-search.ts';
import { searchTempo } from './tempo-search.ts';

type Place = (typeof CANARY_PLACES)[number];
/** What was found in each place; a place that could not be searched to its end has none. */
export type CanaryReport = Readonly<Record<Place, Findings | undefined>>;

export interface CanaryScanOptions {
  readonly prometheusUrl: string;
  readonly tempoUrl: string;
  readonly schedule: Pick<Schedule, 'add'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly memory: Pick<Memory, 'get' | 'set'>;
  readonly instruments: Pick<Instruments, 'gauge'>;
  readonly log: Log;
}

/** Milliseconds. Two scans overlap, so that what arrives late is seen once at least. */
const LOOK_BACK_MS = 2 * CANARY_RHYTHM.every;
const DEADLINE_MS = 5 * 60_000;
const LAST_SUCCESS = 'canary:last_success';

const sum = (findings: Findings) => Object.values(findings).reduce((total, each) => total + each, 0);

/** A place could not be searched, so nobody knows what is in it. */
export class CanaryScanIncomplete extends Error {
  override readonly name = 'CanaryScanIncomplete';
}

/**
 * Looks for the synthetic patient's words in what Prometheus and Tempo hold, once an hour and when `scanNow` is called; at most
 * one scan runs at a time.
 */
export function startCanaryScan({
  prometheusUrl,
  tempoUrl,
  schedule,
  clock,
  memory,
  instruments,
  log,
}: CanaryScanOptions): { scanNow(signal?: AbortSignal): Promise<CanaryReport> } {
  const findings = instruments.gauge('canaryFindings');
  const lastSuccess = instruments.gauge('canaryLastSuccess');
  const before = memory.get<number>(LAST_SUCCESS);
  lastSuccess.remove();
  if (before !== undefined) lastSuccess.set(before / 1000);
  const counts = new Map<Place, number>();

  async function search(place: Place, work: () => Promise<Findings>): Promise<Findings | undefined> {
    try {
      const found = await work();
      const count = sum(found);
      counts.set(place, count);
      findings.set({ place }, count);
      if (count > 0) log('error', 'canary_found', { place, ...found });
      return found;
    } catch (error) {
      // What was found stays until it is known to be gone; that nothing was found is no longer known.
      if (counts.get(place) === 0) findings.remove({ place });
      log('warn', 'canary_search_failed', { place, error: reasonOf(error) });
      return undefined;
    }
  }

  async function scan(stop?: AbortSignal): Promise<CanaryReport> {
    const now = clock.now();
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const signal = stop ? AbortSignal.any([stop, deadline]) : deadline;
    const from = now - LOOK_BACK_MS;
    const [prometheus, tempo] = await Promise.all([
      search('prometheus', () => searchPrometheus(prometheusUrl, from, signal)),
      search('tempo', () => searchTempo(tempoUrl, from, now + 60_000, signal)),
    ]);
    if (prometheus && tempo) {
      memory.set(LAST_SUCCESS, now);
      lastSuccess.set(now / 1000);
    }
    return { prometheus, tempo };
  }

  let running: Promise<CanaryReport> | undefined;
  const scanNow = (signal?: AbortSignal) => {
    running ??= scan(signal).finally(() => {
      running = undefined;
    });
    return running;
  };
  schedule.add({
    name: 'canary',
    ...CANARY_RHYTHM,
    catchUp: true,
    run: async (_due, signal) => {
      const { prometheus, tempo } = await scanNow(signal);
      if (!prometheus || !tempo) throw new CanaryScanIncomplete('A place could not be searched.');
    },
  });
  return { scanNow };
}
