import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from './intake.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { logRecord, logRecords, logsRequest } from './testing/logs-request.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const SECRET = 'patient-token-4711';

let recorder: Recorder;
let url: string;
beforeAll(async () => {
  recorder = await startRecorder({
    listen: ANY_PORT,
    managementListen: ANY_PORT,
    databaseFile: ':memory:',
    prometheusUrls: ['http://127.0.0.1:9'], // nobody listens there: what is tested here does not need it
  });
  url = `http://127.0.0.1:${recorder.port}`;
});
afterAll(() => recorder.close());

function post(body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/logs`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
}

describe('POST /v1/logs', () => {
  test('takes gzip, as the Collector sends it', async () => {
    const body = gzipSync(JSON.stringify(logsRequest([logRecord()])));
    const response = await post(body, { 'content-encoding': 'gzip' });
    expect([response.status, await response.json()]).toEqual([200, {}]);
  });

  test('keeps the good records of a batch and says how many were not', async () => {
    const response = await post(
      JSON.stringify(logsRequest([logRecord({ uid: SECRET }), logRecord(), logRecord({ durationMs: -1 })])),
    );
    expect([response.status, await response.json()]).toEqual([
      200,
      { partialSuccess: { rejectedLogRecords: 2, errorMessage: 'Records rejected, by reason: uid 1, duration 1.' } },
    ]);
    const metrics = await (await fetch(`http://127.0.0.1:${recorder.managementPort}/metrics`)).text();
    expect(metrics).toContain('slow_event_rejected_total{reason="uid"} 1\n');
    expect(metrics).toContain('slow_event_rejected_total{reason="metric"} 0\n');
  });

  const tooLarge = JSON.stringify({ pad: 'x'.repeat(MAX_BODY_BYTES) });
  test.each([
    ['broken JSON', 400, () => post(`{"${SECRET}`)],
    ['JSON that is not OTLP', 400, () => post(`["${SECRET}"]`)],
    ['gzip that is none', 400, () => post(SECRET, { 'content-encoding': 'gzip' })],
    ['protobuf', 415, () => post(SECRET, { 'content-type': 'application/x-protobuf' })],
    ['JSON as text', 415, () => post('{}', { 'content-type': `text/plain; x=${SECRET}` })],
    ['another compression', 415, () => post(SECRET, { 'content-encoding': 'deflate' })],
    ['a body over 4 MiB', 413, () => post(tooLarge)],
    ['a body of 10 MB', 413, () => post(Buffer.alloc(10_000_000))],
    ['a body that inflates to more', 413, () => post(gzipSync(tooLarge), { 'content-encoding': 'gzip' })],
    ['another method', 405, () => fetch(`${url}/v1/logs`)],
  ])('%s: %i, and nothing of it comes back', async (_what, status, request) => {
    const response = await request();
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain(SECRET);
    expect((await post('{}')).status).toBe(200);
  });

  test('a body of unknown length is cut off at 4 MiB as well', async () => {
    const chunk = new Uint8Array(1024 * 1024);
    let chunks = 0;
    const body = new ReadableStream({
      pull: (controller) => (chunks++ < 6 ? controller.enqueue(chunk) : controller.close()),
    });
    const response = await fetch(`${url}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
  });
});

describe('in a browser', () => {
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

  test('/ is a page whose links and files are all here', async () => {
    const response = await fetch(`${url}/`, asBrowser);
    const html = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const addresses = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address!);
    expect(addresses).toEqual(
      expect.arrayContaining(['/recorder.css', '/icon.svg', '/api/slow-events', '/api/slow-events/count']),
    );
    for (const address of addresses) expect([address, (await fetch(url + address)).status]).toEqual([address, 200]);
  });

  test('a wrong path leads back, and shows nothing of what was asked', async () => {
    const response = await fetch(`${url}/${SECRET}`, asBrowser);
    const html = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(html).toContain('<a href="/">');
    expect(html).not.toContain(SECRET);
  });
});

describe('GET /api/slow-events', () => {
  const list = async (query: string) => (await (await fetch(`${url}/api/slow-events?${query}`)).json()) as object[];
  const at = Date.now() - 600_000;

  beforeAll(async () => {
    const records = [0, 1, 2].map((minute) =>
      logRecord({ metric: 'render', durationMs: 200 + minute, at: at + minute * 60_000 }),
    );
    await post(JSON.stringify(logsRequest([...records, ...logRecords(1, { metric: 'search', at: at + 60_000 })])));
  });

  test('newest first, with what the inbox needs', async () => {
    const events = await list('metric=render');
    expect(events.map((event) => 'duration_ms' in event && event.duration_ms)).toEqual([202, 201, 200]);
    expect(events[0]).toEqual({
      uid: expect.stringMatching(/^[0-9a-f]{32}$/),
      metric: 'render',
      duration_ms: 202,
      threshold_ms: 100,
      route: '/clients/:id',
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      recorded_at: new Date(at + 120_000).toISOString(),
      counted: true,
    });
    expect(await list('metric=render&limit=1')).toEqual(events.slice(0, 1));
    expect((await list('limit=1000')).length).toBeGreaterThan(3);
  });

  test.each([
    ['epoch milliseconds', String(at + 60_000)],
    ['an ISO time', new Date(at + 60_000).toISOString()],
    ['an ISO time with an offset', new Date(at + 60_000 + 7_200_000).toISOString().replace('Z', '%2B02:00')],
  ])('since as %s', async (_form, since) => expect(await list(`metric=render&since=${since}`)).toHaveLength(2));

  test('since as a duration', async () => {
    expect(await list('metric=render&since=1h')).toHaveLength(3);
    expect(await list('metric=render&since=5m')).toHaveLength(0);
  });

  test.each([
    ['since', `since=${SECRET}`],
    ['since', 'since=2026-02-30T00:00:00Z'],
    ['limit', 'limit=1001'],
    ['limit', 'limit=0'],
    ['limit', 'limit=1e3'],
    ['metric', `metric=${SECRET}`],
    ['metric', 'metric=render&metric=search'],
    [undefined, `${SECRET}=1`],
  ])('a wrong %s is named (%s), its value is not', async (parameter, query) => {
    const response = await fetch(`${url}/api/slow-events?${query}`);
    const text = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(text).not.toContain(SECRET);
    expect(JSON.parse(text).parameter).toBe(parameter);
  });

  test('count says how full the hour is and when it empties', async () => {
    await post(JSON.stringify(logsRequest(logRecords(6, { metric: 'sign_in', at }))));
    const counts = await (await fetch(`${url}/api/slow-events/count`)).json();
    expect(counts).toMatchObject({
      render: { count: 3, limit_reached: false, oldest_leaves_at: new Date(at + 3_600_000).toISOString() },
      sign_in: { count: 6, limit_reached: true },
      other: { count: 0, limit_reached: false, oldest_leaves_at: null },
    });
  });

  test('HEAD answers as GET without a body; other methods and paths do not exist', async () => {
    const head = await fetch(`${url}/api/slow-events`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const method = await fetch(`${url}/api/slow-events`, { method: 'DELETE' });
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const path = await fetch(`${url}/api/${SECRET}`);
    expect([path.status, await path.text()]).toEqual([404, expect.not.stringContaining(SECRET)]);
  });
});
