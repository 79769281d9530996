import type { Threshold } from './generator.ts';
import type { Machine } from './machine.ts';
import type { Curve } from './observations.ts';
import type { Sample } from './samples.ts';
import { ascending, mean, quantile } from './statistics.ts';
import { STEPS, type Step } from './steps.ts';

/** A least, a middle and a greatest count. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** Traces that were counted. */
  readonly n: number;
}

/** Times in milliseconds. */
export interface StepResult {
  readonly step: Step;
  readonly count: number;
  readonly failed: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** Of the answer's body; the median. */
  readonly bytes: number;
  /** Statements a request, from traces; undefined without Tempo. */
  readonly sql?: Spread;
}

export interface SlowSample {
  readonly step: Step;
  readonly ms: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly users: number;
  readonly trace: string;
  /** Where it is, when Tempo has it. */
  readonly url?: string;
}

/** A part of the whole time; durations in milliseconds. */
export interface Slice {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly users: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly failed: number;
}

/** What one resource was used, against what there is. */
export interface Resource {
  readonly name: 'cpu' | 'memory' | 'connections' | 'event_loop' | 'machine';
  readonly title: string;
  readonly unit: 'cores' | 'bytes' | 'connections' | 'seconds' | 'share';
  readonly limit?: number;
  readonly mean: number;
  /** Of what was read every few seconds. */
  readonly p95: number;
  readonly max: number;
  readonly curve: Curve;
}

export type Verdict = 'passed' | 'failed' | 'inconclusive';

/** What a load test found; written as JSON. */
export interface LoadResult {
  readonly format: 1;
  readonly scenario: string;
  readonly verdict: Verdict;
  /** Why it says nothing, when it is inconclusive. */
  readonly reason?: string;
  /** ISO 8601; from the first request to the last. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly timeScale: number;
  readonly target: string;
  readonly machine: Machine;
  /** SHA-256 of the scripts that made it. */
  readonly script: string;
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly peakUsers: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly thresholds: readonly Threshold[];
  readonly steps: readonly StepResult[];
  readonly slowest: readonly SlowSample[];
  readonly timeline: readonly Slice[];
  readonly resources: readonly Resource[];
  /** Appointments that the test itself could not cancel, and that were cancelled afterwards. */
  readonly tidied: number;
  readonly remarks: readonly string[];
}

/** Without those that only prepared the test. */
export const measured = (samples: readonly Sample[]): Sample[] => samples.filter(({ users }) => users > 0);

export function stepResults(samples: readonly Sample[]): StepResult[] {
  return (Object.keys(STEPS) as Step[]).flatMap((step) => {
    const own = samples.filter((sample) => sample.step === step);
    if (own.length === 0) return [];
    const sorted = ascending(own.map(({ ms }) => ms));
    return {
      step,
      count: own.length,
      failed: own.filter(({ good }) => !good).length,
      p50: quantile(sorted, 0.5),
      p95: quantile(sorted, 0.95),
      p99: quantile(sorted, 0.99),
      max: sorted.at(-1)!,
      bytes: quantile(ascending(own.map(({ bytes }) => bytes)), 0.5),
    };
  });
}

/** The slowest of each step that is asked for, and of all, slowest first. */
export function slowestSamples(samples: readonly Sample[], count: number): Sample[] {
  const sorted = samples.toSorted((a, b) => b.ms - a.ms);
  const ofSteps = (Object.keys(STEPS) as Step[]).flatMap((step) => sorted.find((sample) => sample.step === step) ?? []);
  return [...new Set([...sorted.slice(0, count), ...ofSteps])].toSorted((a, b) => b.ms - a.ms);
}

const SLICES = 100;

export function timelineOf(samples: readonly Sample[]): Slice[] {
  if (samples.length === 0) return [];
  const from = samples.reduce((least, { at }) => Math.min(least, at), Infinity);
  const to = samples.reduce((most, { at }) => Math.max(most, at), 0);
  const seconds = Math.max(1, Math.ceil((to - from + 1) / 1000 / SLICES));
  const slices = Map.groupBy(samples, ({ at }) => Math.floor((at - from) / 1000 / seconds));
  return [...slices]
    .toSorted(([a], [b]) => a - b)
    .map(([index, own]) => {
      const sorted = ascending(own.map(({ ms }) => ms));
      return {
        at: index * seconds,
        users: Math.max(...own.map(({ users }) => users)),
        perSecond: own.length / seconds,
        p50: quantile(sorted, 0.5),
        p95: quantile(sorted, 0.95),
        failed: own.filter(({ good }) => !good).length,
      };
    });
}

export function spread(counts: readonly number[]): Spread | undefined {
  if (counts.length === 0) return undefined;
  const sorted = ascending(counts);
  return { min: sorted[0]!, median: quantile(sorted, 0.5), max: sorted.at(-1)!, n: sorted.length };
}

export function resource(about: Omit<Resource, 'mean' | 'p95' | 'max'>): Resource[] {
  const values = ascending(about.curve.map(([, value]) => value));
  if (values.length === 0) return [];
  return [
    {
      ...about,
      mean: mean(values),
      p95: quantile(values, 0.95),
      max: values.at(-1)!,
    },
  ];
}
