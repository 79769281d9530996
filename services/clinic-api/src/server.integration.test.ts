import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE_ROUTES } from '@clinic/catalogue/routes';
import type { OtlpSink } from '@clinic/instrumentation/node/testing/otlp-sink';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClinicProcess, spawnClinic, startClinic } from './testing/clinic-process.ts';
import { type OwnPostgres, startPostgres } from './testing/postgres.ts';
import { servedRoutes } from './testing/route-table.ts';
import { sessionOf } from './testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

let postgres: OwnPostgres;
let surroundings: TestClinic;
let prepared: Prepared;
let sink: OtlpSink;
let clinic: ClinicProcess;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  postgres = await startPostgres();
  surroundings = await testClinic(postgres);
  prepared = await surroundings.prepare('clinic', { clients: 60 });
  ({ sink } = surroundings);
  ({ environment } = prepared);
  clinic = await startClinic(environment);
}, 60_000);
afterAll(async () => {
  await clinic?.stop();
  await surroundings?.close();
}, 30_000);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}
async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(clinic.url + path, init);
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, body: json };
}
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

async function bearer(): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await sessionOf(prepared.owner.query, 'clinician@clinic.example')}` };
}
interface Listed {
  readonly id: string;
  readonly family_name: string;
}
const clientsOf = ({ body }: Answer) => body.clients as Listed[];

describe('clients', () => {
  test('are listed by name, 25 a page', async () => {
    const headers = await bearer();
    const pages = await Promise.all(
      ['', '?page=2', '?page=3', '?page=4'].map((query) => ask(`/api/clients${query}`, { headers })),
    );
    expect(pages.map((page) => [page.status, page.body.total, clientsOf(page).length])).toEqual([
      [200, 60, 25],
      [200, 60, 25],
      [200, 60, 10],
      [200, 60, 0],
    ]);
    const names = pages.flatMap(clientsOf).map(({ family_name }) => family_name);
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBe(60);
  });

  test('are found by the beginning of a name; a wildcard is a character like any other', async () => {
    const headers = await bearer();
    const found = await ask('/api/clients?search=mock', { headers });
    expect(clientsOf(found).length).toBeGreaterThan(0);
    expect(clientsOf(found).every(({ family_name }) => family_name.startsWith('Mock'))).toBe(true);
    expect((await ask('/api/clients?search=%25', { headers })).body.total).toBe(0);
  });

  test.each(['page=0', 'page=x', 'page=1&page=2', `search=${'x'.repeat(101)}`])(
    'a wrong query is refused: %s',
    async (query) => {
      const answer = await ask(`/api/clients?${query}`, { headers: await bearer() });
      expect(answer).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
    },
  );

  test.each(['11111111-1111-4111-8111-111111111111', 'Jane-Canary'])('an unknown one is not found: %s', async (id) => {
    const answer = await ask(`/api/clients/${id}`, { headers: await bearer() });
    expect(answer).toMatchObject({ status: 404, body: { code: 'client_unknown' } });
    expect(answer.text).not.toContain(id);
  });
});

describe('appointments', () => {
  const booking = async (change: Record<string, unknown> = {}) => {
    const headers = await bearer();
    const [client] = clientsOf(await ask('/api/clients', { headers }));
    const chart = await ask(`/api/clients/${client!.id}`, { headers });
    const [clinician] = chart.body.clinicians as { id: number }[];
    const appointment = { client_id: client!.id, clinician_id: clinician!.id, minutes: 30, ...change };
    return {
      client: client!,
      headers,
      send: (body: object) => post('/api/appointments', { ...appointment, ...body }, headers),
    };
  };

  test('are booked and shown in the chart', async () => {
    const { client, headers, send } = await booking();
    const { status, headers: told, body } = await send({ starts_at: '2030-01-07T10:00:00+01:00' });
    expect([status, told.get('location')]).toEqual([201, `/api/clients/${client.id}`]);
    expect(body).toMatchObject({ starts_at: '2030-01-07T09:00:00.000Z', minutes: 30 });
    const chart = await ask(`/api/clients/${client.id}`, { headers });
    expect(chart.body.client).toMatchObject({ id: client.id, synthetic: true });
    expect((chart.body.appointments as object[])[0]).toEqual({ ...body, clinician: expect.any(String) });
  });

  test('of one clinician do not overlap, also when booked at the same moment; they may follow one another', async () => {
    const { send } = await booking();
    const at = (time: string) => send({ starts_at: `2030-01-08T${time}:00Z` });
    const answers = await Promise.all(Array.from({ length: 8 }, () => at('09:00')));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('appointment_overlap');
    expect((await at('08:45')).status).toBe(409);
    expect((await at('09:30')).status).toBe(201);
  });

  test.each([
    [{ client_id: '11111111-1111-4111-8111-111111111111' }, 422, 'appointment_client_unknown'],
    [{ clinician_id: 2 }, 422, 'appointment_clinician_unknown'],
    [{ clinician_id: 2 ** 31 }, 400, 'request_invalid'],
    [{ client_id: 'canary' }, 400, 'request_invalid'],
    [{ minutes: 0 }, 400, 'request_invalid'],
    [{ minutes: '30' }, 400, 'request_invalid'],
    [{ starts_at: '2030-01-09' }, 400, 'request_invalid'],
    [{ starts_at: '2030-02-31T10:00:00Z' }, 400, 'request_invalid'],
    [{ canary: 1 }, 400, 'request_invalid'],
  ])('that cannot be are refused: %j', async (change, status, code) => {
    const { send } = await booking();
    const answer = await send({ starts_at: '2030-01-09T10:00:00Z', ...change });
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(answer.text).not.toContain('canary');
  });
});

describe('bodies', () => {
  test.each([
    ['{"canary', 400, 'body_malformed'],
    [`"${'a'.repeat(102_400)}"`, 413, 'body_too_large'],
    ['', 400, 'request_invalid'],
    ['[]', 400, 'request_invalid'],
  ])('that cannot be read are refused without an echo', async (body, status, code) => {
    const answer = await post('/auth', body);
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.text).not.toContain('canary');
  });

  test('of another type are refused', async () => {
    expect((await post('/auth', 'email=x', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(400);
    expect((await post('/auth', '{}', { 'content-encoding': 'br2' })).body.code).toBe('body_unsupported');
  });
});

describe('pages', () => {
  const traceparent = /<meta name="traceparent" content="00-([0-9a-f]{32})-([0-9a-f]{16})-01">/;

  test.each(PAGE_ROUTES)('%s is a document that joins its own trace', async (route) => {
    const { status, headers, text } = await ask(route.replace(':id', 'canary'));
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const [, traceId, spanId] = traceparent.exec(text) ?? [];
    await expect
      .poll(() => sink.spans().find((span) => span.spanId === spanId), { timeout: 4000 })
      .toMatchObject({ traceId, name: `GET ${route}`, kind: 2 });
  });

  test('another address is not found, as a page for a browser and as a problem for a program', async () => {
    const html = await ask('/nowhere/canary', { headers: { accept: 'text/html' } });
    expect([html.status, traceparent.test(html.text)]).toEqual([404, true]);
    expect(await ask('/nowhere/canary')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await ask('/api/nowhere', { headers: { accept: 'text/html' } })).body.code).toBe('not_found');
    expect(traceparent.test((await ask('/index.html')).text)).toBe(true);
  });

  test('their files may be kept', async () => {
    const { status, headers } = await ask('/assets/app-1234.js');
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect((await ask('/assets/..%2f..%2fdatabase')).status).toBe(404);
  });

  test('every answer has the security headers', async () => {
    for (const path of ['/', '/api/clients', '/nowhere', '/assets/app-1234.js']) {
      const { headers } = await ask(path);
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'self';/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.has('x-powered-by')).toBe(false);
    }
  });
});

describe('the delay for drills', () => {
  const url = () => `${clinic.managementUrl}/delay`;
  const put = (body: string) => fetch(url(), { method: 'PUT', body });

  test('makes documents slow, and nothing else, until it is switched off', async () => {
    const timed = async (path: string) => {
      const start = performance.now();
      await ask(path);
      return performance.now() - start;
    };
    expect(await (await fetch(url())).json()).toEqual({ page_ms: 0 });
    expect((await put('{"page_ms":3000}')).status).toBe(200);
    expect(await timed('/clients')).toBeGreaterThanOrEqual(2_999);
    expect(await timed('/assets/app-1234.js')).toBeLessThan(2_000);
    expect(await timed('/api/health/database')).toBeLessThan(2_000);
    await put('{"page_ms":0}');
    expect(await timed('/clients')).toBeLessThan(2_000);
  });

  test.each(['{"page_ms":30001}', '{"page_ms":-1}', '{"page_ms":"5"}', '{"page_ms":5,"x":1}', 'canary', ''])(
    'takes nothing else: %s',
    async (body) => {
      const answer = await put(body);
      expect([answer.status, (await answer.text()).includes('canary')]).toEqual([400, false]);
      expect(await (await fetch(url())).json()).toEqual({ page_ms: 0 });
    },
  );

  test.each(['production', undefined])(
    'does not exist with NODE_ENV=%s',
    async (mode) => {
      const { NODE_ENV: _, ...rest } = environment;
      const other = await startClinic({ ...rest, ...(mode ? { NODE_ENV: mode } : {}) });
      for (const method of ['GET', 'PUT']) {
        const answer = await fetch(`${other.managementUrl}/delay`, {
          method,
          ...(method === 'PUT' ? { body: '{"page_ms":3000}' } : {}),
        });
        expect(answer.status).toBe(404);
      }
      const start = performance.now();
      expect((await fetch(`${other.url}/clients`)).status).toBe(200);
      expect(performance.now() - start).toBeLessThan(2_000);
      expect(await other.stop()).toBe(0);
    },
    20_000,
  );
});

test('one request is a span, its queries are spans below it, a series and an exemplar that leads to it', async () => {
  const headers = await bearer();
  const [client] = clientsOf(await ask('/api/clients', { headers }));
  const traceId = 'ab'.repeat(16);
  await ask(`/api/clients/${client!.id}`, {
    headers: { ...headers, traceparent: `00-${traceId}-b7ad6b7169203331-00` },
  });
  const spans = () => sink.spans().filter((span) => span.traceId === traceId);
  await expect.poll(() => spans().find(({ kind }) => kind === 2), { timeout: 10_000 }).toBeDefined();
  const served = spans().find(({ kind }) => kind === 2)!;
  expect(served).toMatchObject({ name: 'GET /api/clients/:id', parentSpanId: 'b7ad6b7169203331' });
  const below = spans().filter(({ parentSpanId }) => parentSpanId === served.spanId);
  expect(below.length).toBe(spans().length - 1);
  const names = below.map(({ name }) => name);
  // Who asks, then one transaction whose last statement is the record of it.
  expect(names).toEqual(
    expect.arrayContaining(['SELECT sessions', 'BEGIN', 'SELECT clients', 'INSERT audit_log', 'COMMIT']),
  );
  const began = (name: string) => Number(below.find((span) => span.name === name)!.startTimeUnixNano);
  const others = names.filter((name) => name !== 'COMMIT' && name !== 'INSERT audit_log').map(began);
  expect(began('INSERT audit_log')).toBeGreaterThan(Math.max(...others));
  const metrics = await (await fetch(`${clinic.managementUrl}/metrics`)).text();
  expect(metrics).toMatch(
    new RegExp(`http_server_request_duration_seconds_bucket.*http_route="/api/clients/:id".*# {trace_id="${traceId}"`),
  );
  expect(metrics).toMatch(/db_client_connection_count\{state="idle"\} [1-9]/);
});

test('nothing that a person typed, or that the database knows of one, is in telemetry, metrics, logs or errors', async () => {
  const headers = await bearer();
  const canary = 'canary';
  const answers = await Promise.all([
    ask(`/${canary}?${canary}=${canary}`, {
      headers: { 'user-agent': canary, referer: canary, 'x-forwarded-for': canary },
    }),
    ask(`/api/clients/${canary}?${canary}`, {
      headers: { ...headers, tracestate: `${canary}=1`, baggage: `${canary}=1` },
    }),
    ask(`/api/clients?search=${canary}`, { headers }),
    post('/auth', { email: `${canary}@clinic.example`, password: canary, code: canary }),
    post('/auth', `{"${canary}`),
    post('/telemetry', JSON.stringify({ v: 1, canary })),
    ask(`/${canary}`, { method: 'PROPFIND' }),
  ]);
  const metrics = await (await fetch(`${clinic.managementUrl}/metrics`)).text();
  expect(metrics).toContain('http_route="/api/clients/:id"');
  await clinic.stop();
  const everything = [...answers.map(({ text }) => text), metrics, clinic.output(), ...sink.bodies].join('\n');
  expect(everything).not.toMatch(/canary|@clinic\.example|Synthetic Clinician|555-01|127\.0\.0\.1/);
  clinic = await startClinic(environment);
  expect(await (await fetch(`${clinic.managementUrl}/metrics`)).text()).not.toContain('canary');
}, 20_000);

test('every route has its series before its first request', async () => {
  const other = await startClinic(environment);
  const metrics = await (await fetch(`${other.managementUrl}/metrics`)).text();
  expect(await other.stop()).toBe(0);
  const counted = metrics
    .split('\n')
    .map((line) => /^http_server_request_duration_seconds_count\{(.*)\}/.exec(line)?.[1])
    .filter((labels) => labels !== undefined)
    .map((labels) => {
      const label = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1];
      return `${label('http_request_method')} ${label('http_route')}`;
    });
  expect(servedRoutes().filter((route) => !counted.includes(route))).toEqual([]);
}, 20_000);

test('a database that is lost is told as such, and found again', async () => {
  const headers = await bearer();
  expect(await ask('/api/health/database')).toMatchObject({ status: 200, body: { status: 'up', pool: { max: 10 } } });
  await postgres.kill();
  const lost = await ask('/api/clients', { headers });
  expect(lost).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
  expect(lost.headers.get('retry-after')).toBe('2');
  expect(await ask('/api/health/database')).toMatchObject({ status: 503, body: { status: 'down' } });
  expect((await ask('/clients')).status).toBe(200);
  await postgres.restart();
  expect((await ask('/api/clients', { headers })).status).toBe(200);
  expect(clinic.output()).toMatch(/"event":"request_failed","route":"\/api\/clients","status":503/);
}, 30_000);

test('SIGTERM: what has begun is finished, what waits is sent, the exit code is 0', async () => {
  const other = await startClinic(environment);
  await fetch(`${other.managementUrl}/delay`, { method: 'PUT', body: '{"page_ms":500}' });
  const page = fetch(`${other.url}/clients`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const stopped = other.stop();
  await expect
    .poll(async () =>
      fetch(other.url).then(
        () => 'open',
        () => 'closed',
      ),
    )
    .toBe('closed');
  const [, traceId] = /content="00-([0-9a-f]{32})/.exec(await (await page).text()) ?? [];
  const finished = performance.now();
  expect(await stopped).toBe(0);
  expect(performance.now() - finished).toBeLessThan(2_000);
  expect(sink.spans().some((span) => span.traceId === traceId)).toBe(true);
}, 20_000);

test('a database that is not ready for this version stops the start, and what to do is told', async () => {
  const database = await surroundings.postgres.create('unready');
  const { output, exited } = spawnClinic({
    ...environment,
    DATABASE_URL: surroundings.postgres.urlOf('unready'),
    DATABASE_PASSWORD_FILE: surroundings.secretFile('postgres_password'),
  });
  expect(await exited).toBe(1);
  expect(output()).toMatch(/has 0 of its \d+ migrations, or others\. Run .*migrate\.ts/);
  await database.close();
}, 20_000);

test.each([
  ['LISTEN', 'nonsense'],
  ['TRACE_SAMPLE_RATIO', '1.5'],
  ['TRACE_SAMPLE_RATIO', ''],
  ['DATABASE_URL', 'postgres://clinic:canary@127.0.0.1:1/clinic'],
  ['DATABASE_PASSWORD_FILE', '/nowhere/canary'],
  ['TOTP_KEY_FILE', '/nowhere/canary'],
  ['AUDIT_KEY_FILE', '/dev/null'],
  ['PROXIES', '-1'],
  ['NODE_ENV', 'prod'],
  ['WEB_ROOT', '/nowhere'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
])(
  'a wrong %s stops the start and is named, its value is not told',
  async (key, value) => {
    const { output, exited } = spawnClinic({ ...environment, [key]: value });
    expect(await exited).toBe(1);
    expect(output()).toContain(key);
    expect(output()).not.toContain('canary');
  },
  20_000,
);

test('a wrong password of the database stops the start at once', async () => {
  const file = join(surroundings.folder, 'wrong');
  writeFileSync(file, 'wrong');
  const { output, exited } = spawnClinic({ ...environment, DATABASE_PASSWORD_FILE: file });
  expect(await exited).toBe(1);
  expect(output()).toContain('DATABASE_PASSWORD_FILE holds a password that the database does not accept');
}, 20_000);

test.each([
  ['a user without a password', { SMTP_URL: 'smtps://canary@127.0.0.1:9' }],
  ['a password without a user', { SMTP_PASSWORD_FILE: 'wrong' }],
])(
  '%s for the mail server stops the start, and both settings are named',
  async (_, change) => {
    const file = join(surroundings.folder, 'wrong');
    writeFileSync(file, 'wrong');
    const { output, exited } = spawnClinic({
      ...environment,
      ...change,
      ...('SMTP_PASSWORD_FILE' in change && { SMTP_PASSWORD_FILE: file }),
    });
    expect(await exited).toBe(1);
    expect(output()).toMatch(/SMTP_URL.*SMTP_PASSWORD_FILE/);
    expect(output()).not.toContain('canary');
  },
  20_000,
);

test.each(['TOTP_KEY_FILE', 'AUDIT_KEY_FILE', 'EMAIL_WEBHOOK_KEY_FILE'])(
  'a short %s stops the start',
  async (key) => {
    const file = join(surroundings.folder, 'short');
    writeFileSync(file, '23-characters-are-short');
    const { output, exited } = spawnClinic({ ...environment, [key]: file });
    expect(await exited).toBe(1);
    expect(output()).toContain(`${key}: must hold at least 24 random characters`);
  },
  20_000,
);

test('an index.html without a place for the trace stops the start', async () => {
  mkdirSync(join(surroundings.folder, 'other'), { recursive: true });
  writeFileSync(
    join(surroundings.folder, 'other/index.html'),
    readFileSync(join(surroundings.folder, 'web/index.html'), 'utf8').replace('<!--traceparent-->', ''),
  );
  const { output, exited } = spawnClinic({ ...environment, WEB_ROOT: join(surroundings.folder, 'other') });
  expect(await exited).toBe(1);
  expect(output()).toContain('WEB_ROOT: index.html must hold');
}, 20_000);
