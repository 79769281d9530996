/**
 * What the browser posts to `/telemetry`: JSON, as `application/json` or `text/plain`. It holds words of the catalogue,
 * numbers and random ids; nothing else has a place in it. Delivery is at least once: `(id, seq)` names a batch for ever,
 * and a server drops one that it has seen.
 *
 * Items travel as lists, so that a burst of 2,000 fits into the 64 KiB that a page may send when it goes away. `Word` is a
 * text, or its place in `w`, from 1; `Time` is in milliseconds after `t`. What is missing at the end of a list, null or 0, is not
 * there; for a page that is not there `p` stands.
 */
import type { METRICS } from '@clinic/catalogue/limits';
import type { ApiRoute, PageRoute, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import type { ERROR_TYPES, HTTP_METHODS, RATINGS, SPAN_NAMES, WEB_VITALS } from '@clinic/catalogue/vocabulary';

export type Page = PageRoute | typeof UNKNOWN_ROUTE;
export type Metric = (typeof METRICS)[number];
export type WebVital = (typeof WEB_VITALS)[number];

/** At most, in a batch. */
export const MAX_ITEMS = 5_000;
/** At most, of an error. */
export const MAX_FRAMES = 10;

export interface Batch {
  readonly v: 2;
  /** 32 random hex digits, new with each load of the document and with each return from the back/forward cache. */
  readonly id: string;
  /** An integer >= 0, counted up within `id`. */
  readonly seq: number;
  /** How many items earlier batches of `id` had: what did not arrive of them is lost. 0 when left out, and so is `seq`. */
  readonly n: number;
  /** The client's epoch milliseconds when `id` began; `at` when left out. */
  readonly t: number;
  /** The client's epoch milliseconds at the moment of sending; new whenever the batch is sent again. */
  readonly at: number;
  /** How many items were given up before they were in a batch, since the last one. */
  readonly drop: number;
  /** Batches of pages that are closed, whose arrival this browser has not seen: `[id, seq, items]`. */
  readonly gone?: readonly (readonly [string, number, number])[];
  /** The page of items that have none; `unknown` when left out. */
  readonly p?: Page;
  /** Words. */
  readonly w?: readonly string[];
  /** Metrics: `[metric, value, Time, trace id, span id, page, rating]`. Errors of which only the time is known: `["Error", 0, Time]`. */
  readonly m?: readonly WireList[];
  /** Errors: `[type, Time, page, …frames]`, each frame three of them: file, line, column. */
  readonly e?: readonly WireList[];
  /** Calls: `[method, ms, Time, trace id, span id, page, route, parent, status, mute]`. */
  readonly c?: readonly WireList[];
  /** Page loads: `[ms, Time, trace id, span id, page, parent]`. */
  readonly l?: readonly WireList[];
  /** Spans of the app's own: `[name, ms, Time, trace id, span id, page, parent, failed]`. */
  readonly s?: readonly WireList[];
}
export type WireList = readonly (string | number | null)[];

export type WireItem = MetricItem | ErrorItem | CallItem | PageLoadItem | SpanItem;
export type ItemKind = WireItem['k'];

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

/** A place in our own build: 16 hex digits that stand for the file, line and column from 1. */
export type Frame = readonly [file: string, line: number, column: number];

export interface ErrorItem {
  readonly k: 'e';
  readonly t: number;
  readonly n: (typeof ERROR_TYPES)[number];
  readonly p: Page;
  /** Innermost first. */
  readonly f: readonly Frame[];
}

interface Spanned {
  /** Client epoch milliseconds of the end. */
  readonly t: number;
  /** Milliseconds. */
  readonly v: number;
  readonly p: Page;
  readonly i: string;
  readonly j: string;
  /** The span that it is part of. */
  readonly u?: string | undefined;
}

/** A call to the API: a client span, and the metric api_call unless it is mute. Its duration ends with the answer's headers. */
export interface CallItem extends Spanned {
  readonly k: 'c';
  readonly n: (typeof HTTP_METHODS)[number];
  readonly a: ApiRoute;
  /** Status 100..599, or 0 when no answer came. */
  readonly c: number;
  readonly mute: boolean;
}

/**
 * A page load: a span, and the metric page_load. From the start of the navigation until the page's own data was painted, or
 * until the user left. Its parent is the server span that served the document.
 */
export interface PageLoadItem extends Spanned {
  readonly k: 'l';
}

/** A span that the app made with OpenTelemetry's API. */
export interface SpanItem extends Spanned {
  readonly k: 's';
  readonly n: (typeof SPAN_NAMES)[number];
  readonly failed: boolean;
}
