/** Whether what a browser measured arrives, once; and whether what does not arrive is known. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from '../../stack/browser.ts';
import { ensureChromium } from '../../stack/find-chromium.mjs';
import { eventually } from '../eventually.ts';
import type { Controls } from './delivery-page/main.ts';
import { type DeliverySite, deliverySite } from './delivery-site.ts';

declare global {
  interface Window {
    readonly controls: Controls;
  }
}

const EVENTS = 50;
const LOST = 'browser_telemetry_items_total{outcome="lost"}';
const REFUSED = 'browser_telemetry_items_total{outcome="refused"}';

let site: DeliverySite;
let browser: Browser;

beforeAll(async () => {
  site = await deliverySite();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

const contextOf = (scenario: string, inBrowser = browser) =>
  inBrowser.newContext({ extraHTTPHeaders: { 'x-scenario': scenario } });
/** The clock of its pages goes on as clocks do, until a test lets time pass. */
async function contextWithClock(scenario: string): Promise<BrowserContext> {
  const context = await contextOf(scenario);
  await context.clock.install();
  return context;
}
/** On the clock of the pages: in steps, between which a request that was begun really fails or is answered. */
async function pass({ clock }: Page, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await clock.runFor(1_000);
    await sleep(50);
  }
}
async function open(context: BrowserContext, path = '/'): Promise<Page> {
  const page = await context.newPage();
  await page.goto(site.url + path);
  await page.waitForFunction(() => window.controls.running());
  return page;
}
const record = (page: Page, metric: string, count = EVENTS) =>
  page.evaluate(([name, times]) => window.controls.record(name, times), [metric, count] as const);
async function close(page: Page): Promise<void> {
  const closed = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await closed;
}
const arrived = (metric: string) =>
  site.metric(`operation_duration_seconds_count{metric="${metric}",source="browser"}`);
const sum = (metric: string) => site.metric(`operation_duration_seconds_sum{metric="${metric}",source="browser"}`);
const soon = (what: string, look: () => Promise<boolean>, within = 30_000) =>
  eventually(look, { what, within, every: 100 });

/** By the metric that a scenario records, so that all can run at the same time against one server. */
const scenarios: Record<string, { readonly what: string; run(page: Page, context: BrowserContext): Promise<unknown> }> =
  {
    search: {
      what: 'offline for 8 s',
      async run(page, context) {
        await context.setOffline(true);
        await record(page, 'search');
        await pass(page, 8);
        await context.setOffline(false);
      },
    },
    sign_in: {
      what: 'offline for 30 s',
      async run(page, context) {
        await context.setOffline(true);
        await record(page, 'sign_in');
        await pass(page, 30);
        await context.setOffline(false);
      },
    },
    book_appointment: {
      what: '503 for 8 s',
      async run(page) {
        site.answers.set('book_appointment', 503);
        await record(page, 'book_appointment');
        await pass(page, 8);
        expect(
          site.bodies('book_appointment').filter((body) => body.includes('"book_appointment"')).length,
        ).toBeGreaterThan(1);
        site.answers.delete('book_appointment');
        await pass(page, 8);
      },
    },
    write_note: {
      what: 'navigated away at once',
      run: (page) =>
        page.evaluate((count) => {
          window.controls.record('write_note', count);
          location.href = 'about:blank';
        }, EVENTS),
    },
    upload_document: {
      what: 'tab closed',
      async run(page) {
        await record(page, 'upload_document');
        await close(page);
      },
    },
    render: {
      what: 'navigated away before the telemetry chunk was there',
      async run(_page, context) {
        site.chunkMs.set('render', 60_000);
        const page = await context.newPage();
        await page.goto(site.url, { waitUntil: 'domcontentloaded' });
        await page.evaluate((count) => {
          window.controls.record('render', count);
          location.href = 'about:blank';
        }, EVENTS);
      },
    },
    database_query: {
      what: '503, and another page of the tab afterwards',
      async run(page) {
        site.answers.set('database_query', 503);
        const refused = () => site.bodies('database_query').filter((body) => body.includes('"database_query"')).length;
        await record(page, 'database_query');
        await soon('a refused batch', async () => refused() > 0);
        const before = refused();
        await page.goto(`${site.url}/clients`);
        await soon('that what the page sent at its end is refused', async () => refused() > before);
        site.answers.delete('database_query');
      },
    },
  };

describe('50 events arrive, once each', () => {
  const runs = new Map<string, Promise<unknown>>();
  let lostBefore: number;
  beforeAll(async () => {
    lostBefore = await site.metric(LOST);
    for (const [metric, { run }] of Object.entries(scenarios)) {
      const begun = (async () => {
        const context = await contextWithClock(metric);
        await run(await open(context), context);
      })();
      begun.catch(() => {}); // its own test tells
      runs.set(metric, begun);
    }
  });

  test.each(Object.entries(scenarios).map(([metric, { what }]) => [what, metric]))('%s', async (_what, metric) => {
    await runs.get(metric);
    await soon(`${EVENTS} events`, async () => (await arrived(metric)) >= EVENTS);
    await sleep(300); // for a second copy
    expect(await arrived(metric)).toBe(EVENTS);
    expect(await sum(metric)).toBeCloseTo((EVENTS * (EVENTS + 1)) / 2 / 1_000, 6);
  });

  test('and nothing counts as lost', async () => {
    await Promise.all(runs.values());
    await sleep(2_000); // until gaps would have been settled
    expect(await site.metric(LOST)).toBe(lostBefore);
  });
});

/** How many more there are of `other`, and of what is lost. */
async function growth(): Promise<() => Promise<{ arrived: number; lost: number }>> {
  const [before, lost] = [await arrived('other'), await site.metric(LOST)];
  return async () => ({ arrived: (await arrived('other')) - before, lost: (await site.metric(LOST)) - lost });
}

describe('what is lost is known', () => {
  test('a burst of 2,000 fits into the last message of a tab', async () => {
    const grown = await growth();
    const context = await contextOf('burst of 2,000');
    const page = await open(context);
    const before = site.bodies('burst of 2,000').length;
    await record(page, 'other', 2_000);
    await close(page);
    await soon('all', async () => (await grown()).arrived === 2_000);
    const sent = site.bodies('burst of 2,000').slice(before);
    expect(sent.filter((body) => body.includes('"other"'))).toHaveLength(1);
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThan(64 * 1_024);
    await context.close();
  });

  test('of a burst of 5,000 the oldest 1,000 are dropped and counted', async () => {
    const grown = await growth();
    const context = await contextOf('burst of 5,000');
    await record(await open(context), 'other', 5_000);
    await soon('4,000 and 1,000', async () => {
      const { arrived: all, lost } = await grown();
      return all + lost >= 5_000;
    });
    const { arrived: all, lost } = await grown();
    // What the page measured about itself goes the same way.
    expect(all + lost).toBeLessThan(5_010);
    expect(Math.abs(all - 4_000)).toBeLessThan(10);
    await context.close();
  });

  test('of a burst of 5,000 in a tab that is closed, the next page of the browser tells what did not fit', async () => {
    const grown = await growth();
    const context = await contextWithClock('burst, then closed');
    const page = await open(context);
    await record(page, 'other', 5_000);
    await close(page);
    await pass(await open(context), 10); // until what was on its way can be on its way no more
    await soon('5,000 accounted for', async () => {
      const { arrived: all, lost } = await grown();
      return all + lost >= 5_000;
    });
    const { arrived: all, lost } = await grown();
    expect(all + lost).toBeLessThan(5_020);
    expect(all).toBeGreaterThan(2_000);
    await context.close();
  });

  test('of a tab that is closed while the server answers 503, the next page of the browser tells', async () => {
    const grown = await growth();
    const context = await contextWithClock('503, then closed');
    site.answers.set('503, then closed', 503);
    const page = await open(context);
    await record(page, 'other');
    await soon('a refused batch', async () => site.bodies('503, then closed').some((body) => body.includes('"other"')));
    await close(page);
    await sleep(1_000); // what the page sent at its end is refused as well
    site.answers.delete('503, then closed');
    await pass(await open(context), 10); // until what was on its way can be on its way no more
    await soon('the loss', async () => (await grown()).lost >= EVENTS);
    const { arrived: all, lost } = await grown();
    expect(all).toBe(0);
    // With them went what the page had measured about itself.
    expect(lost).toBeLessThan(EVENTS + 20);
    await context.close();
  });

  test('a batch that never arrived is missing between the others', async () => {
    const grown = await growth();
    const context = await contextWithClock('a gap');
    const page = await open(context);
    await pass(page, 3); // what the page measures about itself is sent
    site.answers.set('a gap', 413);
    await record(page, 'other', 30);
    await soon('a refused batch', async () => site.bodies('a gap').some((body) => body.includes('"other"')));
    site.answers.delete('a gap');
    await record(page, 'other', 1);
    await soon('the loss', async () => (await grown()).lost >= 30);
    expect(await grown()).toEqual({ arrived: 1, lost: 30 });
    await context.close();
  });

  test('a page in an endless loop of errors sends fifty of them', async () => {
    const errors = 'browser_errors_total{error_type="RangeError",page="/schedule"}';
    const grown = await growth();
    const context = await contextOf('errors');
    const page = await open(context, '/schedule');
    await page.evaluate(() => window.controls.fail(200));
    await soon('the errors and the rest', async () => (await grown()).lost >= 150);
    expect(await site.metric(errors)).toBe(50);
    expect((await grown()).lost).toBe(150);
    await context.close();
  });
});

describe('visits', () => {
  test('two tabs are two visits', async () => {
    const grown = await growth();
    const context = await contextOf('two tabs');
    const pages = await Promise.all([open(context), open(context)]);
    await Promise.all(pages.map((page) => record(page, 'other')));
    const [one, two] = await Promise.all(pages.map((page) => page.evaluate(() => window.controls.visit())));
    expect(one!.id).not.toBe(two!.id);
    await soon('both', async () => (await grown()).arrived >= 2 * EVENTS);
    expect(await grown()).toEqual({ arrived: 2 * EVENTS, lost: 0 });
    await context.close();
  });

  test('a page that comes back from the back/forward cache is another visit, and loses nothing', async () => {
    // Playwright turns the cache off.
    const cached = await chromium.launch({
      executablePath: await ensureChromium(),
      chromiumSandbox: false,
      args: ['--disable-gpu'],
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    });
    try {
      const grown = await growth();
      const page = await open(await contextOf('back', cached));
      await page.evaluate(() => addEventListener('pageshow', ({ persisted }) => Object.assign(window, { persisted })));
      const first = await page.evaluate(() => window.controls.visit());
      await record(page, 'other');
      await page.goto(`${site.url}/clients`);
      await page.waitForFunction(() => window.controls.running());
      await page.goBack({ waitUntil: 'commit' });
      await page.waitForFunction(() => 'persisted' in window);
      const second = await page.evaluate(() => window.controls.visit());
      expect(second.id).not.toBe(first.id);
      expect(second.trace).not.toBe(first.trace);
      await record(page, 'other');
      await soon('both', async () => (await grown()).arrived >= 2 * EVENTS);
      await sleep(2_000);
      expect(await grown()).toEqual({ arrived: 2 * EVENTS, lost: 0 });
    } finally {
      await cached.close();
    }
  });

  test('a clock that is wrong by hours does not matter, and a duration that only sleep explains is refused', async () => {
    const refused = await site.metric(REFUSED);
    const context = await contextOf('wrong clock');
    await context.addInitScript(() => {
      const { now } = Date;
      Date.now = () => now() + 7 * 3_600_000;
    });
    const page = await open(context);
    const before = site.sink.slowEvents().length;
    const at = Date.now();
    await page.evaluate(() => {
      window.controls.recordOne('other', 20_000_000);
      window.controls.recordOne('other', 1_234);
    });
    const slow = await eventually(
      () =>
        site.sink
          .slowEvents()
          .slice(before)
          .find(({ attributes }) => attributes.duration_ms === 1_234),
      { what: 'the slow event', within: 15_000 },
    );
    const said = Number(slow.timeUnixNano) / 1e6;
    expect(said).toBeGreaterThan(at - 1_000);
    expect(said).toBeLessThan(Date.now() + 1_000);
    expect(site.sink.slowEvents().slice(before)).toHaveLength(1);
    expect(await site.metric(REFUSED)).toBe(refused + 1);
    await context.close();
  });

  test('after sign-out nothing is at rest', async () => {
    const context = await contextOf('sign-out');
    site.answers.set('sign-out', 503);
    const page = await open(context);
    await record(page, 'other');
    const left = () => site.bodies('sign-out').some((body) => body.includes('"other"'));
    await soon('a refused batch', async () => left());
    const stored = () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    const nowhere = `${site.url}/assets/nothing`; // of the same origin, and without telemetry
    await page.goto(nowhere);
    expect(await stored()).toContain('other');
    expect(await stored()).toContain('telemetry.gone');
    await page.goto(site.url);
    await page.waitForFunction(() => window.controls.running());
    await record(page, 'other');
    // As another tab of this browser would leave it behind.
    await page.evaluate(() => localStorage.setItem('telemetry.gone', '[]'));
    await page.evaluate(() => window.controls.signOut());
    expect(await stored()).toBe('[{},{}]');
    await page.goto(nowhere);
    expect(await stored()).not.toContain('other');
    await context.close();
  });
});

describe('traces and stacks', () => {
  test('spans that the app makes are sent when their name is listed', async () => {
    const context = await contextOf('spans');
    const page = await open(context);
    await page.evaluate(() => {
      window.controls.span('render');
      window.controls.span('Plantedtoken');
    });
    await soon('the span', async () => site.sink.spans().some(({ name }) => name === 'render'));
    expect(site.bodies('spans').join()).not.toContain('Plantedtoken');
    expect(site.sink.spans().find(({ name }) => name === 'render')?.attributes).toEqual({ 'http.route': '/' });
    await context.close();
  });

  test('the stack of an error becomes file, line and function on the management port, and is nothing but places', async () => {
    const context = await contextOf('stacks');
    const page = await open(context);
    const start = Date.now();
    await page.evaluate(() => window.controls.fail(1));
    const stack = await eventually(
      async () => {
        const { body } = await site.managed('/stacks');
        return (body as { hash: string; type: string; last: number }[]).find(({ last }) => last >= start);
      },
      { what: 'the stack', within: 15_000 },
    );
    expect(stack).toMatchObject({ type: 'RangeError', hash: expect.stringMatching(/^[0-9a-f]{16}$/) });
    const { body } = await site.managed(`/stacks/${stack.hash}`);
    expect(body).toMatchObject({
      hash: stack.hash,
      frames: [{ file: expect.stringMatching(/delivery-page\/main\.ts$|^main\.ts$/), function: 'failToBook' }],
    });
    expect((await site.managed('/stacks/0123456789abcdef')).status).toBe(404);
    const scripts = await page.evaluate(() => [...document.scripts].map(({ src }) => src));
    for (const script of scripts) {
      expect((await fetch(script)).status).toBe(200);
      for (const map of [
        `${script}.map`,
        `${script.replace('/assets/', '/.maps/')}.map`,
        `${script.replace('/assets/', '/%2emaps/')}.map`,
      ]) {
        expect((await fetch(map)).status).toBe(404);
      }
    }
    const sent = site.bodies('stacks').join();
    expect(sent).toContain('RangeError');
    for (const word of ['failToBook', 'Plantedtoken', 'main', '.js']) expect(sent).not.toContain(word);
    await context.close();
  });
});
