import { limitOf, METRIC_NAME } from '@clinic/catalogue/limits';
import { API_ROUTES, OTHER_ROUTES, PAGE_ROUTES, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { SERVICES } from '@clinic/catalogue/vocabulary';
import { z } from 'zod';

/** A slow event that passed validation: nothing in it can be anything but a listed word, a number or an id. */
export interface SlowEvent {
  /** 32 lower-case hexadecimal digits. */
  readonly uid: string;
  readonly metric: string;
  readonly durationMs: number;
  /** A template of catalogue/routes.ts, or `unknown`. */
  readonly route: string;
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string | null;
  /** A name of catalogue/vocabulary.ts. */
  readonly service: string | null;
  /** Epoch milliseconds as its source says; null when the source says nothing. */
  readonly time: number | null;
}

/** Why a record is not stored. `not_slow`: it did not take longer than its metric's limit. */
export const REJECTIONS = ['event_name', 'metric', 'duration', 'uid', 'time', 'not_slow'] as const;
export type Rejection = (typeof REJECTIONS)[number];

export interface ParsedLogs {
  readonly events: readonly SlowEvent[];
  readonly rejected: ReadonlyMap<Rejection, number>;
  /** Events whose `threshold_ms` is not the limit of the catalogue; the catalogue decides. */
  readonly limitDisagreements: number;
}

/** Longer than this is a broken clock, not a slow operation. */
const MAX_DURATION_MS = 24 * 3_600_000;

const ROUTES = new Set<string>([...PAGE_ROUTES, ...API_ROUTES, ...OTHER_ROUTES, UNKNOWN_ROUTE]);
const SERVICE_NAMES = new Set<string>(SERVICES);
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;

const attributes = z.array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()).optional() }));
type Attributes = z.output<typeof attributes>;

const request = z.object({
  resourceLogs: z
    .array(
      z.object({
        resource: z.object({ attributes: attributes.default([]) }).optional(),
        scopeLogs: z.array(z.object({ logRecords: z.array(z.unknown()).default([]) })).default([]),
      }),
    )
    .default([]),
});

/** The keys are {@link REJECTIONS}, so that the first wrong one is the reason. */
const record = z.object({
  event_name: z.literal('slow_event'),
  metric: z.string().regex(METRIC_NAME),
  duration: z.number().min(0).max(MAX_DURATION_MS),
  uid: z.string().regex(/^[0-9a-f]{32}$/),
  time: z
    .union([z.string().regex(/^\d{1,20}$/), z.number().min(0).transform(Math.round)])
    .default('0')
    // A double does not hold nanoseconds since 1970: divided as one, some come out a millisecond early.
    .transform((nanoseconds) => Number(BigInt(nanoseconds) / 1_000_000n)),
});

const logRecord = z.object({
  attributes: attributes.default([]),
  eventName: z.unknown().optional(),
  timeUnixNano: z.unknown().optional(),
  traceId: z.unknown().optional(),
});

/** The envelope of the request is not OTLP/JSON. The message holds nothing of the request. */
export class NotOtlpError extends Error {
  override readonly name = 'NotOtlpError';
}

/**
 * Reads an OTLP/JSON logs request: keeps the good records and counts the others by reason.
 * Throws a NotOtlpError when the envelope is not that of ExportLogsServiceRequest.
 */
export function parseLogs(body: unknown): ParsedLogs {
  const envelope = request.safeParse(body);
  if (!envelope.success) throw new NotOtlpError('The body is not an OTLP/JSON ExportLogsServiceRequest.');
  const events: SlowEvent[] = [];
  const rejected = new Map<Rejection, number>();
  let limitDisagreements = 0;
  for (const { resource, scopeLogs } of envelope.data.resourceLogs) {
    const service = text(resource?.attributes, 'service.name');
    for (const candidate of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
      const parsed = parseRecord(candidate, service !== null && SERVICE_NAMES.has(service) ? service : null);
      if (typeof parsed === 'string') {
        rejected.set(parsed, (rejected.get(parsed) ?? 0) + 1);
        continue;
      }
      events.push(parsed.event);
      if (parsed.threshold !== undefined && parsed.threshold !== limitOf(parsed.event.metric)) limitDisagreements++;
    }
  }
  return { events, rejected, limitDisagreements };
}

function parseRecord(
  candidate: unknown,
  service: string | null,
): Rejection | { readonly event: SlowEvent; readonly threshold: unknown } {
  const log = logRecord.safeParse(candidate);
  if (!log.success) return 'event_name';
  const { attributes, eventName, timeUnixNano, traceId } = log.data;
  const result = record.safeParse({
    event_name: eventName || scalar(attributes, 'event.name'),
    metric: scalar(attributes, 'metric'),
    duration: scalar(attributes, 'duration_ms'),
    uid: scalar(attributes, 'log.record.uid'),
    time: timeUnixNano,
  });
  if (!result.success) return result.error.issues[0]?.path[0] as Rejection;
  const { metric, duration, uid, time } = result.data;
  // In milliseconds, as doubles: 3000.0000000000005 ms is over 3000 ms, but both are 3 s.
  if (duration <= limitOf(metric)) return 'not_slow';
  const route = text(attributes, 'http.route');
  const trace = typeof traceId === 'string' ? traceId.toLowerCase() : '';
  return {
    event: {
      uid,
      metric,
      durationMs: duration,
      route: route !== null && ROUTES.has(route) ? route : UNKNOWN_ROUTE,
      traceId: TRACE_ID.test(trace) ? trace : null,
      service,
      time: time === 0 ? null : time,
    },
    threshold: scalar(attributes, 'threshold_ms'),
  };
}

/** The value of an attribute: a string, a number or, for all else, undefined. OTLP/JSON writes 64-bit integers as strings. */
function scalar(attributes: Attributes | undefined, key: string): string | number | undefined {
  const value = attributes?.find((attribute) => attribute.key === key)?.value;
  if (typeof value?.stringValue === 'string') return value.stringValue;
  if (typeof value?.doubleValue === 'number') return value.doubleValue;
  const integer = value?.intValue;
  if (typeof integer === 'number' || (typeof integer === 'string' && /^-?\d{1,19}$/.test(integer))) {
    return Number(integer);
  }
  return undefined;
}

function text(attributes: Attributes | undefined, key: string): string | null {
  const value = scalar(attributes, key);
  return typeof value === 'string' ? value : null;
}
