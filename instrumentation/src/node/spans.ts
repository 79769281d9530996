import { SPAN_NAMES } from '@clinic/catalogue/vocabulary';
import {
  type Context,
  type HrTime,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { AllowList } from './attributes.ts';
import type { Delivery } from './delivery.ts';
import { type AttributeValue, otlpAttributes } from './otlp.ts';

/** A span that is to be sent. */
export interface OutgoingSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent?: { readonly spanId: string; readonly isRemote?: boolean | undefined } | undefined;
  /** Epoch time as decimal nanoseconds. */
  readonly start: string;
  readonly end: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

const names = new Set<string>(SPAN_NAMES);
const KINDS = ['internal', 'server', 'client', 'producer', 'consumer'];
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** The name follows from attributes that passed; any other name must be a listed one, else it is the span's kind. */
function nameOf({ name, kind }: OutgoingSpan, attributes: Readonly<Record<string, AttributeValue>>): string {
  const operation = attributes['db.operation.name'];
  const table = attributes['db.collection.name'];
  if (operation !== undefined) return table === undefined ? `${operation}` : `${operation} ${table}`;
  const method = attributes['http.request.method'];
  const route = attributes['http.route'];
  if (method !== undefined) return route === undefined ? `${method}` : `${method} ${route}`;
  const layer = attributes['express.type'];
  return layer !== undefined ? `${layer}` : names.has(name) ? name : KINDS[kind]!;
}

/**
 * Sends only what the allow-list names. Each span is written anew as OTLP/JSON: a field that is not written here cannot
 * leave. What is left out is counted.
 */
export class AllowListedSpans {
  readonly #allowed: AllowList;
  readonly #delivery: Pick<Delivery, 'add' | 'refuses'>;
  /** Parts left out of spans. */
  readonly dropped = { attribute: 0, event: 0, link: 0, status_message: 0, trace_state: 0, name: 0 };

  constructor(allowed: AllowList, delivery: Pick<Delivery, 'add' | 'refuses'>) {
    this.#allowed = allowed;
    this.#delivery = delivery;
  }

  send(span: OutgoingSpan): void {
    if (this.#delivery.refuses()) return;
    const attributes: Record<string, AttributeValue> = {};
    for (const [key, value] of Object.entries(span.attributes)) {
      if (this.#allowed.get(key)?.(value)) attributes[key] = value as AttributeValue;
      else this.dropped.attribute++;
    }
    const name = nameOf(span, attributes);
    if (name !== span.name) this.dropped.name++;
    const { traceId, spanId, parent, kind, start, end, failed } = span;
    this.#delivery.add(
      JSON.stringify({
        traceId,
        spanId,
        ...(parent ? { parentSpanId: parent.spanId } : {}),
        // What is sent is sampled, also when that was decided at its end.
        flags: TraceFlags.SAMPLED | HAS_IS_REMOTE | (parent?.isRemote ? IS_REMOTE : 0),
        name,
        kind: kind + 1,
        startTimeUnixNano: start,
        endTimeUnixNano: end,
        attributes: otlpAttributes(attributes),
        status: failed ? { code: SpanStatusCode.ERROR } : {},
      }),
    );
  }

  sendReadable(span: ReadableSpan): void {
    this.dropped.event += span.events.length;
    this.dropped.link += span.links.length;
    if (span.status.message) this.dropped.status_message++;
    const { traceId, spanId, traceState }: SpanContext = span.spanContext();
    if (traceState) this.dropped.trace_state++;
    this.send({
      name: span.name,
      kind: span.kind,
      traceId,
      spanId,
      parent: span.parentSpanContext,
      start: nanoseconds(span.startTime),
      end: nanoseconds(span.endTime),
      attributes: span.attributes,
      failed: span.status.code === SpanStatusCode.ERROR,
    });
  }
}

const nanoseconds = ([seconds, nanos]: HrTime): string => `${seconds}${String(nanos).padStart(9, '0')}`;

/** Epoch milliseconds, with a fraction, as decimal nanoseconds. */
export function nanosecondsOf(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.min(999_999, Math.round((ms - whole) * 1e6))).padStart(6, '0')}`;
}

export interface TraceBufferOptions {
  readonly spans: Pick<AllowListedSpans, 'sendReadable'>;
  /** Unsampled requests in progress whose spans are held, and spans per request. */
  readonly maxRequests?: number;
  readonly maxSpans?: number;
}

/**
 * Passes sampled spans on, and keeps the traces of slow requests that were not sampled. For the latter the sampler must
 * record every span; child spans wait here until their request ends, and says whether it was slow. Requests of one trace at
 * the same time, as a page's calls are, wait apart. Services further down have then dropped their part: their flag said
 * "not sampled".
 */
export class TraceBuffer implements SpanProcessor {
  readonly #spans: Pick<AllowListedSpans, 'sendReadable'>;
  readonly #maxRequests: number;
  readonly #maxSpans: number;
  /** Of each unsampled child span, the id of the local root above it. */
  readonly #roots = new WeakMap<object, string>();
  /** By the id of their local root. */
  readonly #children = new Map<string, ReadableSpan[]>();
  /** Spans of requests in progress that found no room. */
  dropped = 0;

  constructor({ spans, maxRequests = 2000, maxSpans = 64 }: TraceBufferOptions) {
    this.#spans = spans;
    this.#maxRequests = maxRequests;
    this.#maxSpans = maxSpans;
  }

  onStart(span: Span, from: Context): void {
    const parent = span.parentSpanContext;
    if (!parent || parent.isRemote || span.spanContext().traceFlags & TraceFlags.SAMPLED) return;
    this.#roots.set(span, this.#roots.get(trace.getSpan(from)!) ?? parent.spanId);
  }

  onEnd(span: ReadableSpan): void {
    const { spanId, traceFlags } = span.spanContext();
    const root = this.#roots.get(span);
    if (traceFlags & TraceFlags.SAMPLED) this.#spans.sendReadable(span);
    else if (root) this.#hold(root, span);
    // A root of the application's own: not a request, so nothing decides that it is slow.
    else this.finish(spanId, false);
  }

  /** The request with this span, which was not sampled, is over: sends what waited for it, or forgets it. */
  finish(spanId: string, slow: boolean): void {
    if (this.#children.size === 0) return;
    const children = this.#children.get(spanId);
    if (!children) return;
    this.#children.delete(spanId);
    if (slow) for (const each of children) this.#spans.sendReadable(each);
  }

  #hold(root: string, span: ReadableSpan): void {
    const children = this.#children.get(root);
    if (!children) {
      if (this.#children.size >= this.#maxRequests) {
        const [oldest, spans] = this.#children.entries().next().value!;
        this.#children.delete(oldest);
        this.dropped += spans.length;
      }
      this.#children.set(root, [span]);
    } else if (children.length < this.#maxSpans) children.push(span);
    else this.dropped++;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.#children.clear();
  }
}
