/**
 * The part of the telemetry that runs first: import it before anything else. It keeps errors, metrics and spans until the
 * telemetry chunk has arrived, gives each call to the API its `traceparent`, and, when the page goes away before the chunk
 * came, sends the little it has.
 *
 * The document's own trace comes from `<meta name="traceparent">`; without it the page starts one. Every `traceparent` has the
 * sampled flag and every span is sent: which traces are kept is for the server to decide, by the trace id.
 */
import { LIMITS } from '@clinic/catalogue/limits';
import { API_ROUTES, PAGE_ROUTES, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { hexId, uuid } from './ids.ts';
import { routeMatcher } from './route-matcher.ts';
import type { CallItem, MetricItem, Page, WireItem } from './wire.ts';

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
  p?: Page;
}

type Thrown = [at: number, type: string, value: unknown];
type Where = Partial<Pick<MetricItem, 'p' | 'i' | 'j'>>;

/** As the browser made it: without a span and without `traceparent`. */
export const plainFetch = window.fetch;
const pageOf = routeMatcher(PAGE_ROUTES);
export const currentPage = (): Page => pageOf(location.pathname);

const apiOf = routeMatcher(API_ROUTES);
const [, traceId, serverSpan] =
  document.querySelector<HTMLMetaElement>('meta[name=traceparent]')?.content.split('-') ?? [];

export const early = {
  id: uuid(),
  seq: 0,
  drop: 0,
  items: [] as WireItem[],
  errors: [] as Thrown[],
  load: { i: traceId ?? hexId(32), j: hexId(16), u: serverSpan, from: 0, open: !document.hidden } as Load,
  /** How often the page was hidden or shown: a time span in which this changed says nothing about speed. */
  turns: 0,
  /** The telemetry chunk replaces `push` and `error`, the performance monitor replaces `record`. */
  push(item: WireItem): void {
    if (early.items.length < 200) early.items.push(item);
    else early.drop++;
  },
  error(...thrown: Thrown): void {
    if (early.errors.length < 20) early.errors.push(thrown);
  },
  record(n: MetricItem['n'], ms: number, { p = currentPage(), i, j }: Where = {}): void {
    early.push({ k: 'm', t: Date.now(), n, v: ms, p, i, j });
  },
};

/** True when the page has been visible ever since `turns` was read. */
export const visibleSince = (turns: number): boolean => turns === early.turns && !document.hidden;

for (const type of ['error', 'unhandledrejection']) {
  addEventListener(type, (event: Event & { error?: unknown; reason?: unknown }) =>
    early.error(Date.now(), type, event.error ?? event.reason),
  );
}
document.addEventListener('visibilitychange', () => early.turns++, true);
addEventListener('pagehide', () => {
  const p = currentPage();
  const items = [
    ...early.errors.map(([t]) => ({ k: 'e', t, n: 'Error', h: '', p })),
    ...early.items.filter(({ k }) => k === 'm'), // spans are checked by the chunk
  ];
  if (!items[0]) return; // also once the chunk has taken over
  early.errors = [];
  early.items = [];
  const { id, drop } = early;
  navigator.sendBeacon('/telemetry', JSON.stringify({ v: 1, id, seq: early.seq++, at: Date.now(), drop, items }));
});

/** The span of a call to a declared route of this origin, and the call with its `traceparent`; for all else nothing. */
function trace(input: RequestInfo | URL, init?: RequestInit) {
  const request = input as Partial<Request>; // a string and a URL have none of its properties
  const { origin, pathname } = new URL(request.url ?? `${input}`, document.baseURI);
  const a = apiOf(pathname);
  if (origin !== location.origin || a === UNKNOWN_ROUTE) return;
  const load = early.load.open ? early.load : undefined;
  const call = {
    n: (init?.method ?? request.method ?? 'GET') as CallItem['n'],
    a,
    p: currentPage(),
    i: load?.i ?? hexId(32),
    j: hexId(16),
    u: load?.j,
  };
  const headers = new Headers(init?.headers ?? request.headers);
  headers.set('traceparent', `00-${call.i}-${call.j}-01`);
  return [call, { ...init, headers }] as const;
}

window.fetch = async (input, init) => {
  let traced: ReturnType<typeof trace>;
  try {
    traced = trace(input, init);
  } catch {
    // An input that the browser will refuse as well, in its own words.
  }
  if (!traced) return plainFetch(input, init);
  const [call, sent] = traced;
  const { turns } = early;
  const start = performance.now();
  let c = 0;
  try {
    const response = await plainFetch(input, sent);
    c = response.status;
    return response;
  } finally {
    const d = performance.now() - start;
    early.push({ k: 's', t: Date.now() - Math.round(d), d, ...call, c });
    // Without an answer (aborted, offline) only a wait that was too long already is a duration of the call.
    if ((c || d > LIMITS.api_call) && visibleSince(turns)) early.record('api_call', d, call);
  }
};
