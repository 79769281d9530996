import { describe, expect, test } from 'vitest';
import { NotOtlpError, parseLogs } from './otlp-logs.ts';
import { logRecord, logsRequest } from './testing/logs-request.ts';

const UID = '0123456789abcdef0123456789abcdef';
const doubled = (value: unknown) => ({ doubleValue: value });

/** A record whose one attribute is replaced, or taken away. */
function withAttribute(key: string, value: object | undefined): object {
  const record = logRecord({ uid: UID }) as { attributes: { key: string }[] };
  const attributes = record.attributes.filter((attribute) => attribute.key !== key);
  return { ...record, attributes: value ? [...attributes, { key, value }] : attributes };
}

const parseOne = (record: unknown, service?: string) => parseLogs(logsRequest([record], service));
const reason = (record: unknown) => [...parseOne(record).rejected.keys()];

test('keeps listed words, numbers and ids, and nothing else', () => {
  const record = logRecord(
    { metric: 'page_load', durationMs: 3200.5, at: 1_700_000_000_123, uid: UID },
    { traceId: 'ABCDEF0123456789ABCDEF0123456789', body: { stringValue: 'text' }, severityText: 'text' },
  );
  expect(parseOne(record).events).toEqual([
    {
      uid: UID,
      metric: 'page_load',
      durationMs: 3200.5,
      route: '/clients/:id',
      traceId: 'abcdef0123456789abcdef0123456789',
      service: 'clinic-api',
      time: 1_700_000_000_123,
    },
  ]);
});

test('takes the time to the millisecond', () => {
  const times = Array.from({ length: 1000 }, (_, index) => 1_795_311_240_000 + index);
  const { events } = parseLogs(logsRequest(times.map((at) => logRecord({ at }))));
  expect(events.map(({ time }) => time)).toEqual(times);
});

test('what is not in a list becomes unknown or nothing', () => {
  const record = { ...withAttribute('http.route', { stringValue: '/clients/42' }), traceId: '0'.repeat(32) };
  expect(parseOne(record, 'somebody').events).toMatchObject([{ route: 'unknown', traceId: null, service: null }]);
});

test.each([
  ['page_load', 3000],
  ['api_call', 1000],
  ['database_query', 500],
  ['render', 100],
  ['some_other_name', 1000],
])('%s is slow when it took strictly longer than %d ms, whatever the source says', (metric, limit) => {
  const lies = { key: 'threshold_ms', value: doubled(1) };
  const at = (durationMs: number) => {
    const record = logRecord({ metric, durationMs }) as { attributes: object[] };
    return { ...record, attributes: [...record.attributes, lies] };
  };
  expect(reason(at(limit))).toEqual(['not_slow']);
  const over = parseOne(at(limit * (1 + Number.EPSILON)));
  expect(over.events).toHaveLength(1);
  expect(over.limitDisagreements).toBe(1);
});

describe('rejects, by reason', () => {
  test.each([
    ['a record of another kind', 'event_name', { ...logRecord(), eventName: 'deploy' }],
    ['a record that is no object', 'event_name', 'slow_event'],
    ['a metric of a bad shape', 'metric', withAttribute('metric', { stringValue: 'Page load' })],
    ['no metric', 'metric', withAttribute('metric', undefined)],
    ['NaN', 'duration', withAttribute('duration_ms', doubled('NaN'))],
    ['Infinity', 'duration', withAttribute('duration_ms', doubled(JSON.parse('1e999')))],
    ['a negative duration', 'duration', withAttribute('duration_ms', doubled(-1500))],
    ['a duration that is a string', 'duration', withAttribute('duration_ms', { stringValue: '1500' })],
    ['a duration over a day', 'duration', withAttribute('duration_ms', doubled(86_400_001))],
    ['no uid', 'uid', withAttribute('log.record.uid', undefined)],
    ['a uid of another shape', 'uid', withAttribute('log.record.uid', { stringValue: `${UID}-1` })],
    ['a uid in upper case', 'uid', withAttribute('log.record.uid', { stringValue: UID.toUpperCase() })],
    ['a time that is no number', 'time', { ...logRecord(), timeUnixNano: 'today' }],
  ])('%s: %s', (_what, expected, record) => {
    const parsed = parseLogs(logsRequest([record, logRecord()]));
    expect([...parsed.rejected]).toEqual([[expected, 1]]);
    expect(parsed.events).toHaveLength(1);
  });
});

test('reads the event name from an attribute, integers and a missing time', () => {
  const record = withAttribute('duration_ms', { intValue: '1500' }) as { attributes: object[] };
  const attributes = [...record.attributes, { key: 'event.name', value: { stringValue: 'slow_event' } }];
  const { events } = parseOne({ ...record, attributes, eventName: '', timeUnixNano: '0' });
  expect(events).toMatchObject([{ durationMs: 1500, time: null }]);
});

test.each([null, [], 'text', { resourceLogs: {} }, { resourceLogs: [{ scopeLogs: [{ logRecords: 1 }] }] }])(
  'refuses %j, which is not an OTLP request',
  (body) => expect(() => parseLogs(body)).toThrow(NotOtlpError),
);

test('an event outside any request, so without a trace, counts all the same', () => {
  const { traceId, spanId, timeUnixNano, ...record } = logRecord({ uid: UID }) as Record<string, unknown>;
  expect([traceId, spanId, timeUnixNano]).toBeDefined();
  expect(parseOne(record).events).toMatchObject([{ uid: UID, traceId: null, time: null }]);
});
