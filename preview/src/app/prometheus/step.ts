/** The smallest step that is of use: how often the Collector scrapes, as `timeInterval` of Grafana's data source says. */
export const SCRAPE_INTERVAL = '5s';
/** Prometheus refuses more points of one series. */
const MOST_POINTS = 11_000;

export interface Step {
  /** Between two points, in ms. */
  readonly stepMs: number;
  /** `$__rate_interval`: wide enough that a rate always sees two samples, in ms. */
  readonly rateIntervalMs: number;
}

/**
 * As Grafana's Prometheus data source does.
 * @param intervalMs what the width of the panel asks for
 * @param minStepMs of the query, else of the data source
 */
export function stepOf({
  intervalMs,
  minStepMs,
  rangeMs,
}: Record<'intervalMs' | 'minStepMs' | 'rangeMs', number>): Step {
  const safe = Math.ceil(rangeMs / MOST_POINTS / 1000) * 1000;
  const stepMs = Math.max(intervalMs, minStepMs, safe, 1000);
  return { stepMs, rateIntervalMs: Math.max(stepMs + minStepMs, 4 * minStepMs) };
}
