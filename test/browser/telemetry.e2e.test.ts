/** The library in a real browser, in the clinic's own pages: what is measured, what is sent, and what never is. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CallItem, MetricItem } from '../../instrumentation/src/browser/wire.ts';
import { openBrowser } from '../../stack/browser.ts';
import { eventually } from '../eventually.ts';
import { type ClinicSite, clinicSite } from './clinic-site.ts';

/** Stands for whatever is somebody's own. */
const PLANTED = 'Plantedtoken';
const CHART = '/clients/00000000-0000-4000-8000-000000000004';

let site: ClinicSite;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  site = await clinicSite({ mode: 'production', name: PLANTED });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await site?.stop();
});
beforeEach(async () => {
  site.reset();
  context = await browser.newContext();
  await signedIn(context);
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
});
afterEach(() => context.close());

const signedIn = (inContext: BrowserContext) =>
  inContext.addInitScript(
    (session) => sessionStorage.setItem('session', session),
    JSON.stringify({ token: 'synthetic', expires: Date.now() + 3_600_000, user: { name: PLANTED, role: 'clinician' } }),
  );

/** Opens a page and waits until its data is there. */
async function open(path: string, target = page): Promise<void> {
  await target.goto(site.url + path);
  await target
    .getByRole('heading', { level: path.startsWith(CHART) ? 2 : 1 })
    .first()
    .waitFor();
}
const soon = <Result>(what: string, look: () => Result, within = 5_000) =>
  eventually(look, { what, within, every: 10 });
const pageLoad = (within?: number) => soon('a page_load', () => site.metrics('page_load')[0], within);
const calls = () => site.items().filter((item): item is CallItem => item.k === 'c');
const apiRequests = () => site.requests.filter(({ url }) => url.startsWith('/api/'));
const telemetryRequests = () => site.requests.filter(({ url }) => url === '/telemetry');
const ids = ({ i, j }: Pick<MetricItem, 'i' | 'j'>) => ({ i, j });
const parse = (traceparent: unknown) => /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(traceparent))!.slice(1);
/** Leaves the page some moments after its data is there: what was measured is then sent at once. */
async function leave(): Promise<void> {
  await sleep(250);
  await page.goto('about:blank');
}
/** Resolves when the telemetry chunk runs. */
const chunkRuns = () =>
  soon('the telemetry chunk', () => site.requests.find(({ url }) => /^\/assets\/telemetry.*js$/.test(url)));

describe('traces', () => {
  test('the first call carries the trace of the document, long before the chunk is there', async () => {
    site.behaviour.chunkMs = 1_000;
    await open(CHART);
    const [first] = apiRequests();
    const [traceId, spanId] = parse(first!.headers.traceparent);
    const { traceId: documentTrace, spanId: documentSpan } = site.documents[0]!;
    expect(traceId).toBe(documentTrace);
    await sleep(1_000);
    await leave();
    const load = await soon('the page load span', () => site.pageLoads()[0]);
    expect(load).toMatchObject({ p: '/clients/:id', i: documentTrace, u: documentSpan });
    const call = await soon('the call span', () => calls()[0]);
    expect(call).toMatchObject({
      n: 'GET',
      a: '/api/clients/:id',
      p: '/clients/:id',
      i: documentTrace,
      j: spanId,
      u: load.j,
      c: 200,
    });
  });

  test('a call after the load has a trace of its own', async () => {
    await open('/clients');
    await chunkRuns();
    await sleep(100);
    await page.getByLabel(/search/i).fill('fam');
    await soon('the search', () => apiRequests()[1]);
    await leave();
    const call = await soon('the call of the search', () => calls().find(({ i }) => i !== site.documents[0]!.traceId));
    expect(call.u).toBeUndefined();
    expect(parse(apiRequests().at(-1)!.headers.traceparent)).toEqual([call.i, call.j]);
  });

  test('other addresses get no traceparent', async () => {
    await open('/clients');
    await page.evaluate(() =>
      Promise.all(
        ['/nowhere', '/telemetry', '/assets/nothing.json'].map((url) =>
          fetch(url, { method: 'POST', body: '{"v":2,"id":"00000000000000000000000000000000","at":1,"drop":0}' }),
        ),
      ),
    );
    for (const { url, headers } of site.requests) {
      if (!url.startsWith('/api/clients?')) expect([url, headers.traceparent]).toEqual([url, undefined]);
    }
  });

  test('what the app gives to fetch arrives as it is', async () => {
    await open('/clients');
    site.reset();
    const answers = await page.evaluate(async () => {
      const json = { 'content-type': 'application/json', 'x-kept': 'yes' };
      await fetch(new Request('/api/appointments', { method: 'POST', headers: json, body: '{"a":1}' }));
      await fetch(new URL('/api/clients?page=1', location.href), { headers: new Headers({ 'x-kept': 'yes' }) });
      await fetch('/api/clients/1', { method: 'post', headers: [['x-kept', 'yes']] });
      return Promise.allSettled([fetch('http://['), fetch('/api/clients', { signal: AbortSignal.abort() })]);
    });
    expect(apiRequests().map(({ method, url, body, headers }) => [method, url, body, headers['x-kept']])).toEqual([
      ['POST', '/api/appointments', '{"a":1}', 'yes'],
      ['GET', '/api/clients?page=1', '', 'yes'],
      ['POST', '/api/clients/1', '', 'yes'],
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('page_load', () => {
  test('is the time from the navigation until the data is painted', async () => {
    site.behaviour.documentMs = 300;
    site.behaviour.apiMs = 400;
    await open(CHART);
    const seen = await page.evaluate(() => {
      const paint = performance.getEntriesByType('paint').map(({ startTime }) => startTime);
      return { firstPaint: Math.min(...paint), now: performance.now() };
    });
    await leave();
    const metric = await pageLoad();
    expect(metric.p).toBe('/clients/:id');
    expect(metric.v).toBeGreaterThan(700);
    expect(metric.v).toBeLessThan(seen.now + 50);
    expect(metric.v).toBeGreaterThan(seen.firstPaint);
    const [load] = site.pageLoads();
    expect(load).toMatchObject({ ...ids(metric), v: metric.v, t: metric.t });
  });

  test('is recorded once, also when React mounts everything twice', async () => {
    const strict = await clinicSite({ mode: 'development', name: PLANTED });
    try {
      await page.goto(strict.url + CHART);
      await page.getByRole('heading', { name: 'Details' }).waitFor();
      await soon('the telemetry chunk', () => strict.requests.find(({ url }) => url.includes('telemetry')));
      await sleep(300);
      await page.getByRole('link', { name: /all clients/i }).click();
      await page.getByRole('table').waitFor();
      await page.getByLabel(/search/i).fill('fam');
      await sleep(500);
      await page.goto('about:blank');
      await sleep(300);
      expect(strict.metrics('page_load').map(({ p }) => p)).toEqual(['/clients/:id', '/clients']);
      expect(strict.metrics('render').length).toBe(3);
    } finally {
      await strict.stop();
    }
  });

  test('of a navigation within the app starts with the click and is the parent of its calls', async () => {
    await open('/clients');
    await chunkRuns();
    await sleep(200);
    site.behaviour.apiMs = 350;
    await page
      .getByRole('link', { name: /Family4/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'Details' }).waitFor();
    await leave();
    const metric = await soon('the second page_load', () =>
      site.metrics('page_load').find(({ p }) => p === '/clients/:id'),
    );
    expect(metric.v).toBeGreaterThan(350);
    expect(metric.v).toBeLessThan(1_500);
    const load = site.pageLoads().find(({ p }) => p === '/clients/:id')!;
    expect(ids(metric)).toEqual(ids(load));
    expect(load.i).not.toBe(site.documents[0]!.traceId);
    expect(load.u).toBeUndefined();
    expect(calls().find(({ a }) => a === '/api/clients/:id')).toMatchObject({ i: load.i, u: load.j });
    expect(site.documents).toHaveLength(1);
    // Where the browser tells of navigations within the app, their vitals are their own page's.
    const told = await page.evaluate(() => PerformanceObserver.supportedEntryTypes.includes('soft-navigation'));
    if (told)
      await soon('the vitals of the second page', () => site.metrics('LCP').find(({ p }) => p === '/clients/:id'));
    expect(site.metrics('LCP')[0]).toMatchObject({ p: '/clients' });
  });

  test('of a redirect belongs to the page where it ends, and so do the web vitals', async () => {
    const signedOut = await browser.newContext();
    const other = await signedOut.newPage();
    await other.goto(`${site.url}/clients`);
    await other.getByLabel('Password', { exact: true }).waitFor();
    await sleep(250);
    await other.goto('about:blank');
    expect((await pageLoad()).p).toBe('/sign-in');
    await soon('the vitals', () => site.metrics('LCP')[0]);
    expect(site.metrics('page_load')).toHaveLength(1);
    expect(site.metrics('LCP')).toMatchObject([{ p: '/sign-in' }]);
    await signedOut.close();
  });

  test.each([
    ['is there', 2_000],
    ['never comes', 60_000],
  ])('of navigations within the app, before the chunk %s, are one each by route', async (_what, chunkMs) => {
    site.behaviour.chunkMs = chunkMs;
    await open('/clients');
    await page
      .getByRole('link', { name: /Family4/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'Details' }).waitFor();
    await sleep(chunkMs < 5_000 ? chunkMs + 1_000 : 200);
    await page.goto('about:blank');
    await soon('two page loads', () => site.metrics('page_load').length === 2);
    const [first, second] = site.metrics('page_load');
    expect([first!.p, second!.p]).toEqual(['/clients', '/clients/:id']);
    expect(first!.i).toBe(site.documents[0]!.traceId);
    expect(second!.i).not.toBe(first!.i);
  });

  test('that is slow is with the server within half a second of the paint', async () => {
    site.behaviour.documentMs = 3_100;
    await open(CHART);
    const metric = await pageLoad();
    const arrived = telemetryRequests().find(({ body }) => body.includes(metric.j!))!;
    expect(metric.v).toBeGreaterThan(3_100);
    expect(arrived.at - metric.t).toBeLessThan(500);
    expect(site.pageLoads().map(({ j }) => j)).toEqual([metric.j]);
  });

  test('that the user gives up after the limit counts with the time so far; one that is left sooner, or was ready, does not', async () => {
    const [patient, hasty, reader] = [page, await context.newPage(), await context.newPage()];
    await open(CHART, reader);
    site.behaviour.apiMs = 20_000;
    await Promise.all([patient, hasty].map((each) => each.goto(site.url + CHART)));
    await sleep(1_000);
    await hasty.goto('about:blank');
    await sleep(2_300);
    await patient.close({ runBeforeUnload: true });
    await reader.close({ runBeforeUnload: true });
    const slow = await soon('a slow page_load', () => site.metrics('page_load').find(({ v }) => v > 3_000));
    expect(slow.v).toBeLessThan(6_000);
    await sleep(300);
    const [ready, ...more] = site.metrics('page_load').filter(({ j }) => j !== slow.j);
    expect(ready!.v).toBeLessThan(3_000);
    expect(more).toEqual([]);
    expect(site.pageLoads().map(({ j }) => j)).toContain(slow.j);
    expect(site.pageLoads()).toHaveLength(2);
  });

  test('of a page that was hidden in between is not recorded', async () => {
    site.behaviour.apiMs = 1_500;
    await page.goto(site.url + CHART);
    await soon('the call', () => apiRequests()[0]);
    for (const hidden of [true, false]) {
      await page.evaluate((now) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => now });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
      }, hidden);
    }
    await page.getByRole('heading', { name: 'Details' }).waitFor();
    await soon(
      'other items',
      () => site.metrics('LCP').length + site.metrics('TTFB').length + site.metrics('render').length,
      6_000,
    );
    await sleep(2_200);
    expect(site.metrics('page_load')).toEqual([]);
    expect(site.metrics('api_call')).toEqual([]);
  });
});

describe('api_call', () => {
  test('has the ids of the request, so that the server counts the same call once', async () => {
    await open(CHART);
    const { traceparent } = apiRequests()[0]!.headers;
    await leave();
    const metric = await soon('an api_call', () => site.metrics('api_call')[0]);
    expect(parse(traceparent)).toEqual([metric.i, metric.j]);
  });

  test('that is slow is sent at once', async () => {
    await open('/clients');
    await chunkRuns();
    site.behaviour.apiMs = 1_100;
    await page.getByLabel(/search/i).fill('fam');
    const metric = await soon('a slow api_call', () => site.metrics('api_call').find(({ v }) => v > 1_000));
    const arrived = telemetryRequests().find(({ body }) => body.includes(metric.j!))!;
    expect(arrived.at - metric.t).toBeLessThan(500);
  });
});

describe('delivery', () => {
  /** Something to be delivered that tells itself apart: a search, which is timed. */
  const search = async (letters: string) => {
    const before = apiRequests().length;
    await page.getByLabel(/search/i).fill(letters);
    await soon('the search', () => apiRequests().length > before);
  };

  test('what was measured offline arrives when the network is back, once', async () => {
    await open('/clients');
    await chunkRuns();
    await sleep(100);
    await context.setOffline(true);
    await page.evaluate(() => fetch('/api/clients/1', { method: 'PUT' }).catch(() => {}));
    await sleep(2_500);
    expect(calls().filter(({ n }) => n === 'PUT')).toEqual([]);
    await context.setOffline(false);
    const call = await soon('the call', () => calls().find(({ n }) => n === 'PUT'));
    expect(call.c).toBe(0);
    expect(telemetryRequests().length).toBeLessThanOrEqual(2);
  });

  test('a batch that met 503 is sent again with the same id and a new time', async () => {
    site.behaviour.telemetryStatus = 503;
    await open('/clients');
    const first = await soon('a refused batch', () => telemetryRequests()[0]);
    await sleep(500);
    expect(telemetryRequests().length).toBeLessThanOrEqual(2);
    site.behaviour.telemetryStatus = 204;
    await pageLoad();
    const [a, ...again] = telemetryRequests()
      .map(({ body }) => JSON.parse(body))
      .filter(({ seq }) => seq === JSON.parse(first.body).seq);
    const b = again.at(-1);
    expect({ ...b, at: 0 }).toEqual({ ...a, at: 0 });
    expect(b.at).toBeGreaterThan(a.at);
  });

  test('a tab that is closed before the chunk came has sent what it had', async () => {
    site.behaviour.chunkMs = 10_000;
    await open('/clients');
    await page.evaluate(() => {
      setTimeout(() => {
        throw new Error('early');
      });
    });
    await sleep(100);
    await page.close();
    const metric = await pageLoad();
    expect(metric.i).toBe(site.documents[0]!.traceId);
    expect(site.items()).toContainEqual(expect.objectContaining({ k: 'e', n: 'Error', p: '/clients' }));
  });

  test('a tab that is closed later has sent all, layout shift included', async () => {
    await open('/clients');
    await chunkRuns();
    await sleep(200);
    await search('fam');
    await sleep(100);
    await page.close({ runBeforeUnload: true });
    await soon('the last items', () => site.metrics('search').length === 1 && site.metrics('CLS').length === 1);
    expect(site.metrics('LCP')).toHaveLength(1);
  });

  test('a batch that the server will never take is given up', async () => {
    site.behaviour.telemetryStatus = 400;
    await open('/clients');
    await soon('a refused batch', () => telemetryRequests()[0]);
    site.behaviour.telemetryStatus = 204;
    await search('fam');
    await soon('the next batch', () => site.metrics('search')[0]);
    const refused = JSON.parse(telemetryRequests()[0]!.body);
    const next = JSON.parse(telemetryRequests()[1]!.body);
    expect(next.n).toBe(['m', 'e', 'c', 'l'].flatMap((kind) => refused[kind] ?? []).length);
    expect(next.seq).toBeGreaterThan(refused.seq);
    expect(site.metrics('page_load')).toEqual([]);
  });

  test('signing out leaves nothing in memory and nothing in storage', async () => {
    site.behaviour.telemetryStatus = 503;
    await open('/clients');
    await soon('a refused batch', () => telemetryRequests()[0]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto('about:blank');
    site.behaviour.telemetryStatus = 204;
    await page.goto(`${site.url}/sign-in`);
    await sleep(2_500);
    expect(site.metrics('page_load').map(({ p }) => p)).not.toContain('/clients');
  });
});

describe('the app does not notice', () => {
  test.each(['the endpoint', 'the chunk', 'both'])('when %s is blocked', async (what) => {
    if (what !== 'the chunk') await page.route('**/telemetry', (route) => route.abort());
    if (what !== 'the endpoint') await page.route('**/assets/telemetry*', (route) => route.abort());
    await open('/clients');
    await page
      .getByRole('link', { name: /Family4/ })
      .first()
      .click();
    await page.getByRole('button', { name: /book/i }).click();
    await page.getByText(/booked for/i).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });
});

describe('privacy', () => {
  test('no name, no typed text, no path and no message is in anything that telemetry sends or stores', async () => {
    await open(`${CHART}?q=${PLANTED}#${PLANTED}`);
    await page.evaluate((planted) => {
      console.error(planted);
      document.title = planted;
      setTimeout(() => {
        throw new Error(planted);
      });
      setTimeout(() => {
        throw planted;
      });
      setTimeout(() => {
        throw Object.assign(new Error('x', { cause: planted }), { name: planted });
      });
      setTimeout(() => {
        ({ [planted]: () => (null as unknown as string).trim() })[planted]!();
      });
      void Promise.reject(new Error(planted));
      void Promise.reject({ reason: planted });
      performance.mark(planted);
      void fetch(`/api/clients/${planted}?name=${planted}`, { method: planted }).catch(() => {});
      void fetch(`/nowhere/${planted}`);
    }, PLANTED);
    await page.getByRole('link', { name: /all clients/i }).click();
    await page.getByLabel(/search/i).fill(PLANTED);
    await page.evaluate((planted) => history.pushState({}, '', `/clients/${planted}/${planted}`), PLANTED);
    await sleep(500);
    site.behaviour.telemetryStatus = 503;
    await page.evaluate((planted) => fetch(`/api/clients/${planted}`), PLANTED);
    await sleep(2_300);
    await page.goto(`${site.url}/sign-in`);
    const stored = await page.evaluate(() => sessionStorage.getItem('telemetry') ?? '');
    site.behaviour.telemetryStatus = 204;
    await soon('errors, calls and metrics', () => new Set(site.items().map(({ k }) => k)).size === 4);
    const sent = telemetryRequests().map(({ body, headers }) => `${body}${JSON.stringify(headers)}`);
    for (const text of [stored, ...sent]) {
      expect(text.toLowerCase()).not.toContain(PLANTED.toLowerCase());
      expect(text).not.toContain('00000000-0000-4000-8000');
    }
    const errors = site.items().filter((item) => item.k === 'e');
    expect(errors.map(({ n }) => n).sort()).toEqual([
      'Error',
      'Error',
      'Error',
      'Error',
      'TypeError',
      'UnhandledRejection',
    ]);
    expect(telemetryRequests().every(({ headers }) => headers.referer === undefined)).toBe(true);
  });
});
