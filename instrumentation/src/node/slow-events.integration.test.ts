import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Answer } from './otlp.ts';
import { callUid, itemUid, SlowEvents, type SlowEventsOptions } from './slow-events.ts';
import { otlpSink } from './testing/otlp-sink.ts';

/** A clock that jumps: each timer fires in the next turn, as late as it was set. */
function jumpingClock() {
  let clock = 0;
  const waits: number[] = [];
  const setTimer: NonNullable<SlowEventsOptions['setTimer']> = (task, ms) => {
    waits.push(ms);
    setImmediate(() => {
      clock += ms;
      task();
    });
    return { unref() {} };
  };
  return { now: () => clock, setTimer, waits };
}
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
};
const uidsOf = (body: string) =>
  [...body.matchAll(/log\.record\.uid","value":\{"stringValue":"([^"]+)"/g)].map(([, uid]) => uid);
const event = { metric: 'render', durationMs: 101, thresholdMs: 100 };

test('events are sent again in order, with the same uids, until they are taken; bounds count what they refuse', async () => {
  const answers: Answer[] = [{ status: 0 }, { status: 503 }, { status: 429, retryAfter: 9000 }];
  const bodies: string[] = [];
  const { waits, ...clock } = jumpingClock();
  const send = async (body: string) => {
    bodies.push(body);
    return answers.shift() ?? { status: 200 };
  };
  const events = new SlowEvents({ send, resource: {}, capacity: 6, capacityPerKey: 4, ...clock });
  for (let i = 0; i < 10; i++) events.add(event);
  events.add({ ...event, metric: 'api_call' });
  await turns(30);
  expect(events.counters).toEqual({ recorded: 11, delivered: 5, dropped: 6, refused: 0, retried: 3 });
  expect(events.pending).toBe(0);
  const [first] = uidsOf(bodies[0]!);
  expect(bodies.slice(0, 4).every((body) => uidsOf(body)[0] === first)).toBe(true);
  expect(new Set(bodies.slice(3).flatMap(uidsOf)).size).toBe(5);
  expect(waits.some((ms) => ms >= 9000)).toBe(true);
});

test('one refused record does not take the others with it', async () => {
  const send = async (body: string) => ({ status: body.includes('"doubleValue":666}') ? 400 : 200 });
  const { waits: _, ...clock } = jumpingClock();
  const events = new SlowEvents({ send, resource: {}, ...clock });
  for (const durationMs of [101, 666, 102]) events.add({ ...event, durationMs });
  await turns(30);
  expect(events.counters).toEqual({ recorded: 3, delivered: 2, dropped: 0, refused: 1, retried: 0 });
});

test('the first event of a quiet time is sent in the same turn', () => {
  const bodies: string[] = [];
  const events = new SlowEvents({ send: async (body) => ({ status: bodies.push(body) && 200 }), resource: {} });
  events.add(event);
  expect(bodies).toHaveLength(1);
});

test('a record has exactly the documented fields', async () => {
  const bodies: string[] = [];
  const events = new SlowEvents({
    send: async (body) => ({ status: bodies.push(body) && 200 }),
    resource: { 'service.name': 's' },
  });
  const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
  events.add({ ...event, at: 1_790_000_000_123.4, route: '/clients/:id', trace, uid: 'ab'.repeat(16) });
  expect(JSON.parse(bodies[0]!)).toEqual({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 's' } }] },
        scopeLogs: [
          {
            scope: { name: 'slow-events' },
            logRecords: [
              {
                timeUnixNano: '1790000000123000000',
                severityNumber: 13,
                eventName: 'slow_event',
                attributes: [
                  { key: 'metric', value: { stringValue: 'render' } },
                  { key: 'duration_ms', value: { doubleValue: 101 } },
                  { key: 'threshold_ms', value: { doubleValue: 100 } },
                  { key: 'log.record.uid', value: { stringValue: 'ab'.repeat(16) } },
                  { key: 'http.route', value: { stringValue: '/clients/:id' } },
                ],
                traceId: trace.traceId,
                spanId: trace.spanId,
                flags: 1,
              },
            ],
          },
        ],
      },
    ],
  });
});

test('uids: random, or the same for the same call and the same item', () => {
  const bodies: string[] = [];
  const events = new SlowEvents({ send: async (body) => ({ status: bodies.push(body) && 200 }), resource: {} });
  events.add(event);
  expect(uidsOf(bodies[0]!)[0]).toMatch(/^[0-9a-f]{32}$/);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  expect(callUid('t', 's')).toBe(sha256('api_call:t:s'));
  expect(itemUid('p', 3, 7)).toBe(sha256('p:3:7'));
});

test('flush does not wait for a pause that is running', async () => {
  let status = 503;
  const events = new SlowEvents({ send: async () => ({ status }), resource: {} });
  events.add(event);
  await turns(2);
  status = 200;
  const start = performance.now();
  expect(await events.flush(2000)).toBe(0);
  expect(performance.now() - start).toBeLessThan(100);
});

test('what was recorded 250 ms before the process is killed has arrived', async () => {
  const sink = await otlpSink();
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./testing/killed.ts', import.meta.url)), sink.url, '20'],
    {
      stdio: 'inherit',
    },
  );
  const [code, signal] = await once(child, 'exit');
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  expect(new Set(sink.slowEvents().map(({ attributes }) => attributes['log.record.uid'])).size).toBe(20);
  await sink.close();
}, 20_000);
