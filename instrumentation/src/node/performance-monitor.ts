import { limitOf, METRIC_NAME, OTHER_METRIC } from '@clinic/catalogue/limits';
import type { Histogram } from 'prom-client';
import { type Stats, statsOf } from '../stats.ts';
import { activeRequest, type RequestInfo, SYNTHETIC_LABEL } from './request.ts';
import { Series } from './series.ts';
import type { SlowEvents } from './slow-events.ts';

export interface PerformanceMonitorOptions {
  readonly slowEvents: Pick<SlowEvents, 'add'>;
  readonly histogram?: Histogram<'metric' | 'source' | 'user_agent_synthetic_type'>;
  /** Names that may be recorded; every other one is recorded as `other`. */
  readonly metrics: readonly string[];
  /** Samples kept per metric for `getStats`. */
  readonly window?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

export interface Occasion {
  /** The request that it belongs to; the one being handled when left out. */
  readonly request?: RequestInfo | undefined;
  /** Asked only when the value is slow. */
  readonly uid?: (() => string) | undefined;
}

interface Window {
  readonly metric: string;
  readonly limit: number;
  readonly samples: Float64Array;
  /** Values ever recorded. */
  total: number;
  readonly exported: Series | undefined;
  /** From the first synthetic request on. */
  synthetic?: Series;
}

/** Times operations. A duration strictly greater than its metric's limit is a slow event. */
export class PerformanceMonitor {
  readonly #series = new Map<string, Window>();
  readonly #other: Window;
  readonly #slowEvents: Pick<SlowEvents, 'add'>;
  readonly #window: number;
  readonly #histogram: PerformanceMonitorOptions['histogram'];
  readonly #now: () => number;
  /** Values that were refused (`refused`) and names that were not declared (`undeclared`, recorded as `other`). */
  readonly counters = { refused: 0, undeclared: 0 };

  /** Throws a TypeError for a metric's name that is not snake_case of at most 40 characters. */
  constructor({
    slowEvents,
    histogram,
    metrics,
    window = 1000,
    now = () => performance.now(),
  }: PerformanceMonitorOptions) {
    this.#slowEvents = slowEvents;
    this.#window = window;
    this.#histogram = histogram;
    this.#now = now;
    for (const metric of new Set([...metrics, OTHER_METRIC])) {
      if (!METRIC_NAME.test(metric)) {
        throw new TypeError(`the metric ${JSON.stringify(metric)} is not a name such as chart_render (a-z, 0-9, _)`);
      }
      this.#series.set(metric, {
        metric,
        limit: limitOf(metric),
        samples: new Float64Array(window),
        total: 0,
        exported: histogram && new Series(histogram, { metric, source: 'server' }),
      });
    }
    this.#other = this.#series.get(OTHER_METRIC)!;
  }

  /** Starts a clock; the returned function stops it once, records, and returns the milliseconds. */
  startTiming(metric: string): () => number {
    const start = this.#now();
    let duration: number | undefined;
    return () => {
      if (duration === undefined) {
        duration = this.#now() - start;
        this.recordMetric(metric, duration);
      }
      return duration;
    };
  }

  /** Never throws: a value that is not a finite number >= 0 is refused and counted. Returns whether the value was slow. */
  recordMetric(metric: string, ms: number, occasion?: Occasion): boolean {
    if (typeof ms !== 'number' || !(ms >= 0) || ms === Infinity) {
      this.counters.refused++;
      return false;
    }
    let series = this.#series.get(metric);
    if (!series) {
      this.counters.undeclared++;
      series = this.#other;
    }
    series.samples[series.total++ % this.#window] = ms;
    const request = occasion?.request ?? activeRequest();
    (request?.synthetic ? this.#syntheticOf(series) : series.exported)?.observe(ms / 1000);
    if (!(ms > series.limit)) return false;
    if (request) request.slow = true;
    this.#slowEvents.add({
      metric: series.metric,
      durationMs: ms,
      thresholdMs: series.limit,
      ...(request ? { route: request.route.template, trace: request.span.spanContext() } : {}),
      ...(occasion?.uid ? { uid: occasion.uid() } : {}),
    });
    return true;
  }

  #syntheticOf(series: Window): Series | undefined {
    const histogram = this.#histogram;
    if (histogram) {
      series.synthetic ??= new Series(histogram, { metric: series.metric, source: 'server', ...SYNTHETIC_LABEL });
    }
    return series.synthetic;
  }

  /** Statistics of the last values; undefined before the first. An undeclared name means `other` here as well. */
  getStats(metric: string): Stats | undefined {
    const series = this.#series.get(metric) ?? this.#other;
    if (series.total === 0) return undefined;
    return statsOf(series.samples.slice(0, Math.min(series.total, this.#window)).sort());
  }
}
