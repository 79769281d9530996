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
let clock = RECEIVED_AT;
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
  app.post('/telemetry', browserTelemetry({ telemetry, service: 'clinic-web', pages, api, metrics, now: () => clock }));
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
  id = String(++page).padStart(32, '0');
});

const post = async (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) => {
  const answer = await fetch(`http://127.0.0.1:${port}/telemetry`, { method: 'POST', headers, body });
  return { status: answer.status, text: await answer.text() };
};
type Lists = Partial<Record<'m' | 'e' | 'c' | 'l' | 's', readonly unknown[]>>;
/** Times count from the moment of sending, unless the envelope says otherwise. */
const batch = (lists: Lists, envelope: Record<string, unknown> = {}) =>
  JSON.stringify({ v: 2, id, seq: 0, n: 0, at: RECEIVED_AT, drop: 0, p: '/clients/:id', ...lists, ...envelope });
/** A metric, with other parts where told. */
const metric = (parts: Readonly<Record<number, unknown>> = {}) => Object.assign(['page_load', 5, 0], parts);
const call = (parts: Readonly<Record<number, unknown>> = {}) =>
  Object.assign(['GET', 5, 0, TRACE, SPAN, 'unknown', '/api/clients/:id', 0, 200], parts);

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
  const m = [metric({ 1: 1500 }), metric({ 0: 'LCP', 1: 2400, 6: 'good' }), metric({ 0: 'CLS', 1: 0.07 })];
  const e = [['TypeError', 0, 'unknown', '0123456789abcdef', 1, 2]];
  const growth = await grown(() => post(batch({ m, e }, { drop: 4 })));
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

test('a call is api_call as well unless it is mute, and a page load is page_load', async () => {
  const growth = await grown(() => post(batch({ c: [call(), call({ 9: 1 })], l: [[7, 0, TRACE, PARENT]] })));
  expect(growth).toMatchObject({
    'operation_duration_seconds_count{metric="api_call",source="browser"}': 1,
    'operation_duration_seconds_count{metric="page_load",source="browser"}': 1,
  });
});

test('a sampled duration is an exemplar of its trace; those of synthetic visitors are a series of their own', async () => {
  const synthetic = { 'content-type': 'application/json', 'x-synthetic': '1' };
  const growth = await grown(() => post(batch({ m: [metric({ 0: 'render', 1: 20, 3: TRACE, 4: SPAN })] }), synthetic));
  const ofSynthetic = 'metric="render",source="browser",user_agent_synthetic_type="test"';
  expect(growth).toMatchObject({
    [`operation_duration_seconds_count{${ofSynthetic}}`]: 1,
    [`operation_duration_seconds_sum{${ofSynthetic}}`]: 0.02,
  });
  expect(growth).not.toHaveProperty(['operation_duration_seconds_count{metric="render",source="browser"}']);
  expect(await telemetry.registry.metrics()).toMatch(
    new RegExp(
      `^operation_duration_seconds_bucket\\{.*${ofSynthetic}\\} 1 # \\{trace_id="${TRACE}",span_id="${SPAN}"\\} 0\\.02 `,
      'm',
    ),
  );
});

test('words may be told once; the last message of a page has them where they are, and errors without a place', async () => {
  const told = batch(
    {
      m: [
        [1, 5, 0],
        [1, 5, 0, 0, 0, 3],
        [2, 0.3, 0, 0, 0, 0, 4],
      ],
    },
    { w: ['render', 'CLS', 'unknown', 'poor'] },
  );
  const last = {
    v: 2,
    id: 'f'.repeat(32),
    at: RECEIVED_AT,
    drop: 0,
    m: [
      ['render', 5, -9, null, null, null],
      ['Error', 0, -9],
    ],
  };
  const growth = await grown(async () => {
    expect((await post(told)).status).toBe(204);
    expect((await post(JSON.stringify(last))).status).toBe(204);
  });
  expect(growth).toMatchObject({
    'browser_telemetry_items_total{outcome="accepted"}': 5,
    'operation_duration_seconds_count{metric="render",source="browser"}': 3,
    'web_vital_layout_shift_count{page="/clients/:id"}': 1,
    'browser_errors_total{error_type="Error",page="unknown"}': 1,
  });
});

test.each([...Object.entries(LIMITS), ['other', 1000]] as const)(
  '%s is slow above %i ms, not at it',
  async (n, limit) => {
    const over = limit + 0.001;
    const [event, ...more] = await slowEventsOf(batch({ m: [metric({ 0: n, 1: limit }), metric({ 0: n, 1: over })] }));
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      eventName: 'slow_event',
      attributes: { metric: n, duration_ms: over, threshold_ms: limit, 'http.route': '/clients/:id' },
    });
  },
);

test('web vitals are never slow events', async () => {
  expect(await slowEventsOf(batch({ m: [metric({ 0: 'LCP', 1: 60_000 })] }))).toEqual([]);
});

test('uids: of the call where its ids are known, else of the place in the batch', async () => {
  const slow = metric({ 1: 5000 });
  const events = await slowEventsOf(
    batch({ m: [metric(), slow, [...slow, TRACE, SPAN]], c: [call({ 1: 5000 })], l: [[5000, 0, TRACE, PARENT]] }),
  );
  expect(events.map(({ attributes }) => attributes['log.record.uid'])).toEqual([
    itemUid(id, 0, 1),
    itemUid(id, 0, 2),
    callUid(TRACE, SPAN),
    itemUid(id, 0, 4),
  ]);
  expect(events.map(({ traceId, spanId }) => [traceId, spanId])).toEqual([
    [undefined, undefined],
    [TRACE, SPAN],
    [TRACE, SPAN],
    [TRACE, PARENT],
  ]);
});

test('the last message of a page tells of a call with the uid that the server tells of it', async () => {
  const [event] = await slowEventsOf(batch({ m: [['api_call', 5000, 0, TRACE, SPAN, null]] }));
  expect(event?.attributes['log.record.uid']).toBe(callUid(TRACE, SPAN));
});

test('a batch that comes again is dropped and counted, also the one with number 0', async () => {
  const slow = batch({ m: [metric({ 1: 5000 })] });
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

test('what is missing between batches, and what a closed tab left behind, is counted as lost', async () => {
  const other = 'e'.repeat(32);
  const growth = await grown(async () => {
    await post(batch({ m: [metric()] }, { seq: 0, n: 0, t: RECEIVED_AT }));
    await post(batch({ m: [metric()] }, { seq: 3, n: 12, t: RECEIVED_AT }));
    await post(
      batch(
        { m: [metric()] },
        {
          id: other,
          gone: [
            [id, 0, 9],
            ['d'.repeat(32), 4, 5],
          ],
        },
      ),
    );
    clock = RECEIVED_AT + 3_600_000;
    await series();
    clock = RECEIVED_AT;
  });
  // 11 are missing between the first and the last; of what was left behind one batch had come.
  expect(growth).toMatchObject({ 'browser_telemetry_items_total{outcome="lost"}': 16 });
});

test.each([
  ['a clock that is right', 0, 60_000, 60_000],
  ['a clock that is a year behind', -31_536_000_000, 60_000, 60_000],
  ['a clock that is a year ahead', 31_536_000_000, 60_000, 60_000],
  ['a clock that is seven hours ahead', 25_200_000, 60_000, 60_000],
  ['a time after the sending', 0, -5000, 0],
  ['a time long before', 0, 90_000_000, 7_200_000],
])('%s: an event is as old as it was when it was sent', async (_what, skew, age, expected) => {
  const at = RECEIVED_AT + skew;
  const [event] = await slowEventsOf(batch({ m: [metric({ 1: 5000, 2: -age })] }, { at }));
  expect(event?.timeUnixNano).toBe(`${RECEIVED_AT - expected}000000`);
});

test('spans of the browser are sent under its own name, below the span that served the document', async () => {
  const trace = 'a'.repeat(32);
  const ours = () => sink.spans().filter(({ traceId }) => traceId === trace);
  const l = [[50, -50.5, trace, PARENT, 0, SPAN]];
  const s = [['render', 5, 0, trace, SPAN, 0, PARENT, 1]];
  await post(batch({ l, c: [call({ 3: trace, 7: PARENT }), call({ 3: trace, 8: 0 })], s }));
  await expect.poll(() => ours().length, { timeout: 10_000 }).toBe(4);
  const spans = ours();
  const first = spans.find(({ name }) => name === 'page_load');
  const [second, third] = spans.filter(({ name }) => name.startsWith('GET'));
  expect(spans.find(({ name }) => name === 'render')).toMatchObject({ parentSpanId: PARENT, status: { code: 2 } });
  expect(first).toMatchObject({
    service: 'clinic-web',
    name: 'page_load',
    kind: 1,
    traceId: trace,
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

const bad: [string, Lists][] = [
  ['another part', { m: [metric({ 7: 'Jane' })] }],
  ['an unknown metric', { m: [metric({ 0: 'canary' })] }],
  ['an inherited name', { m: [metric({ 0: 'toString' })] }],
  ['a word that was not told', { m: [metric({ 0: 2 })] }],
  ['a word by a fraction', { m: [metric({ 0: 0.5 })] }],
  ['NaN', { m: [metric({ 1: null })] }],
  ['a negative duration', { m: [metric({ 1: -1 })] }],
  ['more than ten minutes: a computer that slept', { m: [metric({ 1: 600_001 })] }],
  ['a duration as text', { m: [metric({ 1: '5' })] }],
  ['a path in place of a route', { m: [metric({ 5: '/clients/42' })] }],
  ['a told word that is no route', { m: [metric({ 5: 1 })] }],
  ['a time as text', { m: [metric({ 2: '2026' })] }],
  ['an unknown rating', { m: [metric({ 6: 'Jane' })] }],
  ['a trace id that is none', { m: [metric({ 3: 'canary' })] }],
  ['a trace id of zeros', { m: [metric({ 3: '0'.repeat(32), 4: SPAN })] }],
  ['a missing part', { m: [['render', 5]] }],
  ['an error with a message', { e: [['Jane is ill', 0]] }],
  ['an error with a free hash', { e: [['Error', 0, 0, 'Jane', 1, 2]] }],
  ['an error with a part of a frame', { e: [['Error', 0, 0, '0123456789abcdef', 1]] }],
  ['an error with a place that is none', { e: [['Error', 0, 0, '0123456789abcdef', 1, -2]] }],
  ['an error with eleven frames', { e: [['Error', 0, 0, ...Array(11).fill(['0123456789abcdef', 1, 2]).flat()]] }],
  ['an error with a message in the place of its time', { m: [['Error', 0, 'Jane']] }],
  ['an error that has a duration', { m: [['Error', 5, 0]] }],
  ['a call of another route', { c: [call({ 6: '/api/clients/42' })] }],
  ['a call with another method', { c: [call({ 0: 'CANARY' })] }],
  ['a status above 599', { c: [call({ 8: 600 })] }],
  ['a status with a fraction', { c: [call({ 8: 200.5 })] }],
  ['a page load without ids', { l: [[5, 0]] }],
  ['a span of another name', { s: [['Jane', 5, 0, TRACE, SPAN]] }],
  ['a text', { m: ['Jane'] }],
  ['null', { l: [null] }],
  ['an object', { c: [{ n: 'Jane' }] }],
];
test.each(bad)('an item is refused and the others kept: %s', async (_what, { m = [], ...lists }) => {
  let answer = { status: 0, text: '' };
  const growth = await grown(async () => {
    answer = await post(batch({ m: [metric(), ...m, metric()], ...lists }, { w: ['Jane'] }));
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
  ['no id', JSON.stringify({ v: 2, seq: 1, at: 1, drop: 0 })],
  ['another version', JSON.stringify({ v: 1, id: 'a'.repeat(32), seq: 1, at: 1, drop: 0 })],
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
  { m: {} },
  { m: Array(5001).fill(0) },
  { m: Array(3000).fill(0), c: Array(3000).fill(0) },
  { w: [1] },
  { p: 1 },
  { t: 'canary' },
  { n: -1 },
  { gone: [['canary', 1, 1]] },
  { gone: [[TRACE, 1]] },
  { gone: Array(33).fill([TRACE, 1, 1]) },
])('a wrong envelope is refused', async (envelope) => {
  expect((await post(batch({ m: [metric()] }, envelope))).status).toBe(400);
});

test('5,000 items are one batch', async () => {
  const growth = await grown(() => post(batch({ m: Array(5000).fill(0) })));
  expect(growth).toMatchObject({ 'browser_telemetry_items_total{outcome="refused"}': 5000 });
});

test('the content type is checked; a beacon may send text/plain', async () => {
  expect((await post(batch({}), { 'content-type': 'text/plain;charset=UTF-8' })).status).toBe(204);
  for (const type of ['text/html', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    expect((await post(batch({}, { seq: 2 }), { 'content-type': type })).status).toBe(415);
  }
  expect((await post('x', { 'content-type': 'application/json', 'content-encoding': 'gzip' })).status).toBe(415);
});

test('a page of another site cannot post', async () => {
  const headers = (site: string) => ({ 'content-type': 'text/plain', 'sec-fetch-site': site });
  expect((await post(batch({}), headers('cross-site'))).status).toBe(403);
  expect((await post(batch({}), headers('same-origin'))).status).toBe(204);
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
  expect((await post(batch({ m: [metric()] }))).status).toBe(204);
});
