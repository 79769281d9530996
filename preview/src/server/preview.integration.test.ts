import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPreview } from './preview.ts';

/** Stands behind the preview and keeps what it was asked. */
let asked: { method: string; url: string; body: string; headers: NodeJS.Dict<string | string[]> }[] = [];
let answerLate = false;
const logged: string[] = [];
let upstream: Server;
let preview: ReturnType<typeof createPreview>;
let base: string;
let folder: string;

const listening = (server: Server) =>
  new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preview-'));
  mkdirSync(join(folder, 'app/assets'), { recursive: true });
  mkdirSync(join(folder, 'dashboards/Security'), { recursive: true });
  writeFileSync(join(folder, 'app/index.html'), '<!doctype html>app');
  writeFileSync(join(folder, 'app/assets/a.js'), 'plain');
  writeFileSync(join(folder, 'app/assets/a.js.br'), 'brotli');
  writeFileSync(join(folder, 'secret.json'), '{"uid":"secret","title":"Secret"}');
  writeFileSync(join(folder, 'dashboards/one.json'), '{"uid":"one","title":"One","tags":["a"]}');
  writeFileSync(join(folder, 'dashboards/Security/two.json'), '{"uid":"two","title":"Two"}');
  writeFileSync(join(folder, 'dashboards/broken.json'), '{');
  upstream = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method!, url: request.url!, body, headers: request.headers });
    if (answerLate) return;
    response
      .writeHead(422, { 'content-type': 'application/json', 'set-cookie': 'a=b', server: 'x' })
      .end('{"status":"error"}');
  });
  const url = await listening(upstream);
  preview = createPreview({
    app: join(folder, 'app'),
    dashboards: join(folder, 'dashboards'),
    urls: { prometheus: url, tempo: 'http://127.0.0.1:9' },
    answerWithinMs: { prometheus: 300, tempo: 300 },
    log: (line) => logged.push(line),
  });
  base = await listening(preview.server);
});

beforeEach(() => {
  asked = [];
});

afterAll(async () => {
  await preview.close();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every answer forbids other hosts and frames', async () => {
  for (const path of [
    '/',
    '/assets/a.js',
    '/api/dashboards',
    '/api/health',
    '/nothing',
    '/healthz',
    '/api/prometheus/api/v1/rules',
  ]) {
    const { headers } = await fetch(base + path);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
});

test('a request that is allowed reaches the server without the cookies of the asker, and the answer comes back without its own', async () => {
  const response = await fetch(`${base}/api/prometheus/api/v1/query?query=up`, {
    headers: { cookie: 'session=1', authorization: 'x' },
  });
  expect(response.status).toBe(422);
  expect(await response.json()).toEqual({ status: 'error' });
  expect(response.headers.get('set-cookie')).toBeNull();
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ method: 'GET', url: '/api/v1/query?query=up' });
  expect(asked[0]?.headers).not.toHaveProperty('cookie');
  expect(asked[0]?.headers).not.toHaveProperty('authorization');
});

test('a form is passed on with the parameters that it may have, and only those', async () => {
  const post = (body: string) =>
    fetch(`${base}/api/prometheus/api/v1/query`, { method: 'POST', body: new URLSearchParams(body) });
  await post('query=up');
  expect(asked[0]).toMatchObject({ method: 'POST', body: 'query=up' });
  expect((await post('query=up&db=1')).status).toBe(400);
  expect((await post(`query=${'x'.repeat(300_000)}`)).status).toBe(413);
  expect(asked).toHaveLength(1);
});

test('nothing else reaches the server', async () => {
  const refused: [string, string, number][] = [
    ['POST', '/api/prometheus/api/v1/admin/tsdb/delete_series', 404],
    ['GET', '/api/prometheus/metrics', 404],
    ['DELETE', '/api/prometheus/api/v1/query', 405],
    ['GET', '/api/prometheus/api/v1/query?query=up&x=1', 400],
    ['GET', '/api/alertmanager/api/v2/alerts', 404],
    ['POST', '/api/dashboards', 405],
  ];
  for (const [method, path, status] of refused)
    expect([path, (await fetch(base + path, { method })).status]).toEqual([path, status]);
  expect(asked).toEqual([]);
});

test('a server that is down, or too slow, is named', async () => {
  const down = await fetch(`${base}/api/tempo/api/search?q=%7B%7D`);
  expect([down.status, await down.json()]).toMatchObject([
    502,
    { error: 'Tempo is not running (yet). See npm run status.' },
  ]);
  answerLate = true;
  const late = await fetch(`${base}/api/prometheus/api/v1/query?query=up`);
  answerLate = false;
  expect([late.status, await late.json()]).toMatchObject([
    504,
    { error: expect.stringContaining('no answer within 0.3 s') },
  ]);
});

test('dashboards are listed by folder, as they are on disk at the moment', async () => {
  const list = async () => (await (await fetch(`${base}/api/dashboards`)).json()) as { uid: string; folder: string }[];
  expect((await list()).map(({ uid, folder }) => [uid, folder])).toEqual([
    ['two', 'Security'],
    ['one', 'Clinic'],
  ]);
  expect(await (await fetch(`${base}/api/dashboards/one`)).json()).toMatchObject({ title: 'One' });
  expect((await fetch(`${base}/api/dashboards/three`)).status).toBe(404);
  writeFileSync(join(folder, 'dashboards/three.json'), '{"uid":"three","title":"Three"}');
  expect((await fetch(`${base}/api/dashboards/three`)).status).toBe(200);
  expect(logged).toEqual([expect.stringContaining('broken.json is no dashboard')]);
});

test('pages of the app are the app; files come compressed to who can read that', async () => {
  for (const path of ['/', '/d/one/a-title', '/explore?panes=x', '/trace/abc']) {
    const response = await fetch(base + path);
    expect([path, response.headers.get('cache-control'), await response.text()]).toEqual([
      path,
      'no-cache',
      '<!doctype html>app',
    ]);
  }
  const file = (encoding: string) =>
    new Promise<string>((resolve) => {
      request(`${base}/assets/a.js`, { headers: { 'accept-encoding': encoding } }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(`${response.headers['content-encoding'] ?? 'as it is'}: ${text}`));
      }).end();
    });
  expect(await file('gzip, br')).toBe('br: brotli');
  expect(await file('gzip')).toBe('as it is: plain');
});

test('its health is at its own path and at Grafana’s', async () => {
  for (const path of ['/healthz', '/api/health'])
    expect([path, (await fetch(base + path)).status]).toEqual([path, 200]);
});

test('no path leads out of the folders', async () => {
  const raw = (path: string) =>
    new Promise<number>((resolve) => {
      request({ host: '127.0.0.1', port: new URL(base).port, path }, (response) =>
        resolve(response.resume().statusCode ?? 0),
      ).end();
    });
  for (const path of [
    '/../secret.json',
    '/assets/../../secret.json',
    '/%2e%2e/secret.json',
    '/api/dashboards/..%2fsecret',
    '/api/dashboards/secret',
  ]) {
    expect([path, await raw(path)]).toEqual([path, 404]);
  }
});
