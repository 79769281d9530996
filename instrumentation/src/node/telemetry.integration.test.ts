import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, expect, test } from 'vitest';
import { callUid } from './slow-events.ts';
import { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
import { type OtlpSink, otlpSink } from './testing/otlp-sink.ts';

const defaults = {
  service: 'clinic-api',
  version: '0.1.0',
  collector: 'http://127.0.0.1:1',
  managementListen: { host: '127.0.0.1', port: 0 },
  routes: { pages: ['/clients/:id'], api: ['/api/clients/:id'], other: ['/assets/:file'] },
  metrics: ['api_call', 'database_query'],
} satisfies TelemetryOptions;

/** All zeros but for the end is in every share above 0, all ones in none below 1 (the id's parts are combined by XOR). */
const SAMPLED = '00000000000000000000000000000001';
const UNSAMPLED = 'f0000000000000000000000000000001';
const PARENT = 'b7ad6b7169203331';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(options: Partial<TelemetryOptions> = {}) {
  const sink: OtlpSink = await otlpSink();
  const telemetry: Telemetry = await startTelemetry({ ...defaults, collector: sink.url, ...options });
  const app = express();
  app.use(telemetry.middleware);
  app.get(['/api/clients/:id', '/clients/:id', '/assets/:file', '/unknown/:id'], (req, res) => {
    const ms = Number(req.query.query ?? 0);
    if (ms > 0) telemetry.performanceMonitor.recordMetric('database_query', ms);
    const outgoing = req.query.fetch ? fetch(String(req.query.fetch)).then((answer) => answer.text()) : undefined;
    Promise.resolve(outgoing).then(() => setTimeout(() => res.send('ok'), Number(req.query.wait ?? 0)));
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  opened.push(
    () => sink.close(),
    () => telemetry.shutdown(1000),
    () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  );
  const get = async (path: string, traceparent?: string) => {
    const answer = await fetch(url + path, traceparent ? { headers: { traceparent } } : {});
    await answer.text();
    await new Promise((resolve) => setTimeout(resolve, 20)); // the middleware records when the connection has sent all
  };
  const metrics = async () => (await fetch(`http://127.0.0.1:${telemetry.managementPort}/metrics`)).text();
  return { sink, telemetry, get, metrics };
}

test('a trace is sampled by its id; the flag of a caller is not trusted', async () => {
  const { sink, telemetry, get } = await start({ sampleRatio: 0.5 });
  for (const traceId of [SAMPLED, UNSAMPLED]) {
    for (const flag of ['01', '00']) await get('/api/clients/1', `00-${traceId}-${PARENT}-${flag}`);
  }
  await telemetry.shutdown();
  expect(sink.spans().map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual([
    [SAMPLED, PARENT],
    [SAMPLED, PARENT],
  ]);
  expect([telemetry.sampled(SAMPLED), telemetry.sampled(UNSAMPLED)]).toEqual([true, false]);
});

test('a slow request is kept although it was not sampled, with an exemplar', async () => {
  const { sink, telemetry, get, metrics } = await start({ sampleRatio: 0 });
  await get('/clients/7?query=501');
  await get('/clients/7?query=500');
  const exemplars = (await metrics()).match(
    /http_server_request_duration_seconds_bucket.* # \{trace_id="[0-9a-f]{32}"/g,
  );
  await telemetry.shutdown();
  expect(exemplars).toHaveLength(1);
  expect(sink.spans().map(({ name, attributes }) => [name, attributes.slow])).toEqual([['GET /clients/:id', true]]);
});

test('a slow request keeps what it did itself, while a fast one of the same trace begins and ends', async () => {
  const upstream = createServer((_req, res) => res.end());
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  opened.push(() => new Promise((resolve) => upstream.close(resolve).closeAllConnections()));
  const to = encodeURIComponent(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`);
  const { sink, telemetry, get } = await start({ sampleRatio: 0 });
  const traceparent = `00-${UNSAMPLED}-${PARENT}-00`;
  const slow = get(`/clients/1?query=501&wait=300&fetch=${to}`, traceparent);
  await get(`/clients/2?wait=100&fetch=${to}`, traceparent);
  await slow;
  await telemetry.shutdown();
  const [child, request, ...others] = sink.spans().toSorted((a, b) => b.kind - a.kind);
  expect(request).toMatchObject({ kind: 2, parentSpanId: PARENT, attributes: { slow: true } });
  expect(child).toMatchObject({ kind: 3, parentSpanId: request?.spanId });
  expect(others).toEqual([]);
});

test('only routes of the API are timed as api_call', async () => {
  const { get, metrics } = await start();
  for (const path of ['/api/clients/1', '/clients/1', '/assets/a.js', '/unknown/x']) await get(path);
  const text = await metrics();
  expect(text).toContain('operation_duration_seconds_count{metric="api_call",source="server"} 1');
  expect(text).toContain('http_route="/assets/:file"');
  expect(text).not.toContain('/unknown/');
});

test('a slow call has the uid that its caller can compute, any other slow event a random one', async () => {
  const { sink, telemetry, get } = await start();
  await Promise.all([
    get('/api/clients/1?wait=1050&query=600', `00-${SAMPLED}-${PARENT}-01`),
    get('/api/clients/2?wait=1050'),
    get('/api/clients/3?wait=1050', `00-${SAMPLED}-nonsense-01`),
    get('/api/clients/4?wait=900', `00-${SAMPLED}-${PARENT}-01`),
  ]);
  await telemetry.shutdown();
  const events = sink.slowEvents();
  const calls = events.filter(({ attributes }) => attributes.metric === 'api_call');
  const uids = calls.map(({ attributes }) => attributes['log.record.uid']);
  expect(calls).toHaveLength(3);
  expect(uids.filter((uid) => uid === callUid(SAMPLED, PARENT))).toHaveLength(1);
  expect(new Set(uids).size).toBe(3);
  for (const { attributes } of events) {
    expect(attributes['log.record.uid']).toMatch(/^[0-9a-f]{32}$/);
    expect(attributes['http.route']).toBe('/api/clients/:id');
  }
  const [query] = events.filter(({ attributes }) => attributes.metric === 'database_query');
  expect(query).toMatchObject({ traceId: SAMPLED, attributes: { duration_ms: 600, threshold_ms: 500 } });
  expect(query?.attributes['log.record.uid']).not.toBe(callUid(SAMPLED, PARENT));
}, 15_000);

test('an outgoing request is a span; only a listed host is named and told of the trace', async () => {
  const told: unknown[] = [];
  const upstream = createServer((req, res) => {
    told.push(req.headers.traceparent);
    res.writeHead(503).end();
  });
  await new Promise<void>((resolve) => upstream.listen(0, resolve));
  const { port } = upstream.address() as AddressInfo;
  opened.push(() => new Promise((resolve) => upstream.close(resolve).closeAllConnections()));
  const { sink, telemetry, get } = await start({ sampleRatio: 1, hosts: ['127.0.0.1'] });
  await get(`/api/clients/1?fetch=${encodeURIComponent(`http://127.0.0.1:${port}/canary?canary`)}`);
  await get(`/api/clients/1?fetch=${encodeURIComponent(`http://localhost:${port}/canary`)}`);
  await telemetry.shutdown();
  const [listed, other] = sink.spans().filter(({ kind }) => kind === 3);
  expect(listed).toMatchObject({
    name: 'GET',
    attributes: { 'server.address': '127.0.0.1', 'http.response.status_code': 503, 'error.type': '503' },
  });
  expect(other?.attributes['server.address']).toBe('other');
  expect(told).toEqual([`00-${listed?.traceId}-${listed?.spanId}-01`, undefined]);
  expect(sink.bodies.join()).not.toMatch(/canary|localhost/);
});

test('label sets exist at 0 from the start', async () => {
  const { metrics } = await start({ responses: { 'GET /api/clients/:id': [200, 500] } });
  const text = await metrics();
  for (const line of [
    'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/api/clients/:id",http_response_status_code="500"} 0',
    'operation_duration_seconds_bucket{le="0.5",metric="database_query",source="server"} 0',
    'telemetry_items_total{kind="slow_event",outcome="dropped"} 0',
    'db_client_connection_count{state="pending"} 0',
    'telemetry_queue_items{kind="span"} 0',
  ]) {
    expect(text).toContain(line);
  }
});

test('counters of the telemetry say what was lost', async () => {
  const { sink, telemetry, metrics } = await start();
  sink.status = 400;
  telemetry.performanceMonitor.recordMetric('api_call', 5000);
  telemetry.performanceMonitor.recordMetric('api_call', Number.NaN);
  telemetry.performanceMonitor.recordMetric('never_declared', 1);
  await telemetry.slowEvents.flush(1000);
  const text = await metrics();
  expect(text).toContain('telemetry_items_total{kind="slow_event",outcome="refused"} 1');
  expect(text).toContain('telemetry_items_total{kind="metric",outcome="refused"} 1');
  expect(text).toContain('telemetry_items_total{kind="name",outcome="refused"} 1');
  expect(await metrics()).toContain('telemetry_items_total{kind="slow_event",outcome="refused"} 1'); // not added up
});

test.each([
  ['service', { service: 'Clinic API' }],
  ['version', { version: 'latest' }],
  ['collector', { collector: 'localhost:4318' }],
  ['sampleRatio', { sampleRatio: 1.5 }],
  ['sampleRatio', { sampleRatio: Number.NaN }],
  ['routes', { routes: { pages: ['/clients*'], api: [] } }],
  ['metrics', { metrics: ['Jane Doe'] }],
  ['responses', { responses: { 'GET /nowhere': [200] } }],
] as const)('a wrong %s stops the start and is named', async (key, wrong) => {
  await expect(startTelemetry({ ...defaults, ...wrong })).rejects.toThrow(`startTelemetry cannot use ${key}: `);
});
