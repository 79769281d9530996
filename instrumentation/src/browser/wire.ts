/**
 * What the browser posts to `/telemetry`: JSON, as `application/json` or `text/plain`. It holds words of the catalogue,
 * numbers and random ids; nothing else has a place in it. Delivery is at least once: `(id, seq)` names a batch for ever,
 * and a server drops one that it has seen.
 */
import type { METRICS } from '@clinic/catalogue/limits';
import type { ApiRoute, PageRoute, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import type { ERROR_TYPES, HTTP_METHODS, RATINGS, WEB_VITALS } from '@clinic/catalogue/vocabulary';

export type Page = PageRoute | typeof UNKNOWN_ROUTE;
export type Metric = (typeof METRICS)[number];
export type WebVital = (typeof WEB_VITALS)[number];

/** Longer durations are sent as this, in milliseconds. */
export const MAX_DURATION = 600_000;

export interface Batch {
  readonly v: 1;
  /** A random UUID, new with each page load. */
  readonly id: string;
  /** An integer >= 0, counted up within `id`. */
  readonly seq: number;
  /** The client's epoch milliseconds at the moment of sending; new whenever the batch is sent again. */
  readonly at: number;
  /** How many items were lost since the last batch. */
  readonly drop: number;
  /** At most 200, and less than 50 KiB of text. */
  readonly items: readonly WireItem[];
}

export type WireItem = MetricItem | ErrorItem | CallItem | PageLoadItem;

export interface MetricItem {
  readonly k: 'm';
  /** Client epoch milliseconds of the end of what was timed. */
  readonly t: number;
  readonly n: Metric | WebVital;
  /** Milliseconds >= 0; layout shift (CLS) has no unit. */
  readonly v: number;
  readonly p: Page;
  readonly r?: (typeof RATINGS)[number] | undefined;
  /** Trace id (32 hex digits) and span id (16) of the page load or call that was timed. */
  readonly i?: string | undefined;
  readonly j?: string | undefined;
}

export interface ErrorItem {
  readonly k: 'e';
  readonly t: number;
  readonly n: (typeof ERROR_TYPES)[number];
  /** 16 hex digits that name the place in our own bundle, or "". */
  readonly h: string;
  readonly p: Page;
}

/** A call to the API, as a client span. */
export interface CallItem {
  readonly k: 's';
  /** Client epoch milliseconds of the start. */
  readonly t: number;
  /** Milliseconds until the answer's headers, or until the call failed. */
  readonly d: number;
  readonly n: (typeof HTTP_METHODS)[number];
  readonly a: ApiRoute;
  readonly p: Page;
  readonly i: string;
  readonly j: string;
  /** The page load that it is part of. */
  readonly u?: string | undefined;
  /** Status 100..599, or 0 when no answer came. */
  readonly c: number;
}

export interface PageLoadItem {
  readonly k: 'l';
  /** Client epoch milliseconds of the start of the navigation. */
  readonly t: number;
  /** Milliseconds until the page's own data was painted, or until the user left. */
  readonly d: number;
  readonly p: Page;
  readonly i: string;
  readonly j: string;
  /** The server span that served the document; absent in a navigation within the app. */
  readonly u?: string | undefined;
}
