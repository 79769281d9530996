/** The program by its real command, against the real clinic. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { OtlpSink } from '@clinic/instrumentation/node/testing/otlp-sink';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ClinicProcess } from '../../clinic-api/src/testing/clinic-process.ts';
import { type Prepared, type TestClinic, testClinic } from '../../clinic-api/src/testing/test-clinic.ts';

let surroundings: TestClinic;
let prepared: Prepared;
let sink: OtlpSink;
let clinic: ClinicProcess;

beforeAll(async () => {
  surroundings = await testClinic();
  ({ sink } = surroundings);
  prepared = await surroundings.prepare('clinic', { clients: 30 });
  clinic = await surroundings.start({ ...prepared.environment, NODE_ENV: 'production' });
}, 60_000);
afterAll(async () => {
  await clinic?.stop();
  await surroundings?.close();
}, 30_000);

function startTraffic(environment: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'start.ts')], {
    env: {
      MANAGEMENT_LISTEN: '127.0.0.1:0',
      CLINIC_URL: clinic.url,
      ACCOUNT: 'frontdesk@clinic.example',
      ACCOUNT_PASSWORD_FILE: surroundings.secretFile('demo_password'),
      REQUESTS_PER_MINUTE: '600',
      SEED: '1',
      ...environment,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    output: () => output,
    events: () => output.split('\n').flatMap((line) => (line ? [JSON.parse(line).event as string] : [])),
    exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
const wait = (check: () => boolean) => expect.poll(check, { timeout: 15_000 }).toBe(true);
const served = (route: string) => sink.spans().filter((span) => span.attributes['http.route'] === route);

/** Passes everything on to a clinic that can be put away and brought back, and counts sign-ins. */
async function door() {
  const seen = { away: false, signIns: 0, synthetic: new Set<unknown>() };
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/auth') seen.signIns++;
    seen.synthetic.add(incoming.headers['x-synthetic']);
    if (seen.away) return void incoming.socket.destroy();
    const { hostname, port } = new URL(clinic.url);
    incoming.pipe(
      request(
        { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
        (answer) => void answer.pipe(outgoing.writeHead(answer.statusCode!, answer.headers)),
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('signs in once, reads, each request on a trace of its own, and says nothing of a person', async () => {
  const before = sink.slowEvents().length;
  const { url, seen } = await door();
  const traffic = startTraffic({ CLINIC_URL: url });
  await wait(() => served('/api/clients').length > 5 && served('/api/clients/:id').length > 3);
  const started = performance.now();
  expect(await traffic.stop()).toBe(0);
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(traffic.events()).toEqual(['started', 'signed_in', 'stopped']);
  expect(traffic.output()).not.toMatch(
    /Testcase|Sampleton|clinic\.example|demo-password|Bearer|[0-9a-f]{8}-[0-9a-f]{4}/,
  );
  expect([...seen.synthetic]).toEqual(['1']);
  const traces = [...served('/api/clients'), ...served('/api/clients/:id')].map(({ traceId }) => traceId);
  expect(new Set(traces).size).toBe(traces.length);
  expect(sink.slowEvents().length).toBe(before);
}, 30_000);

test('a clinician reads notes, and both look at the day', async () => {
  const traffic = startTraffic({ CLINICIAN_ACCOUNT: 'clinician@clinic.example' });
  await wait(() => served('/api/clinical-notes/:id').length > 0 && served('/api/appointments').length > 0);
  expect(await traffic.stop()).toBe(0);
  expect(traffic.events()).toEqual(['started', 'signed_in', 'signed_in', 'stopped']);
  const refused = sink.spans().filter((span) => span.attributes['http.response.status_code'] === 403);
  expect(refused).toEqual([]);
}, 30_000);

test('waits while the clinic is away, and goes on when it is back', async () => {
  const { url, seen } = await door();
  const traffic = startTraffic({ CLINIC_URL: url });
  await wait(() => traffic.events().includes('signed_in'));
  seen.away = true;
  await wait(() => traffic.events().includes('request_failed'));
  seen.away = false;
  await wait(() => traffic.events().includes('recovered'));
  expect(seen.signIns).toBe(1);
  expect(await traffic.stop()).toBe(0);
}, 30_000);

test('signs in again with a clinic that has forgotten it', async () => {
  const traffic = startTraffic({});
  await wait(() => traffic.events().includes('signed_in'));
  await prepared.owner.query('DELETE FROM sessions');
  await wait(() => traffic.events().filter((event) => event === 'signed_in').length === 2);
  expect(await traffic.stop()).toBe(0);
}, 30_000);

test('does not lock the account with a wrong password', async () => {
  const wrong = join(surroundings.folder, 'wrong');
  writeFileSync(wrong, 'canary-of-a-wrong-password');
  const { url, seen } = await door();
  const traffic = startTraffic({ CLINIC_URL: url, ACCOUNT_PASSWORD_FILE: wrong });
  await wait(() => traffic.events().includes('sign_in_refused'));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(seen.signIns).toBe(1);
  expect(traffic.output()).not.toContain('canary');
  expect(await traffic.stop()).toBe(0);
}, 30_000);

test.each([
  ['CLINIC_URL', 'clinic:8080'],
  ['ACCOUNT_PASSWORD_FILE', '/nowhere/canary'],
  ['REQUESTS_PER_MINUTE', '6000'],
  ['SEED', 'canary'],
  ['MANAGEMENT_LISTEN', 'canary'],
])('a wrong %s stops the start and is named, its value is not told', async (key, value) => {
  const { output, exited } = startTraffic({ [key]: value });
  expect(await exited).toBe(1);
  expect(output()).toContain(key);
  expect(output()).not.toContain(value);
});
