/**
 * The part of the telemetry that runs first: import it before anything else. It keeps what was measured until the telemetry
 * chunk has arrived, and gives each call to the API its `traceparent`.
 *
 * Here is only what cannot be had later: errors and times from the first moment on, and the `traceparent` of the first calls,
 * which are those that a page waits for. Paths stay in memory as they are; the chunk, which knows the route templates, sends
 * those instead, and the message of last-message.ts has neither.
 *
 * The document's own trace comes from `<meta name="traceparent">`; without it the page starts one. Every `traceparent` has the
 * sampled flag and every span is sent: which traces are kept is for the server to decide, by the trace id.
 */
import { API_PATH } from '@clinic/catalogue/api-path';
import type { PageRoute } from '@clinic/catalogue/routes';
import { hexId } from './ids.ts';
import type { Metric } from './wire.ts';

/** One load of a page: of the document, or a navigation within the app. */
export interface Load {
  /** Trace id, id of the page load's span, and its parent (the server span that served the document). */
  readonly i: string;
  readonly j: string;
  readonly u?: string | undefined;
  /** `performance.now()` at the start of the navigation. */
  readonly from: number;
  /** Neither painted nor left nor hidden so far: what is called now belongs to this load. */
  open: boolean;
  /** The page that has said that it will become ready. */
  p?: PageRoute | undefined;
}

/** What was measured, or an error, as it is kept in memory. */
export interface Recorded extends Detail {
  readonly n: Metric | 'Error';
  /** Milliseconds. */
  readonly v: number;
  /** Epoch milliseconds at its end. */
  readonly t: number;
  readonly path: string;
}

export interface Detail {
  /** Trace id, span id and parent's span id. */
  readonly i?: string | undefined;
  readonly j?: string | undefined;
  readonly u?: string | undefined;
  /** Of a page load: the page. */
  readonly p?: PageRoute | undefined;
  /** Of a call to the API: method, path with query, and status (0 without an answer). */
  readonly m?: string;
  readonly a?: string;
  readonly c?: number;
  /** Says nothing about speed, as the page was hidden in between or the call was given up. */
  readonly mute?: boolean;
  /** Of an error. */
  readonly event?: Event & { readonly error?: unknown; readonly reason?: unknown };
}

/** As the browser made it: without a span and without `traceparent`. */
export const plainFetch = window.fetch;

const [, traceId, serverSpan] =
  document.querySelector<HTMLMetaElement>('meta[name=traceparent]')?.content.split('-') ?? [];

export const documentLoad: Load = {
  i: traceId ?? hexId(32),
  j: hexId(16),
  u: serverSpan,
  from: 0,
  open: !document.hidden,
};

export const early = {
  /** Names the batches of this visit. */
  id: hexId(32),
  /** Items that were lost since the last batch. */
  drop: 0,
  items: [] as Recorded[],
  load: documentLoad,
  /** When the page was last hidden or shown, on the clock of `performance.now()`. */
  turned: 0,
  /** Forgets what waits to be sent; the telemetry chunk replaces it, and `push`. The performance monitor replaces `record`. */
  clear(): void {
    early.items = [];
  },
  push(item: Recorded): void {
    if (early.items.length < 1_500) early.items.push(item);
    else early.drop++;
  },
  record(n: Recorded['n'], v: number, detail?: Detail): void {
    early.push({ n, v, t: Date.now(), path: location.pathname, ...detail });
  },
};

/** True when the page has been visible ever since: a time span in which it was not says nothing about speed. */
export const visibleSince = (start: number): boolean => start > early.turned && !document.hidden;

for (const type of ['error', 'unhandledrejection']) {
  addEventListener(type, (event) => early.record('Error', 0, { event }));
}

window.fetch = async (input, init) => {
  const call = new Request(input, init); // the first thing that the browser's own does as well
  const a = call.url.replace(location.origin, '');
  if (!API_PATH.test(a)) return plainFetch(call);
  const { load } = early;
  const [i, u] = load.open ? [load.i, load.j] : [hexId(32)];
  const j = hexId(16);
  call.headers.set('traceparent', `00-${i}-${j}-01`);
  const start = performance.now();
  let c = 0;
  try {
    const response = await plainFetch(call);
    c = response.status;
    return response;
  } finally {
    const v = performance.now() - start;
    // Without an answer (aborted, offline) only a wait that was too long already is a duration of the call.
    early.record('api_call', v, { i, j, u, m: call.method, a, c, mute: !(c || v > 1_000) || !visibleSince(start) });
  }
};
