/**
 * The chunk that is loaded late: Faro's core, web vitals, OpenTelemetry's tracing, our transport, and the delivery. It takes over
 * from the early part as soon as it runs.
 */
import { limitOf } from '@clinic/catalogue/limits';
import { API_ROUTES, PAGE_ROUTES, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { HTTP_METHODS } from '@clinic/catalogue/vocabulary';
import { BaseInstrumentation, defaultUnpatchedConsole, InternalLoggerLevel, initializeFaro } from '@grafana/faro-core';
import { parseStacktrace } from '@grafana/faro-web-sdk';
import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';
import { AllowListTransport } from './allow-list-transport.ts';
import { documentLoad, early, plainFetch, type Recorded } from './early.ts';
import { hexId } from './ids.ts';
import { routeMatcher } from './route-matcher.ts';
import { type PageCounters, Sender } from './sender.ts';
import { startTracing } from './tracing.ts';
import type { Page, WireItem } from './wire.ts';

/** An endless loop of errors says the same with fifty. */
const MAX_ERRORS = 50;

const pageOf = routeMatcher(PAGE_ROUTES);
const apiOf = routeMatcher(API_ROUTES);
const currentPage = (): Page => pageOf(location.pathname);

/** Without attribution: Faro's own instrumentation would build element selectors. */
class Vitals extends BaseInstrumentation {
  readonly name = 'vitals';
  readonly version = '2';

  override initialize(): void {
    const landing = documentLoad.p ?? currentPage();
    const report = ({ name, value, rating, navigationURL, navigationType }: Metric) => {
      // Each navigation within the app has its own where the browser sees it; all else belongs to the load of the document.
      const soft = navigationType === 'soft-navigation' && navigationURL;
      const page = soft ? pageOf(new URL(navigationURL, location.href).pathname) : landing;
      this.api.pushMeasurement(
        { type: 'web-vitals', values: { [name]: value } },
        { context: { rating, page }, skipDedupe: true },
      );
    };
    for (const observe of [onLCP, onINP, onCLS, onFCP, onTTFB]) observe(report, { reportSoftNavs: true });
  }
}

/** With templates in the place of paths; nothing for a call to what the catalogue does not list. */
function itemOf({ n, v, t, path, i, j, u, p, m, a, c = 0, mute = false }: Recorded): WireItem | undefined {
  const common = { v, t, p: p ?? pageOf(path), i: i!, j: j!, u };
  if (n === 'Error') return;
  if (n === 'page_load' && i) return { k: 'l', ...common };
  if (!a) return { k: 'm', n, ...common };
  const route = apiOf(new URL(a, location.origin).pathname);
  const method = HTTP_METHODS.find((each) => each === m?.toUpperCase()) ?? '_OTHER';
  return route === UNKNOWN_ROUTE ? undefined : { k: 'c', n: method, a: route, c, mute, ...common };
}

/** What may page on-call does not wait. */
function isSlow(item: WireItem): boolean {
  if (item.k === 'c') return !item.mute && item.v > limitOf('api_call');
  if (item.k === 'l') return item.v > limitOf('page_load');
  return item.k === 'm' && !item.r && item.v > limitOf(item.n);
}

const page: PageCounters = Object.assign(early, { seq: 0, n: 0, t: Date.now() });
const sender = new Sender({ url: '/telemetry', page, fetch: plainFetch });
const emit = (item: WireItem) => sender.push(item, isSlow(item));
const { api } = initializeFaro({
  app: { name: 'clinic-web' },
  batching: { enabled: false }, // it loses items when the page goes away; the sender queues
  dedupe: false,
  globalObjectKey: 'faro',
  preventGlobalExposure: true,
  isolate: true,
  instrumentations: [new Vitals()],
  internalLoggerLevel: InternalLoggerLevel.OFF, // it would print whole items to the console
  metas: [() => ({ view: { name: currentPage() } })],
  parseStacktrace,
  paused: false,
  transports: [new AllowListTransport({ emit, folder: import.meta.url.replace(/[^/]*$/, '') })],
  unpatchedConsole: defaultUnpatchedConsole,
  sessionTracking: { enabled: false },
});
startTracing({ emit, currentPage });

let errors = 0;

function emitError({ t, path, event }: Recorded): void {
  const value = event?.error ?? event?.reason;
  const p = pageOf(path);
  if (++errors > MAX_ERRORS) early.drop++;
  else if (value instanceof Error) {
    api.pushError(value, { timestampOverwriteMs: t, skipDedupe: true, context: { page: p } });
  } else {
    emit({ k: 'e', t, n: event?.type === 'unhandledrejection' ? 'UnhandledRejection' : 'Error', p, f: [] });
  }
}

early.push = (recorded) => {
  const item = itemOf(recorded);
  if (recorded.event) emitError(recorded);
  else if (item) emit(item);
};
early.clear = () => sender.clear();
for (const item of early.items) early.push(item);
early.items = [];

// Back from the back/forward cache: another visit, with ids of its own. Nothing was loaded, so nothing is timed.
addEventListener('pageshow', ({ persisted, timeStamp }) => {
  if (!persisted) return;
  errors = 0;
  Object.assign(page, { id: hexId(32), seq: 0, n: 0, t: Date.now() });
  early.load = { i: hexId(32), j: hexId(16), from: timeStamp, open: false };
});
