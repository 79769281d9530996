/** `npm run perf:load` as its reader would run it, on a stack of its own. */
// @needs stack
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLINIC_CONNECTIONS, CLINIC_MEMORY_BYTES } from '../grafana/src/baselines.ts';
import { timeStatements } from '../k6/baselines/statements.ts';
import { leaveClean } from '../k6/clean.ts';
import type { LoadResult } from '../k6/result.ts';
import { leftBehind, readSamples } from '../k6/samples.ts';
import { stackTarget } from '../k6/target.ts';
import { eventually } from './eventually.ts';
import { promql } from './prometheus.ts';
import { freshStack, ROOT, type StackUnderTest } from './stack-under-test.ts';

const CLIENTS = 300;
let under: StackUnderTest;
let folder: string;
let beside: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clinic-load-'));
  under = await freshStack({
    services: ['clinic-api', 'prometheus', 'tempo', 'collector', 'mailbox'],
    environment: { migrate: { SEED_CLIENTS: `${CLIENTS}` } },
  });
  beside = ['--state', under.state, '--port-offset', String(under.portOffset)];
});
afterAll(async () => {
  await under?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function load(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['k6/command.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

async function token(): Promise<string> {
  const password = readFileSync(join(under.state, 'secrets/demo_password'), 'utf8').trim();
  const response = await fetch(`${under.stack.url('clinic-api')}/auth`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'clinician@clinic.example', password }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** How many appointments there are in each state. */
async function states(where: string): Promise<Record<string, number>> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: under.stack.port(5433),
    user: 'clinic_app',
    database: 'clinic',
    password: readFileSync(join(under.state, 'secrets/app_password'), 'utf8').trim(),
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ state: string; count: number }>(
      `SELECT state, count(*)::int FROM appointments WHERE ${where} GROUP BY state`,
    );
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  } finally {
    await client.end();
  }
}

interface Listed {
  readonly id: string;
  readonly client_id: string;
  readonly clinician_id: number;
  readonly state: string;
  readonly starts_at: string;
}

/** Appointments in a period of at most 45 days. */
async function appointments(from: Date, days: number): Promise<Listed[]> {
  const to = new Date(from.getTime() + days * 86_400_000);
  const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() });
  const response = await fetch(`${under.stack.url('clinic-api')}/api/appointments?${query}`, {
    headers: { authorization: `Bearer ${await token()}` },
  });
  return ((await response.json()) as { appointments: Listed[] }).appointments;
}

test('a wrong word and a foreign target are refused before anything is sent', async () => {
  expect(await load('critical-pahts')).toMatchObject({
    code: 2,
    output: expect.stringContaining('did you mean critical-paths?'),
  });
  const foreign = await load(
    '--target',
    'http://clinic.example',
    '--password-file',
    'package.json',
    '--out',
    join(folder, 'foreign'),
  );
  expect(foreign).toMatchObject({ code: 3, output: expect.stringContaining('--i-own-this-target') });
  expect(existsSync(join(folder, 'foreign'))).toBe(false);
});

test('the critical paths, shortened: judged, reported, traced, marked, and tidied up', async () => {
  const out = join(folder, 'critical-paths');
  const { code, output } = await load('critical-paths', '--time-scale', '0.02', '--out', out, ...beside);
  const result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as LoadResult;
  // A slow machine may miss a threshold; that it was judged, and the exit code says so, is what must hold.
  expect(['passed', 'failed'], output).toContain(result.verdict);
  expect(code).toBe(result.verdict === 'passed' ? 0 : 1);
  expect(result.thresholds.every(({ ok }) => ok)).toBe(result.verdict === 'passed');
  expect(result.thresholds.map(({ metric, rule }) => `${metric} ${rule}`)).toEqual(
    expect.arrayContaining([
      'http_req_duration p(95)<1000',
      'http_req_failed rate<0.05',
      'http_req_duration{step:list_clients} p(95)<500',
      'http_req_duration{step:open_chart} p(95)<1000',
      'checks{step:create_appointment} rate>0.95',
    ]),
  );
  expect(result.failed / result.requests).toBeLessThan(0.05);
  expect(result.peakUsers).toBe(100);
  for (const { step, count, sql } of result.steps) {
    expect(count, step).toBeGreaterThan(50);
    expect(sql?.median, step).toBeGreaterThan(2);
  }
  // What the dashboard compares with.
  expect(result.resources.find(({ name }) => name === 'connections')?.limit).toBe(CLINIC_CONNECTIONS);
  expect(result.resources.find(({ name }) => name === 'memory')?.limit).toBe(CLINIC_MEMORY_BYTES);
  expect(result.resources.map(({ name }) => name)).toEqual(expect.arrayContaining(['cpu', 'memory', 'connections']));
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(result.slowest[0]!.trace);

  // The link that was printed leads to the trace of that very request.
  const { url, ms, trace } = result.slowest[0]!;
  expect(output).toContain(url);
  const answer = await (await fetch(url!, { headers: { accept: 'application/json' } })).text();
  const { batches } = JSON.parse(answer) as {
    batches: { scopeSpans: { spans: { kind: string; startTimeUnixNano: string; endTimeUnixNano: string }[] }[] }[];
  };
  const served = batches
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .find(({ kind }) => kind === 'SPAN_KIND_SERVER')!;
  const servedMs = Number(BigInt(served.endTimeUnixNano) - BigInt(served.startTimeUnixNano)) / 1e6;
  expect(url).toContain(trace);
  // The clinic answers with the headers; the user waits for the last byte.
  expect(servedMs).toBeGreaterThan(ms / 4);
  expect(servedMs).toBeLessThan(ms + 5);
  expect(answer).toContain('user_agent.synthetic.type');

  // Nothing that was booked is left.
  const samples = await readSamples(join(out, 'samples.ndjson'));
  expect(samples.some(({ appointment }) => appointment)).toBe(true);
  expect(leftBehind(samples)).toEqual([]);
  expect(await states("starts_at > '2090-01-01'")).toEqual({
    cancelled: samples.filter(({ step, good }) => step === 'create_appointment' && good).length,
  });
  const prometheus = under.stack.url('prometheus');
  expect(Number((await promql(prometheus, 'load_test_running{scenario="critical-paths"}'))[0]?.value[1])).toBe(0);
  expect(await promql(prometheus, 'max_over_time(load_test_running{scenario="critical-paths"}[5m]) == 1')).toHaveLength(
    1,
  );
  expect(
    Number(
      (await promql(prometheus, 'load_test_step_duration_seconds{step="open_chart",quantile="0.95"}'))[0]?.value[1],
    ),
  ).toBeGreaterThan(0);
  // What is promised to people leaves the test out.
  const charts =
    'sum(http_server_request_duration_seconds_count{http_route="/api/clients/:id",user_agent_synthetic_type="test"})';
  await eventually(async () => Number((await promql(prometheus, charts))[0]?.value[1] ?? 0) > 50, {
    within: 30_000,
    every: 500,
    what: 'the requests of the test in Prometheus, marked',
  });
  const ofPeople = await promql(
    prometheus,
    'sum(http_server_request_duration_seconds_count{http_route="/api/clients/:id",user_agent_synthetic_type=""})',
  );
  expect(Number(ofPeople[0]?.value[1] ?? 0)).toBe(0);
});

test('what a test could not cancel is cancelled afterwards', async () => {
  const [one] = (await appointments(new Date(), 7)).filter(({ state }) => state === 'booked');
  const target = stackTarget(under.state, under.portOffset);
  expect(await leaveClean(target, [one!.id])).toBe(1);
  const after = await appointments(new Date(), 7);
  expect(after.find(({ id }) => id === one!.id)?.state).toBe('cancelled');
  await expect(leaveClean(target, ['00000000-0000-8000-a000-000000000000'])).rejects.toThrow('could not be cancelled');
});

test('statements are timed on the seeded data', async () => {
  const times = await timeStatements({ state: under.state, portOffset: under.portOffset, executions: 20 });
  for (const [name, own] of Object.entries(times)) {
    expect(own, name).toHaveLength(20);
    expect(own[0]).toBeGreaterThan(0);
  }
});

test('an ill clinic is not put under load', async () => {
  await under.stack.stopService('mailbox');
  await eventually(async () => (await fetch(`${under.stack.url('clinic-api')}/api/health/email`)).status === 503, {
    within: 30_000,
    what: 'a clinic that knows that its mail server is away',
  });
  const out = join(folder, 'ill');
  const { code, output } = await load('critical-paths', '--time-scale', '0.02', '--out', out, ...beside);
  expect(code).toBe(3);
  expect(output).toContain("The clinic's email is not healthy");
  expect(existsSync(join(out, 'samples.ndjson'))).toBe(false);
});
