/**
 * A word of its own at every place where a person's data can enter, Node and browser; the running stack, driven; and every byte
 * that leaves or stays, searched. Then the canary: the same search as the stack does it by itself.
 */

import { CANARY } from '@clinic/catalogue/canary';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from '../../stack/browser.ts';
import { eventually } from '../eventually.ts';
import { promql } from '../prometheus.ts';
import { type AtRest, BEFORE_SIGN_OUT, BrowserDrive } from './browser-drive.ts';
import { Outlets } from './outlets.ts';
import { PLACES, Planted, wordOf } from './places.ts';
import { PrivacyStack } from './privacy-stack.ts';

const SERVICES = [
  'alertmanager',
  'clinic-api',
  'mailbox',
  'pager',
  'prometheus',
  'sentinel',
  'slow-event-recorder',
  'tempo',
];

let under: PrivacyStack;
let browser: Browser;
beforeAll(async () => {
  under = await PrivacyStack.start({ services: SERVICES, whole: true });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await under?.stop();
});

const at = (port: number) => `http://127.0.0.1:${under.stack.port(port)}`;

describe('nothing of a person leaves', () => {
  const planted = new Planted();
  let outlets: Outlets;
  let whileOffline: AtRest;
  let signedOut: AtRest;
  let left: AtRest;
  const strangers: string[] = [];

  beforeAll(async () => {
    outlets = new Outlets(planted);
    const server = under.drive(planted);
    await server.all();
    await server.mails();

    const pages = await BrowserDrive.open({
      browser,
      planted,
      tap: under.taps.clinic,
      password: under.password,
    });
    await pages.signIn();
    await pages.readCharts();
    await pages.elements();
    await pages.errors();
    await pages.measures();
    await pages.calls();
    const batches = () => under.taps.clinic.exchanges.filter(({ url }) => url === '/telemetry').length;
    await pages.sent(batches);
    whileOffline = await pages.offline();
    ({ signedOut, left } = await pages.signOut());
    await pages.sent(batches);
    strangers.push(...pages.strangers);
    await pages.close();

    await under.delivered();
    let process = under.stack.pid('clinic-api');
    await server.crashes(async () => {
      await under.clinicUp(process);
      process = under.stack.pid('clinic-api');
    });
    // What was sent has arrived in the stores, and on-call was paged.
    const events = async () => Number((await promql(at(9090), 'sum(slow_events_total)'))[0]?.value[1] ?? 0);
    await eventually(async () => (await events()) > 10, { within: 60_000, every: 500, what: 'slow events' });
    const exemplars = `${at(9090)}/api/v1/query_exemplars?query=operation_duration_seconds_bucket&start=${Date.now() / 1000 - 600}`;
    await eventually(async () => ((await (await fetch(exemplars)).json()) as { data: unknown[] }).data.length > 0, {
      within: 60_000,
      every: 500,
      what: 'exemplars',
    });
    await eventually(async () => (await (await fetch(`${at(8087)}/api/pages`)).text()).includes('SlowEvents'), {
      within: 60_000,
      every: 500,
      what: 'a page',
    });
    await eventually(async () => (await (await fetch(`${at(3200)}/api/search?limit=5`)).text()).includes('traceID'), {
      within: 60_000,
      every: 500,
      what: 'traces',
    });

    outlets.taps(under);
    await outlets.metrics({
      'clinic-api': `${at(9464)}/metrics`,
      'slow-event-recorder': `${at(9465)}/metrics`,
      pager: `${at(9467)}/metrics`,
      sentinel: `${at(9466)}/metrics`,
      collector: `${at(8888)}/metrics`,
      tempo: `${at(3200)}/metrics`,
      prometheus: `${at(9090)}/metrics`,
      alertmanager: `${at(9093)}/metrics`,
    });
    await outlets.prometheus(at(9090));
    await outlets.tempo(at(3200));
    for (const path of [
      `${at(8085)}/api/slow-events`,
      `${at(8087)}/api/pages`,
      `${at(9464)}/stacks`,
      `${at(9469)}/counts`,
    ]) {
      outlets.search('API of a service', await (await fetch(path)).text());
    }
    for (const { headers, text } of server.refusals) outlets.search('answer to a request that failed', headers + text);
    outlets.logs(under.state);
    outlets.files(under.state);
  }, 300_000);

  test('every place of the table was planted, and there are many', () => {
    expect(PLACES.filter((place) => !planted.places.includes(place))).toEqual([]);
    expect(new Set(PLACES).size).toBe(PLACES.length);
    expect(PLACES.length).toBeGreaterThanOrEqual(60);
  });

  test('no word is found in anything that leaves or stays', () => {
    expect(outlets.found).toEqual([]);
  });

  test('there was something to search at every outlet', () => {
    const outletsWithBytes = [...outlets.searched].filter(([, bytes]) => bytes > 0).map(([outlet]) => outlet);
    expect(outletsWithBytes).toEqual(
      expect.arrayContaining([
        'OTLP traces to the Collector',
        'OTLP logs to the Collector',
        'Collector to tempo',
        'Collector to prometheus',
        'Collector to recorder',
        'browser to /telemetry',
        'metrics of clinic-api',
        'metrics of sentinel',
        'API of Prometheus',
        'API of Tempo',
        'answer to a request that failed',
        ...SERVICES.filter((name) => name !== 'mailbox').map((name) => `log of ${name}`),
        'log of postgres',
        'log of collector',
        'files in tempo-data',
        'files in prometheus-data',
        'files in recorder-data',
        'files in pager-data',
        'files in sentinel-data',
        'rows in recorder-data',
        'rows in pager-data',
      ]),
    );
  });

  test('what waits in the browser while it is offline holds no word, and after signing out nothing waits', () => {
    const { patient, ...ours } = whileOffline.local;
    expect(patient).toBe(wordOf('browser: localStorage'));
    expect(Object.keys(whileOffline.session)).toContain('telemetry');
    expect(planted.foundIn(JSON.stringify([whileOffline.session, ours]))).toEqual([]);
    expect(signedOut).toEqual({ session: {}, local: { patient } });
    expect(JSON.stringify(left)).not.toContain(BEFORE_SIGN_OUT);
  });

  test('the browser spoke with the clinic only', () => {
    expect(strangers).toEqual([]);
  });

  test('the search itself finds a word in the stores of what is not telemetry, and in every code', () => {
    const word = wordOf('note: body');
    const searched = new Planted();
    searched.word('note: body');
    for (const text of [
      word,
      word.toUpperCase(),
      ...['', 'a', 'ab'].map((before) => Buffer.from(`${before}${word} and more`).toString('base64')),
      Buffer.from(`x${word}`).toString('hex'),
      Buffer.from(word, 'utf16le'),
    ]) {
      expect(searched.foundIn(text), String(text)).not.toEqual([]);
    }
  });
});

interface ScanReport {
  readonly prometheus?: Readonly<Record<string, number>>;
  readonly tempo?: Readonly<Record<string, number>>;
}

async function scan(): Promise<{ status: number; report: ScanReport }> {
  const response = await fetch(`${at(9466)}/canary-scan`, { method: 'POST' });
  return { status: response.status, report: (await response.json()) as ScanReport };
}

/** Lines of a metric of sentinel. */
async function metric(name: string): Promise<string[]> {
  const text = await (await fetch(`${at(9466)}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

const some = (findings: Readonly<Record<string, number>> | undefined) =>
  Object.values(findings ?? {}).reduce((total, each) => total + each, 0);

describe('the canary', () => {
  test('is in the clinic, and is not found where it does not belong', async () => {
    const server = under.drive(new Planted());
    const token = await server.signIn('clinician');
    const { text } = await server.expect(200, `/api/clients?search=${CANARY.family_name}`, { token });
    expect(text).toContain(CANARY.given_name);
    const { status, report } = await scan();
    expect([status, some(report.prometheus), some(report.tempo)]).toEqual([200, 0, 0]);
    expect(await metric('canary_findings{')).toEqual([
      'canary_findings{place="prometheus"} 0',
      'canary_findings{place="tempo"} 0',
    ]);
    const [line] = await metric('canary_scan_last_success_timestamp_seconds ');
    expect(Date.now() / 1000 - Number(line?.split(' ')[1])).toBeLessThan(60);
  });

  test('is found in Tempo and in Prometheus when it is there, past the Collector', async () => {
    const time = `${Date.now()}000000`;
    const attributes = [{ key: 'patient', value: { stringValue: `Mr ${CANARY.family_name.toUpperCase()}` } }];
    const post = async (url: string, body: object) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(response.ok, url).toBe(true);
    };
    const span = {
      traceId: '7f3a'.repeat(8),
      spanId: '7f3a'.repeat(4),
      name: 'x',
      kind: 1,
      startTimeUnixNano: time,
      endTimeUnixNano: time,
      attributes,
    };
    await post(`${at(14318)}/v1/traces`, { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
    const gauge = { name: 'up', gauge: { dataPoints: [{ timeUnixNano: time, asDouble: 1, attributes }] } };
    await post(`${at(9090)}/api/v1/otlp/v1/metrics`, {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge] }] }],
    });
    const both = async () => {
      const { status, report } = await scan();
      return status === 200 && some(report.prometheus) > 0 && some(report.tempo) > 0 ? report : undefined;
    };
    const report = await eventually(both, { within: 60_000, every: 1_000, what: 'findings in both' });
    expect(report.prometheus).toMatchObject({ label_values: 1 });
    const lines = await metric('canary_findings{');
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toMatch(/ 0\b/);
    // It gets past the Collector; what pages is in prometheus/tests/privacy.test.yml.
    await eventually(async () => (await promql(at(9090), 'canary_findings > 0')).length === 2, {
      within: 60_000,
      every: 1_000,
      what: 'both findings in Prometheus',
    });
  });

  test('nobody says that there is nothing when Prometheus could not be asked', async () => {
    const [before] = await metric('canary_scan_last_success_timestamp_seconds ');
    await under.stack.stopService('prometheus');
    const { status, report } = await scan();
    expect(status).toBe(503);
    expect(report.prometheus).toBeUndefined();
    expect(await metric('canary_scan_last_success_timestamp_seconds ')).toEqual([before]);
    // What was found is not forgotten either.
    expect((await metric('canary_findings{place="prometheus"}')).join()).toMatch(/ [1-9]\d*$/);
  });
});
