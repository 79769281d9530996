import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { LIMITS } from '@clinic/catalogue/limits';
import express from 'express';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { browserTelemetry } from './browser-telemetry.ts';
import { callUid, itemUid } from './slow-events.ts';
import { startTelemetry, type Telemetry } from './telemetry.ts';
import { type OtlpSink, otlpSink } from './testing/otlp-sink.ts';

const RECEIVED_AT = 1_790_000_000_000;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = '00f067aa0ba902b7';
const pages = ['/clients/:id'];
const api = ['/api/clients/:id'];
const metrics = [...Object.keys(LIMITS), 'other'];

let sink: OtlpSink;
let telemetry: Telemetry;
let port: number;
let newest: Socket;
let page = 0;
let id = '';

beforeAll(async () => {
  sink = await otlpSink();
  telemetry = await startTelemetry({
    service: 'clinic-api',
    version: '0.1.0',
    collector: sink.url,
    managementListen: { host: '127.0.0.1', port: 0 },
    routes: { pages, api, other: ['/telemetry'] },
    metrics,
    sampleRatio: 1,
  });
  const app = express();
  app.post(
    '/telemetry',
    browserTelemetry({ telemetry, service: 'clinic-web', pages, api, metrics, now: () => RECEIVED_AT }),
  );
  const server = createServer(app);
  server.on('connection', (socket) => {
    newest = socket;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  return async () => {
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
    await telemetry.shutdown(1000);
    await sink.close();
  };
});
beforeEach(() => {
  id = `00000000-0000-4000-8000-${String(page++).padStart(12, '0')}`;
});

const post = async (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) => {
  const answer = await fetch(`http://127.0.0.1:${port}/telemetry`, { method: 'POST', headers, body });
  return { status: answer.status, text: await answer.text() };
};
const batch = (items: readonly unknown[], envelope: Record<string, unknown> = {}) =>
  JSON.stringify({ v: 1, id, seq: 1, at: RECEIVED_AT, drop: 0, items, ...envelope });
const metric = { k: 'm', t: RECEIVED_AT, n: 'page_load', v: 5, p: '/clients/:id' };
const call = { k: 's', t: RECEIVED_AT, d: 5, n: 'GET', a: '/api/clients/:id', p: 'unknown', i: TRACE, j: SPAN, c: 200 };

/** Values of all series, by the text in front of the value. */
async function series(): Promise<Map<string, number>> {
  const text = await telemetry.registry.metrics();
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.replace(/ [^ }]+( # .*)?$/, ''), Number(line.replace(/ # .*/, '').split(' ').at(-1))]),
  );
}
/** What a change of the counters does. */
async function grown(action: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await series();
  await action();
  const changes = [...(await series())].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(changes.filter(([name, change]) => change !== 0 && /^(browser|web|operation)/.test(name)));
}
async function slowEventsOf(...bodies: string[]) {
  const before = sink.slowEvents().length;
  for (const body of bodies) expect((await post(body)).status).toBe(204);
  await telemetry.slowEvents.flush(1000);
  return sink.slowEvents().slice(before);
}

test('metrics, vitals, errors and losses are recorded by listed words', async () => {
  const items = [
    { ...metric, v: 1500 },
    { ...metric, n: 'LCP', v: 2400, r: 'good' },
    { ...metric, n: 'CLS', v: 0.07 },
    { k: 'e', t: RECEIVED_AT, n: 'TypeError', h: '0123456789abcdef', p: 'unknown' },
  ];
  const growth = await grown(() => post(batch(items, { drop: 4 })));
  expect(growth).toMatchObject({
    'browser_telemetry_batches_total{outcome="accepted"}': 1,
    'browser_telemetry_items_total{outcome="accepted"}': 4,
    'browser_telemetry_items_total{outcome="lost"}': 4,
    'browser_errors_total{error_type="TypeError",page="unknown"}': 1,
    'operation_duration_seconds_sum{metric="page_load",source="browser"}': 1.5,
    'web_vital_seconds_sum{name="LCP",page="/clients/:id"}': 2.4,
    'web_vital_layout_shift_bucket{le="0.1",page="/clients/:id"}': 1,
  });
  expect(growth).not.toHaveProperty(['web_vital_layout_shift_bucket{le="0.05",page="/clients/:id"}']);
});

test.each([...Object.entries(LIMITS), ['other', 1000]] as const)(
  '%s is slow above %i ms, not at it',
  async (n, limit) => {
    const over = limit + 0.001;
    const [event, ...more] = await slowEventsOf(
      batch([
        { ...metric, n, v: limit },
        { ...metric, n, v: over },
      ]),
    );
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      eventName: 'slow_event',
      attributes: { metric: n, duration_ms: over, threshold_ms: limit, 'http.route': '/clients/:id' },
    });
  },
);

test('web vitals are never slow events', async () => {
  expect(await slowEventsOf(batch([{ ...metric, n: 'LCP', v: 60_000 }]))).toEqual([]);
});

test('uids: of the call where its ids are known, else of the place in the batch', async () => {
  const slow = { ...metric, v: 5000 };
  const events = await slowEventsOf(
    batch([
      metric,
      slow,
      { ...slow, n: 'api_call', i: TRACE, j: SPAN },
      { ...slow, i: TRACE, j: SPAN },
      { ...slow, n: 'api_call' },
    ]),
  );
  expect(events.map(({ attributes }) => attributes['log.record.uid'])).toEqual([
    itemUid(id, 1, 1),
    callUid(TRACE, SPAN),
    itemUid(id, 1, 3),
    itemUid(id, 1, 4),
  ]);
  expect(events.map(({ traceId, spanId }) => [traceId, spanId])).toEqual([
    [undefined, undefined],
    [TRACE, SPAN],
    [TRACE, SPAN],
    [undefined, undefined],
  ]);
});

test('a batch that comes again is dropped and counted, also the one with number 0', async () => {
  const slow = batch([{ ...metric, v: 5000 }], { seq: 0 });
  let events: unknown[] = [];
  const growth = await grown(async () => {
    events = await slowEventsOf(slow, slow, slow);
  });
  expect(events).toHaveLength(1);
  expect(growth).toMatchObject({
    'browser_telemetry_batches_total{outcome="accepted"}': 1,
    'browser_telemetry_batches_total{outcome="repeated"}': 2,
    'operation_duration_seconds_count{metric="page_load",source="browser"}': 1,
  });
});

test.each([
  ['a clock that is right', 0, 60_000, 60_000],
  ['a clock that is a year behind', -31_536_000_000, 60_000, 60_000],
  ['a clock that is a year ahead', 31_536_000_000, 60_000, 60_000],
  ['a time after the sending', 0, -5000, 0],
  ['a time long before', 0, 90_000_000, 7_200_000],
])('%s: an event is as old as it was when it was sent', async (_what, skew, age, expected) => {
  const at = RECEIVED_AT + skew;
  const [event] = await slowEventsOf(batch([{ ...metric, v: 5000, t: at - age }], { at }));
  expect(event?.timeUnixNano).toBe(`${RECEIVED_AT - expected}000000`);
});

test('spans of the browser are sent under its own name, below the span that served the document', async () => {
  const load = { k: 'l', t: RECEIVED_AT - 100.5, d: 50, p: '/clients/:id', i: TRACE, j: PARENT, u: SPAN };
  await post(batch([load, { ...call, u: PARENT }, { ...call, c: 0 }]));
  await expect.poll(() => sink.spans().length, { timeout: 3000 }).toBe(3);
  const [first, second, third] = sink.spans();
  expect(first).toMatchObject({
    service: 'clinic-web',
    name: 'page_load',
    kind: 1,
    traceId: TRACE,
    spanId: PARENT,
    parentSpanId: SPAN,
    startTimeUnixNano: `${RECEIVED_AT - 101}500000`,
    endTimeUnixNano: `${RECEIVED_AT - 51}500000`,
    attributes: { 'http.route': '/clients/:id' },
  });
  expect(second).toMatchObject({
    service: 'clinic-web',
    name: 'GET /api/clients/:id',
    kind: 3,
    parentSpanId: PARENT,
    attributes: { 'http.request.method': 'GET', 'http.route': '/api/clients/:id', 'http.response.status_code': 200 },
  });
  expect(third).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'NetworkError' } });
});

const bad: [string, unknown][] = [
  ['an unknown key', { ...metric, canary: 'Jane' }],
  ['an unknown metric', { ...metric, n: 'canary' }],
  ['an inherited name', { ...metric, n: 'toString' }],
  ['NaN', { ...metric, v: null }],
  ['a negative duration', { ...metric, v: -1 }],
  ['more than ten minutes', { ...metric, v: 600_001 }],
  ['a duration as text', { ...metric, v: '5' }],
  ['a path in place of a route', { ...metric, p: '/clients/42' }],
  ['a time as text', { ...metric, t: '2026' }],
  ['an unknown rating', { ...metric, r: 'Jane' }],
  ['a trace id that is none', { ...metric, i: 'canary' }],
  ['a trace id of zeros', { ...metric, i: '0'.repeat(32), j: SPAN }],
  ['a missing field', { k: 'm', t: 1, n: 'render', p: 'unknown' }],
  ['an unknown kind', { ...metric, k: 'x' }],
  ['an inherited kind', { ...metric, k: 'constructor' }],
  ['an error with a message', { k: 'e', t: 1, n: 'Jane is ill', h: '', p: 'unknown' }],
  ['an error with a free hash', { k: 'e', t: 1, n: 'Error', h: 'Jane', p: 'unknown' }],
  ['a call of another route', { ...call, a: '/api/clients/42' }],
  ['a call with another method', { ...call, n: 'CANARY' }],
  ['a status above 599', { ...call, c: 600 }],
  ['a status with a fraction', { ...call, c: 200.5 }],
  ['a text', 'Jane'],
  ['null', null],
  ['a list', [metric]],
];
test.each(bad)('an item is refused and the others kept: %s', async (_what, item) => {
  let answer = { status: 0, text: '' };
  const growth = await grown(async () => {
    answer = await post(batch([metric, item, metric]));
  });
  expect(answer).toEqual({ status: 204, text: '' });
  expect(growth).toMatchObject({
    'browser_telemetry_items_total{outcome="accepted"}': 2,
    'browser_telemetry_items_total{outcome="refused"}': 1,
    'operation_duration_seconds_count{metric="page_load",source="browser"}': 2,
  });
});

const broken: [string, string][] = [
  ['broken JSON', '{"v":1,"canary'],
  ['nothing', ''],
  ['a list', '[]'],
  ['an unknown key', '{"canary":1}'],
  ['no id', JSON.stringify({ v: 1, seq: 1, at: 1, drop: 0, items: [] })],
  ['another version', JSON.stringify({ v: 2, id, seq: 1, at: 1, drop: 0, items: [] })],
];
test.each(broken)('what is not a batch is refused without an echo: %s', async (_what, body) => {
  const { status, text } = await post(body);
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ status: 400, code: 'batch_malformed' });
  expect(text).not.toContain('canary');
});
test.each([
  { canary: 1 },
  { id: 'canary' },
  { seq: -1 },
  { seq: 1.5 },
  { at: null },
  { drop: 2e6 },
  { items: {} },
  { items: Array(5001).fill(0) },
])('a wrong envelope is refused', async (envelope) => {
  expect((await post(batch([metric], envelope))).status).toBe(400);
});

test('5,000 items are one batch', async () => {
  const growth = await grown(() => post(batch(Array(5000).fill(0))));
  expect(growth).toMatchObject({ 'browser_telemetry_items_total{outcome="refused"}': 5000 });
});

test('the content type is checked; a beacon may send text/plain', async () => {
  expect((await post(batch([]), { 'content-type': 'text/plain;charset=UTF-8' })).status).toBe(204);
  for (const type of ['text/html', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    expect((await post(batch([], { seq: 2 }), { 'content-type': type })).status).toBe(415);
  }
  expect((await post('x', { 'content-type': 'application/json', 'content-encoding': 'gzip' })).status).toBe(415);
});

test('a page of another site cannot post', async () => {
  const headers = (site: string) => ({ 'content-type': 'text/plain', 'sec-fetch-site': site });
  expect((await post(batch([]), headers('cross-site'))).status).toBe(403);
  expect((await post(batch([]), headers('same-origin'))).status).toBe(204);
});

test.each([true, false])('a body of 10 MB is refused without being read (length told: %s)', async (told) => {
  const socket = connect(port, '127.0.0.1');
  const size = 10_000_000;
  const length = told ? `content-length: ${size}` : 'transfer-encoding: chunked';
  socket.write(`POST /telemetry HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n${length}\r\n\r\n`);
  // With a length that is too large, nothing has to come before the answer.
  if (!told) {
    socket.write(`${size.toString(16)}\r\n`);
    socket.write(Buffer.alloc(size, 'a'));
  }
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.on('close', resolve));
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(newest.bytesRead).toBeLessThan(1_000_000);
});

test('a client that goes away in the middle of its batch does no harm', async () => {
  const outgoing = request({
    port,
    host: '127.0.0.1',
    path: '/telemetry',
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'content-length': 1000 },
  });
  outgoing.on('error', () => {});
  outgoing.write('{');
  await new Promise((resolve) => setTimeout(resolve, 50));
  outgoing.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await post(batch([metric]))).status).toBe(204);
});
