import { randomBytes } from 'node:crypto';

export interface LogRecordOptions {
  readonly metric?: string;
  readonly durationMs?: number;
  /** Epoch milliseconds. */
  readonly at?: number;
  readonly uid?: string;
}

/** A slow_event log record as OTLP/JSON; `others` replace its members. */
export function logRecord(
  {
    metric = 'api_call',
    durationMs = 1500,
    at = Date.now(),
    uid = randomBytes(16).toString('hex'),
  }: LogRecordOptions = {},
  others: object = {},
): object {
  return {
    timeUnixNano: `${at}000000`,
    eventName: 'slow_event',
    traceId: randomBytes(16).toString('hex'),
    attributes: [
      { key: 'metric', value: { stringValue: metric } },
      { key: 'duration_ms', value: { doubleValue: durationMs } },
      { key: 'log.record.uid', value: { stringValue: uid } },
      { key: 'http.route', value: { stringValue: '/clients/:id' } },
    ],
    ...others,
  };
}

export function logRecords(count: number, options: LogRecordOptions): object[] {
  return Array.from({ length: count }, () => logRecord(options));
}

/** An ExportLogsServiceRequest as the Collector sends it. */
export function logsRequest(records: readonly unknown[], service = 'clinic-api'): object {
  return {
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
        scopeLogs: [{ scope: {}, logRecords: records }],
      },
    ],
  };
}
