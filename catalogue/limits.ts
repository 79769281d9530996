import { APP_METRICS } from './apps.ts';

/**
 * Milliseconds. An operation is slow when it took strictly longer than its metric's limit; more than five slow events of
 * one metric within an hour page on-call.
 */
export const LIMITS = {
  page_load: 3000,
  api_call: 1000,
  database_query: 500,
  render: 100,
} as const satisfies Record<string, number>;

export type KnownMetric = keyof typeof LIMITS;

/** Milliseconds, for every metric that is not listed in {@link LIMITS}. */
export const DEFAULT_LIMIT = 1000;

/** Every metric that the clinic times. A name that is not here is recorded as {@link OTHER_METRIC}: a name may not carry a value. */
export const METRICS = [
  'page_load',
  'api_call',
  'database_query',
  'render',
  'sign_in',
  'search',
  'book_appointment',
  'write_note',
  'upload_document',
  ...APP_METRICS,
  'other',
] as const;

/** The shape of a metric's name. Names of another shape, and names beyond {@link MAX_METRICS}, are recorded as `other`. */
export const METRIC_NAME = /^[a-z][a-z0-9_]{0,39}$/;
export const MAX_METRICS = 50;
export const OTHER_METRIC = 'other';

/** This many slow events of one metric within {@link WINDOW_MS} are tolerated; one more pages. */
export const TOLERATED_SLOW_EVENTS = 5;
export const WINDOW_MS = 3_600_000;

/** The limit of a metric in milliseconds. */
export function limitOf(metric: string): number {
  return Object.hasOwn(LIMITS, metric) ? LIMITS[metric as KnownMetric] : DEFAULT_LIMIT;
}
