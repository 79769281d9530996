import { randomBytes } from 'node:crypto';

export interface SlowEvent {
  readonly metric: string;
  readonly durationMs: number;
  /** Epoch milliseconds. */
  readonly at?: number;
  readonly uid?: string;
}

export const newUid = (): string => randomBytes(16).toString('hex');

/** The OTLP/JSON request that the library sends for slow events. */
export function otlpLogs(events: readonly SlowEvent[]): string {
  return JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'clinic-api' } }] },
        scopeLogs: [
          {
            logRecords: events.map(({ metric, durationMs, at = Date.now(), uid = newUid() }) => ({
              timeUnixNano: `${at}000000`,
              eventName: 'slow_event',
              attributes: [
                { key: 'metric', value: { stringValue: metric } },
                { key: 'duration_ms', value: { doubleValue: durationMs } },
                { key: 'threshold_ms', value: { doubleValue: 1000 } },
                { key: 'log.record.uid', value: { stringValue: uid } },
                { key: 'http.route', value: { stringValue: '/clients/:id' } },
              ],
              traceId: randomBytes(16).toString('hex'),
              spanId: randomBytes(8).toString('hex'),
            })),
          },
        ],
      },
    ],
  });
}

/** Sends to an OTLP/HTTP logs endpoint; throws unless it was accepted. */
export async function sendSlowEvents(collector: string, events: readonly SlowEvent[]): Promise<void> {
  await sendLogs(collector, otlpLogs(events));
}

export async function sendLogs(collector: string, body: string): Promise<void> {
  const response = await fetch(`${collector}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`The Collector answered ${response.status}: ${text}`);
}

export function events(count: number, event: SlowEvent): SlowEvent[] {
  return Array.from({ length: count }, () => ({ ...event }));
}
