import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { SPAN_NAMES } from '@clinic/catalogue/vocabulary';
import { type Context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOnSampler, type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { early } from './early.ts';
import { hexId } from './ids.ts';
import type { Page, SpanItem } from './wire.ts';

const millis = ([seconds, nanos]: readonly [number, number]) => seconds * 1_000 + nanos / 1e6;

export interface TracingOptions {
  readonly emit: (item: SpanItem) => void;
  readonly currentPage: () => Page;
}

/** Builds a new record of each span that has a listed name. Attributes, events, links and the status' text are not read. */
class AllowListedSpans implements SpanProcessor {
  readonly #options: TracingOptions;
  readonly #pages = new WeakMap<object, Page>();

  constructor(options: TracingOptions) {
    this.#options = options;
  }
  onStart(span: Span, _parent: Context): void {
    this.#pages.set(span, this.#options.currentPage());
  }
  onEnd(span: ReadableSpan): void {
    const n = SPAN_NAMES.find((name) => name === span.name);
    if (!n) return;
    const { traceId: i, spanId: j } = span.spanContext();
    this.#options.emit({
      k: 's',
      n,
      v: millis(span.duration),
      t: millis(span.endTime),
      p: this.#pages.get(span) ?? UNKNOWN_ROUTE,
      i,
      j,
      u: span.parentSpanContext?.spanId ?? (i === early.load.i ? early.load.j : undefined),
      failed: span.status.code === SpanStatusCode.ERROR,
    });
  }
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

/**
 * Makes OpenTelemetry's API (`trace.getTracer(…).startSpan(…)`) work in the app: spans with a name of the catalogue are sent
 * like all else. A span without a parent belongs to the page's load while that lasts, and to a trace of its own afterwards.
 */
export function startTracing(options: TracingOptions): void {
  trace.setGlobalTracerProvider(
    new TracerProvider({
      sampler: new AlwaysOnSampler(),
      idGenerator: {
        generateTraceId: () => (early.load.open ? early.load.i : hexId(32)),
        generateSpanId: () => hexId(16),
      },
      spanLimits: { attributeCountLimit: 0, eventCountLimit: 0, linkCountLimit: 0 },
      spanProcessors: [new AllowListedSpans(options)],
    }),
  );
}
