import { limitOf, METRICS, OTHER_METRIC } from '@clinic/catalogue/limits';
import { type Stats, statsOf } from '../stats.ts';
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
  const series: { [metric in Metric]?: { total: number; samples: number[] } } = {};
  const known = (metric: string): Metric => METRICS.find((each) => each === metric) ?? OTHER_METRIC;

  const monitor = {
    rejected: 0,
    recordMetric(name: string, ms: number, context?: Context): boolean {
      if (!(Number.isFinite(ms) && ms >= 0)) {
        monitor.rejected++;
        return false;
      }
      const metric = known(name);
      series[metric] ??= { total: 0, samples: [] };
      series[metric].samples[series[metric].total++ % window] = ms;
      emit(metric, ms, context);
      return ms > limitOf(metric);
    },
    startTiming(metric: string) {
      const start = now();
      let ms: number | undefined;
      return () => {
        if (ms === undefined) {
          ms = now() - start;
          monitor.recordMetric(metric, ms);
        }
        return ms;
      };
    },
    getStats(metric: string): Stats | undefined {
      const sorted = series[known(metric)]?.samples.toSorted((a, b) => a - b);
      return sorted && statsOf(sorted);
    },
  };
  return monitor;
}
