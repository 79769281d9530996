/** The chunk that is loaded late: Faro's core, web vitals, our transport, and the delivery. */
import { limitOf } from '@clinic/catalogue/limits';
import { HTTP_METHODS } from '@clinic/catalogue/vocabulary';
import { BaseInstrumentation, defaultUnpatchedConsole, InternalLoggerLevel, initializeFaro } from '@grafana/faro-core';
import { parseStacktrace } from '@grafana/faro-web-sdk';
import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';
import { AllowListTransport } from './allow-list-transport.ts';
import { currentPage, early, plainFetch } from './early.ts';
import { watchNavigation } from './navigation.ts';
import { Sender } from './sender.ts';
import { type ErrorItem, MAX_DURATION, type WireItem } from './wire.ts';

/** An endless loop of errors says the same with fifty. */
const MAX_ERRORS = 50;

export interface Telemetry {
  /** Sends what waits once more and forgets all of it. */
  clear(): void;
}

/** Without attribution: Faro's own instrumentation would build element selectors. */
class Vitals extends BaseInstrumentation {
  readonly name = 'vitals';
  readonly version = '1';

  override initialize(): void {
    const page = currentPage(); // they all belong to the load of the document
    const report = ({ name, value, rating }: Metric) => {
      this.api.pushMeasurement(
        { type: 'web-vitals', values: { [name]: value } },
        { context: { rating, page }, skipDedupe: true },
      );
    };
    for (const observe of [onLCP, onINP, onCLS, onFCP, onTTFB]) observe(report);
  }
}

/** What may page on-call does not wait. */
const isSlow = (item: WireItem): boolean => item.k === 'm' && !item.r && item.v > limitOf(item.n);

/** Whole words of the list, and no more decimals than a clock has. */
function text(item: WireItem): string {
  const n = item.k === 's' ? (HTTP_METHODS.find((method) => method === item.n.toUpperCase()) ?? '_OTHER') : undefined;
  return JSON.stringify(n ? { ...item, n } : item, (key, value) => {
    if (typeof value !== 'number') return value;
    return Math.round((key === 't' ? value : Math.min(value, MAX_DURATION)) * 1e3) / 1e3;
  });
}

/** Takes over from the early part. Call it once. */
export function startTelemetry(): Telemetry {
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
    transports: [new AllowListTransport((item) => push(item))],
    unpatchedConsole: defaultUnpatchedConsole,
    sessionTracking: { enabled: false },
  });
  const sender = new Sender({ url: '/telemetry', id: early.id, nextSeq: () => early.seq++, fetch: plainFetch });

  function push(item: WireItem): void {
    sender.push(text(item), isSlow(item));
  }

  let errors = 0;
  early.push = push;
  early.error = (at, type, value) => {
    if (++errors > MAX_ERRORS) return sender.lost(1);
    if (value instanceof Error) {
      api.pushError(value, { timestampOverwriteMs: at, skipDedupe: true });
      return;
    }
    const n: ErrorItem['n'] = type === 'unhandledrejection' ? 'UnhandledRejection' : 'Error';
    push({ k: 'e', t: at, n, h: '', p: currentPage() });
  };

  watchNavigation();
  sender.lost(early.drop);
  for (const item of early.items) push(item);
  for (const thrown of early.errors) early.error(...thrown);
  early.items = [];
  early.errors = [];
  return sender;
}
