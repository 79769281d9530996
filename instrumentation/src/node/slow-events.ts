import { createHash, randomBytes } from 'node:crypto';
import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import { otlpEnvelope, type Send } from './otlp.ts';

export interface SlowEvent {
  /** A declared name. */
  readonly metric: string;
  readonly durationMs: number;
  readonly thresholdMs: number;
  /** A declared template; `unknown` when left out. */
  readonly route?: string;
  readonly trace?: { readonly traceId: string; readonly spanId?: string; readonly traceFlags?: number };
  /** 32 hexadecimal characters; the same event told twice has the same one. Random when left out. */
  readonly uid?: string;
  /** Epoch milliseconds; now when left out. */
  readonly at?: number;
}

export interface SlowEventsOptions extends Pick<DeliveryOptions, 'capacityPerKey' | 'setTimer' | 'now'> {
  readonly send: Send;
  /** OTLP resource attributes. */
  readonly resource: Readonly<Record<string, string>>;
  readonly capacity?: number;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/**
 * Browser and API time the same call and share its ids: with this uid the recorder counts one slow call once. `spanId` is
 * the caller's span.
 */
export const callUid = (traceId: string, spanId: string): string => hash(`api_call:${traceId}:${spanId}`);

/** The uid of the item at `index` of a browser's batch: the same when the batch is sent again, even to another process. */
export const itemUid = (page: string, sequence: number, index: number): string => hash(`${page}:${sequence}:${index}`);

/**
 * Carries each slow event to the Collector: at once, in order, until it is taken. The first event of a quiet time leaves in
 * the same turn of the event loop; those that follow within 50 ms leave together.
 */
export class SlowEvents {
  readonly #delivery: Delivery;

  constructor({ resource, ...options }: SlowEventsOptions) {
    this.#delivery = new Delivery({
      capacity: 10_000,
      capacityPerKey: 2_500,
      interval: 50,
      envelope: otlpEnvelope('logRecords', resource, 'slow-events'),
      ...options,
    });
  }

  get pending(): number {
    return this.#delivery.pending;
  }

  get counters(): Delivery['counters'] {
    return this.#delivery.counters;
  }

  /** Never throws, never waits. */
  add(event: SlowEvent): void {
    this.#delivery.add(encode(event), event.metric);
  }

  /** Resolves when all is delivered, or after `ms`, with the number of events that are left. */
  flush(ms: number): Promise<number> {
    return this.#delivery.flush(ms);
  }
}

function encode({ metric, durationMs, thresholdMs, route, trace, uid, at = Date.now() }: SlowEvent): string {
  return JSON.stringify({
    timeUnixNano: `${Math.round(at)}000000`,
    severityNumber: 13,
    eventName: 'slow_event',
    attributes: [
      { key: 'metric', value: { stringValue: metric } },
      { key: 'duration_ms', value: { doubleValue: durationMs } },
      { key: 'threshold_ms', value: { doubleValue: thresholdMs } },
      { key: 'log.record.uid', value: { stringValue: uid ?? randomBytes(16).toString('hex') } },
      { key: 'http.route', value: { stringValue: route ?? UNKNOWN_ROUTE } },
    ],
    ...(trace ? { traceId: trace.traceId, flags: trace.traceFlags ?? 0 } : {}),
    ...(trace?.spanId ? { spanId: trace.spanId } : {}),
  });
}
