import { limitOf, METRICS, OTHER_METRIC } from '@clinic/catalogue/limits';
import type { Stats } from '../stats.ts';
import type { Metric } from './wire.ts';

export interface PerformanceMonitor<Context = never> {
  /** Starts a clock; the returned function stops it once, records, and returns the milliseconds. */
  startTiming(metric: string): () => number;
  /** Never throws. A name that the catalogue does not list is recorded as `other`. Returns whether the value was slow. */
  recordMetric(metric: string, ms: number, context?: Context): boolean;
  /** Undefined as long as nothing was recorded. */
  getStats(metric: string): Stats | undefined;
  /** Values that were not a finite, non-negative number. */
  readonly rejected: number;
}

export interface PerformanceMonitorOptions<Context> {
  readonly emit: (metric: Metric, ms: number, context?: Context) => void;
  /** Samples kept per metric for `getStats`. */
  readonly window?: number;
  /** Milliseconds of a clock that does not jump. */
  readonly now?: () => number;
}

/** Timings in a browser; the same API as in Node. */
export function performanceMonitorOf<Context = never>({
  emit,
  window = 1000,
  now = () => performance.now(),
}: PerformanceMonitorOptions<Context>): PerformanceMonitor<Context> {
  const series = new Map<string, { total: number; samples: number[] }>();
  let rejected = 0;
  const known = (metric: string) => METRICS.find((each) => each === metric) ?? OTHER_METRIC;

  function recordMetric(name: string, ms: number, context?: Context): boolean {
    if (!(Number.isFinite(ms) && ms >= 0)) {
      rejected++;
      return false;
    }
    const metric = known(name);
    const one = series.get(metric) ?? { total: 0, samples: [] };
    series.set(metric, one);
    one.samples[one.total++ % window] = ms;
    emit(metric, ms, context);
    return ms > limitOf(metric);
  }

  return {
    recordMetric,
    startTiming(metric) {
      const start = now();
      let ms: number | undefined;
      return () => {
        if (ms === undefined) {
          ms = now() - start;
          recordMetric(metric, ms);
        }
        return ms;
      };
    },
    getStats(metric) {
      const sorted = series.get(known(metric))?.samples.toSorted((a, b) => a - b);
      if (!sorted) return;
      const count = sorted.length;
      return {
        count,
        min: sorted[0]!,
        max: sorted.at(-1)!,
        avg: sorted.reduce((sum, ms) => sum + ms) / count,
        p95: sorted[Math.ceil(0.95 * count) - 1]!,
      };
    },
    get rejected() {
      return rejected;
    },
  };
}
