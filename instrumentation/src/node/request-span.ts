import { randomFillSync } from 'node:crypto';
import {
  type Attributes,
  type AttributeValue,
  type Context,
  createContextKey,
  type Exception,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import { type AllowListedSpans, nanosecondsOf, type TraceBuffer } from './spans.ts';

/** What the spans of one service's requests share. */
export interface RequestSpansOptions {
  readonly spans: Pick<AllowListedSpans, 'send' | 'dropped'>;
  readonly buffer: Pick<TraceBuffer, 'finish'>;
  /** Whether a trace is in the sampled share. */
  readonly sampled: (traceId: string) => boolean;
  /** Records requests that are not sampled as well, for the case that they turn out to be slow. */
  readonly keepSlow: boolean;
}

const MAX_ATTRIBUTES = 32;
const ID_BYTES = 24;
let pool: Buffer = Buffer.alloc(0);
let used = 0;

/** A trace id and a span id: 48 hexadecimal characters. */
function randomIds(): string {
  if (used + ID_BYTES > pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(ID_BYTES * 256));
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString('hex', used - ID_BYTES, used);
}

/**
 * The server span of one request, for nearly nothing: most requests are neither sampled nor slow, so nothing is kept of them
 * but a moment and two ids. What the SDK's span does besides (limits, events, links, clocks of its own) would not get past
 * the allow-list anyway.
 */
export class RequestSpan implements Span {
  readonly #shared: RequestSpansOptions;
  readonly #context: SpanContext;
  readonly #parent: SpanContext | undefined;
  readonly #start = Date.now();
  readonly #recording: boolean;
  #name: string;
  #attributes: Record<string, unknown> | undefined;
  #failed = false;
  #ended = false;

  constructor(shared: RequestSpansOptions, name: string, parent: SpanContext | undefined) {
    const ids = randomIds();
    const traceId = parent ? parent.traceId : ids.slice(0, 32);
    const sampled = shared.sampled(traceId);
    this.#shared = shared;
    this.#name = name;
    this.#parent = parent;
    this.#recording = sampled || shared.keepSlow;
    this.#context = {
      traceId,
      spanId: ids.slice(32),
      traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    };
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.#recording && !this.#ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.isRecording()) return this;
    this.#attributes ??= {};
    if (Object.keys(this.#attributes).length < MAX_ATTRIBUTES) this.#attributes[key] = value;
    else this.#shared.spans.dropped.attribute++;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const [key, value] of Object.entries(attributes)) this.setAttribute(key, value!);
    return this;
  }

  addEvent(): this {
    this.#shared.spans.dropped.event++;
    return this;
  }

  addLink(_link: Link): this {
    this.#shared.spans.dropped.link++;
    return this;
  }

  addLinks(links: Link[]): this {
    this.#shared.spans.dropped.link += links.length;
    return this;
  }

  setStatus({ code, message }: SpanStatus): this {
    if (message) this.#shared.spans.dropped.status_message++;
    this.#failed = code === SpanStatusCode.ERROR;
    return this;
  }

  updateName(name: string): this {
    this.#name = name;
    return this;
  }

  recordException(_exception: Exception): void {
    this.#shared.spans.dropped.event++;
  }

  /** The middleware ends it: an `end` of the application's own would come before the answer is sent. */
  end(): void {}

  /** To be called once, when the answer has been sent. The attributes are asked for only when the span is. */
  finish(ms: number, slow: boolean, attributes: () => Readonly<Record<string, unknown>>, failed: boolean): void {
    this.#ended = true;
    if (!this.#recording) return;
    const { traceId, spanId, traceFlags } = this.#context;
    const sampled = traceFlags !== TraceFlags.NONE;
    if (!sampled) this.#shared.buffer.finish(spanId, slow);
    if (!sampled && !slow) return;
    const parent = this.#parent;
    this.#shared.spans.send({
      name: this.#name,
      kind: SpanKind.SERVER,
      traceId,
      spanId,
      parent: parent ? { spanId: parent.spanId, isRemote: true } : undefined,
      start: nanosecondsOf(this.#start),
      end: nanosecondsOf(this.#start + ms),
      attributes: { ...this.#attributes, ...attributes(), ...(slow ? { slow } : {}) },
      failed: failed || this.#failed,
    });
  }
}

/** The key under which the API keeps the active span: by contract every copy of the API has the same one. */
const SPAN_KEY = createContextKey('OpenTelemetry Context Key SPAN');

/** A context with a span and one value more; two `setValue` would copy two maps. */
export class RequestContext implements Context {
  readonly #span: Span;
  readonly #key: symbol;
  readonly #value: unknown;

  constructor(span: Span, key: symbol, value: unknown) {
    this.#span = span;
    this.#key = key;
    this.#value = value;
  }

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.#span : key === this.#key ? this.#value : undefined;
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#copy().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#copy().deleteValue(key);
  }

  #copy(): Context {
    return ROOT_CONTEXT.setValue(SPAN_KEY, this.#span).setValue(this.#key, this.#value);
  }
}
