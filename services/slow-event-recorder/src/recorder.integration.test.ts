import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Recorder, type RecorderOptions, startRecorder } from './recorder.ts';
import { Gate } from './testing/gate.ts';
import { logRecord, logRecords, logsRequest } from './testing/logs-request.ts';
import { RealPrometheus } from './testing/real-prometheus.ts';
import { end, type RecorderProcess, startRecorderProcess } from './testing/recorder-process.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
/** The rule that pages. */
const rule = (metric: string) =>
  `max_over_time((sum by (metric) (count_over_time(slow_event_duration_milliseconds{metric="${metric}"}[1h])))[20s:1s]) > 5`;

// Servers and processes are started, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let prometheus: RealPrometheus;
let folder: string;
let closing: (() => unknown)[];

beforeAll(async () => {
  prometheus = await RealPrometheus.start();
});
afterAll(() => prometheus.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recorder-'));
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(folder, { recursive: true });
});

const databaseFile = () => join(folder, 'slow-events.sqlite');

async function start(options: Partial<RecorderOptions> = {}): Promise<Recorder> {
  const recorder = await startRecorder({
    listen: ANY_PORT,
    managementListen: ANY_PORT,
    databaseFile: databaseFile(),
    prometheusUrls: [prometheus.url],
    ...options,
  });
  closing.push(() => recorder.close());
  return recorder;
}

async function startProcess(prometheusUrl: string, maxFileKiB?: number): Promise<RecorderProcess> {
  const running = await startRecorderProcess({
    databaseFile: databaseFile(),
    prometheusUrl,
    ...(maxFileKiB === undefined ? {} : { maxFileKiB }),
  });
  closing.push(() => end(running, 'SIGKILL'));
  return running;
}

async function gateBefore(target: RealPrometheus): Promise<Gate> {
  const gate = await Gate.before(target.url);
  closing.push(() => gate.close());
  return gate;
}

const urlOf = ({ port }: Recorder) => `http://127.0.0.1:${port}`;

function send(url: string, records: readonly unknown[]): Promise<Response> {
  return fetch(`${url}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(logsRequest(records)),
  });
}

async function metric(url: string, series: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

const management = ({ managementPort }: Recorder) => `http://127.0.0.1:${managementPort}`;
const counted = (name: string, count: number, where = prometheus) =>
  vi.waitFor(async () => expect(await where.count(name)).toBe(count), { timeout: 8000, interval: 30 });
/** Long enough for a point too many to arrive. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 400));

describe('counts each slow event once in Prometheus', () => {
  test('five do not fire the rule, the sixth does, as the first events ever of an empty Prometheus', async () => {
    const url = urlOf(await start());
    await send(url, logRecords(5, { metric: 'page_load', durationMs: 3000.0000000000005 }));
    await counted('page_load', 5);
    expect(await prometheus.value(rule('page_load'))).toBe(0);
    const sentAt = performance.now();
    await send(url, logRecords(1, { metric: 'page_load', durationMs: 3001 }));
    await counted('page_load', 6);
    expect(performance.now() - sentAt).toBeLessThan(2000);
    await vi.waitFor(async () => expect(await prometheus.value(rule('page_load'))).toBe(6), { timeout: 3000 });
  });

  test('a duration equal to the limit is not stored', async () => {
    const url = urlOf(await start());
    const response = await send(url, [
      logRecord({ metric: 'at_limit', durationMs: 1000 }),
      logRecord({ metric: 'at_limit' }),
    ]);
    expect(await response.json()).toEqual({
      partialSuccess: { rejectedLogRecords: 1, errorMessage: 'Records rejected, by reason: not_slow 1.' },
    });
    await counted('at_limit', 1);
  });

  test('a request that comes twice and an event that is twice in a batch', async () => {
    const recorder = await start();
    const records = logRecords(6, { metric: 'repeated' });
    for (const batch of [records, records, [...records, ...records]]) {
      expect((await send(urlOf(recorder), batch)).status).toBe(200);
    }
    await counted('repeated', 6);
    await quiet();
    expect(await prometheus.count('repeated')).toBe(6);
    expect(await metric(management(recorder), 'slow_event_duplicates_total')).toBe(18);
  });

  test('a request whose acknowledgement was cut off, sent again', async () => {
    const recorder = await start();
    const records = logRecords(6, { metric: 'cut' });
    const body = JSON.stringify(logsRequest(records));
    const socket = connect(recorder.port, '127.0.0.1');
    socket.end(
      `POST /v1/logs HTTP/1.1\r\nhost: recorder\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await counted('cut', 6);
    socket.destroy();
    expect((await send(urlOf(recorder), records)).status).toBe(200);
    await quiet();
    expect(await prometheus.count('cut')).toBe(6);
  });

  test('an event of 59 minutes ago counts, one of 61 minutes ago is only stored', async () => {
    const recorder = await start();
    const minutesAgo = (minutes: number) => logRecord({ metric: 'late', at: Date.now() - minutes * 60_000 });
    await send(urlOf(recorder), [minutesAgo(61), minutesAgo(59)]);
    await counted('late', 1);
    expect(await metric(management(recorder), 'slow_event_unsampled_total{reason="expired"}')).toBe(1);
    const stored = await fetch(`${urlOf(recorder)}/api/slow-events?metric=late`).then((response) => response.json());
    expect(stored).toMatchObject([{ counted: true }, { counted: false }]);
  });

  test('of 1,000 events in a second all are stored, few become points, and the rule answers', async () => {
    const recorder = await start();
    const second = Date.now() - 1000;
    const records = Array.from({ length: 1000 }, (_, index) => logRecord({ metric: 'flood', at: second + index }));
    await Promise.all([0, 250, 500, 750].map((from) => send(urlOf(recorder), records.slice(from, from + 250))));
    await counted('flood', 10);
    expect(await metric(management(recorder), 'slow_events_total{metric="flood"}')).toBe(1000);
    expect(await prometheus.value(rule('flood'))).toBe(10);
  });
});

describe('survives', () => {
  test.each([
    ['storing and sending', 'closed'],
    ['sending and marking', 'mute'],
  ] as const)('SIGKILL between %s', async (_moment, state) => {
    const name = `killed_${state}`;
    const gate = await gateBefore(prometheus);
    gate.state = state;
    const first = await startProcess(gate.url);
    expect((await send(first.url, logRecords(6, { metric: name }))).status).toBe(200);
    await vi.waitFor(() => expect(state === 'mute' ? gate.statuses : gate.writes).toHaveLength(1));
    await end(first, 'SIGKILL');
    expect(await prometheus.count(name)).toBe(state === 'mute' ? 6 : 0);

    gate.open();
    await startProcess(gate.url);
    await vi.waitFor(() => expect(gate.writes).toHaveLength(2), { timeout: 5000 });
    await counted(name, 6);
    expect(gate.writes[1]).toBe(gate.writes[0]);
  });

  test('Prometheus being down', async () => {
    const down = await RealPrometheus.start();
    closing.push(() => down.remove());
    await down.kill();
    const recorder = await start({ prometheusUrls: [down.url] });
    await send(urlOf(recorder), logRecords(6, {}));
    const replica = down.url.replace('http://', '');
    expect(await metric(management(recorder), `slow_event_outbox_depth{replica="${replica}"}`)).toBe(6);
    expect(
      await metric(management(recorder), `slow_event_outbox_oldest_seconds{replica="${replica}"}`),
    ).toBeGreaterThan(0);
    await down.start();
    await counted('api_call', 6, down);
    await vi.waitFor(async () =>
      expect(await metric(management(recorder), `slow_event_outbox_depth{replica="${replica}"}`)).toBe(0),
    );
  });

  test('Prometheus losing its data, with one point that it had refused', async () => {
    const wiped = await RealPrometheus.start();
    closing.push(() => wiped.remove());
    let ahead = 20 * 60_000;
    const recorder = await start({
      prometheusUrls: [wiped.url],
      refillCheckEveryMs: 200,
      now: () => Date.now() + ahead,
    });
    await send(urlOf(recorder), logRecords(1, { at: Date.now() + ahead }));
    const replica = wiped.url.replace('http://', '');
    const refused = `slow_event_points_refused_total{replica="${replica}"}`;
    await vi.waitFor(async () => expect(await metric(management(recorder), refused)).toBe(1));
    ahead = 0;
    await send(urlOf(recorder), logRecords(6, { at: Date.now() - 60_000 }));
    await counted('api_call', 6, wiped);
    await quiet();
    const refills = `slow_event_refills_total{replica="${replica}"}`;
    expect(await metric(management(recorder), refills)).toBe(0);

    await wiped.kill();
    wiped.wipe();
    await wiped.start();
    await counted('api_call', 6, wiped);
    await quiet();
    expect(await metric(management(recorder), refills)).toBe(1);
    expect(await metric(management(recorder), refused)).toBe(1);
  });

  test('one point that Prometheus refuses among six that it takes', async () => {
    const gate = await gateBefore(prometheus);
    gate.state = 'closed';
    let ahead = 20 * 60_000;
    const recorder = await start({ prometheusUrls: [gate.url], now: () => Date.now() + ahead });
    await send(urlOf(recorder), logRecords(3, { metric: 'mixed', at: Date.now() }));
    await send(urlOf(recorder), logRecords(1, { metric: 'mixed', at: Date.now() + ahead }));
    ahead = 0;
    await send(urlOf(recorder), logRecords(3, { metric: 'mixed' }));
    gate.open();
    await counted('mixed', 6);
    const replica = gate.url.replace('http://', '');
    await vi.waitFor(async () =>
      expect(await metric(management(recorder), `slow_event_points_refused_total{replica="${replica}"}`)).toBe(1),
    );
    expect(gate.statuses).toContain(400);
    expect(await metric(management(recorder), `slow_event_outbox_depth{replica="${replica}"}`)).toBe(0);
  });

  test.runIf(process.platform === 'linux')(
    'a full disk: nothing is acknowledged, points still go out, and it recovers by itself',
    async () => {
      const gate = await gateBefore(prometheus);
      gate.state = 'closed';
      const recorder = await startProcess(gate.url, 400);
      let acknowledged = 0;
      let refusal: Response | undefined;
      while (!refusal && acknowledged < 5000) {
        const response = await send(recorder.url, logRecords(50, { metric: 'disk' }));
        if (response.status === 200) acknowledged += 50;
        else refusal = response;
      }
      expect(refusal?.status).toBe(503);
      expect(refusal?.headers.get('retry-after')).toBe('1');
      expect((await fetch(`${recorder.managementUrl}/healthz`)).status).toBe(503);
      expect(await metric(recorder.managementUrl, 'slow_events_total{metric="disk"}')).toBe(acknowledged);

      gate.open();
      await counted('disk', 10);
      execFileSync('prlimit', ['--pid', String(recorder.pid), '--fsize=unlimited:']);
      expect((await send(recorder.url, logRecords(50, { metric: 'disk' }))).status).toBe(200);
      expect((await fetch(`${recorder.managementUrl}/healthz`)).status).toBe(200);
      expect(await metric(recorder.managementUrl, 'slow_events_total{metric="disk"}')).toBe(acknowledged + 50);
    },
  );

  test('SIGTERM: what was acknowledged is sent before it ends, and the counters go on after a restart', async () => {
    const gate = await gateBefore(prometheus);
    gate.state = 'closed';
    const first = await startProcess(gate.url);
    await send(first.url, logRecords(6, { metric: 'stopped' }));
    await vi.waitFor(() => expect(gate.writes).toHaveLength(1));
    gate.open();
    expect(await end(first, 'SIGTERM')).toBe(0);
    expect(await prometheus.count('stopped')).toBe(6);
    const second = await startProcess(gate.url);
    expect(await metric(second.managementUrl, 'slow_events_total{metric="stopped"}')).toBe(6);
    await quiet();
    expect(gate.writes).toHaveLength(2); // what was accepted is not sent again
  });
});

describe('start-up', () => {
  test('a second recorder on the same database is refused', async () => {
    await startProcess(prometheus.url);
    await expect(startProcess(prometheus.url)).rejects.toThrow(/DATABASE_FILE: another slow-event-recorder uses/);
  });

  test('wrong configuration names the key and not its value', async () => {
    const failure = startProcess('ftp://secret@prometheus');
    await expect(failure).rejects.toThrow(/PROMETHEUS_URLS/);
    await expect(failure).rejects.not.toThrow(/secret/);
  });
});
