import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser } from '../../../stack/browser.ts';
import { type AlertOptions, alert, testPager, webhook } from '../src/pager.fixture.ts';

let browser: Browser;
let context: BrowserContext;
let tab: Page;
let pager: Awaited<ReturnType<typeof testPager>>;
let complaints: string[];
let skew: number;

const EVENT = {
  duration_ms: 3421.5,
  threshold_ms: 3000,
  route: '/clients/:id',
  recorded_at: '2026-11-22T02:59:58.000Z',
  trace_url: 'http://localhost:3200/api/traces/0123456789abcdef0123456789abcdef',
};

beforeAll(async () => {
  browser = await openBrowser();
}, 60_000);
afterAll(() => browser?.close());

beforeEach(async () => {
  skew = 0;
  const folder = mkdtempSync(join(tmpdir(), 'pager-browser-'));
  pager = await testPager({ folder, now: () => Date.now() + skew, fetchSlowEvents: async () => [EVENT] });
  writeFileSync(
    join(pager.runbooks, 'SlowEvents.md'),
    '## Diagnosis\n\nOpen the trace.\n\n<img src=x onerror=alert(1)>\n',
  );
  context = await browser.newContext();
  complaints = [];
  tab = await newTab();
});
afterEach(async () => {
  await context.close();
  await pager.remove();
  expect(complaints).toEqual([]);
});

async function newTab(): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  // Also where the browser says what the content security policy stopped.
  page.on('console', (line) => {
    if (line.text().includes('Content Security Policy')) complaints.push(line.text());
  });
  return page;
}

const watchdog = () => pager.post('/watchdog', webhook(alert({ labels: { alertname: 'Watchdog', severity: 'none' } })));
const fire = (options: AlertOptions = {}) =>
  pager.post('/alertmanager', webhook(alert({ startsAt: new Date(Date.now() - 812).toISOString(), ...options })));
const firstPage = () => tab.locator('.page').first();
// What is seen, line breaks and capitals included: textContent has neither.
const text = (selector: string) => tab.locator(selector).first().innerText();

const eventually = <Seen>(look: () => Promise<Seen>) => expect.poll(look, { timeout: 8000 });

describe('the inbox in a browser', { timeout: 40_000 }, () => {
  it('lets on-call sleep, then shows a page without a reload, and its end', async () => {
    await watchdog();
    await tab.goto(pager.url);
    await eventually(() => text('#calm')).toContain('No page. On-call can sleep.');
    await fire();
    await eventually(() => text('.page header')).toMatch(
      /PAGE · FIRING · NOBODY IS ON IT\s+Slow page loads\s+6 in one hour, limit 5 \(slow: over 3 s\)\s+For \d+ s since \d\d:\d\d:\d\d\s+Arrived after 0?\.?\d+/,
    );
    expect(await tab.title()).toBe('(1) On-call inbox');
    expect(await tab.locator('#calm').isVisible()).toBe(false);
    await eventually(() => text('.events')).toMatch(/Slow events in the last hour: 1\s+3\.42 s\s*\/clients\/:id/);
    expect(await tab.locator('.events a').getAttribute('href')).toBe(EVENT.trace_url);
    await fire({ status: 'resolved', endsAt: new Date().toISOString() });
    await eventually(() => text('.page header')).toContain('RESOLVED');
    expect(await text('#calm')).toContain('On-call can sleep.');
    expect(await tab.title()).toBe('On-call inbox');
    await tab.reload();
    await eventually(() => text('.filter')).toMatch(/Firing 0\s+All 1/);
    expect(await tab.locator('.page').count()).toBe(0);
  });

  it('is acknowledged by keyboard, remembers the name, and says who was first', async () => {
    await fire();
    await tab.goto(pager.url);
    await firstPage().waitFor();
    for (let presses = 0; presses < 10; presses++) {
      await tab.keyboard.press('Tab');
      if (await tab.locator('.acknowledge input:focus').count()) break;
    }
    await tab.keyboard.type('Kim');
    await tab.keyboard.press('Enter');
    await eventually(() => text('.acknowledged')).toMatch(/Acknowledged by Kim, 0 s ago\./);

    await fire({ fingerprint: 'second' });
    expect(await firstPage().locator('input').inputValue()).toBe('Kim');
    await pager.post('/api/pages/2/acknowledge', { name: 'Robin' });
    await eventually(() => text('.acknowledged')).toContain('Acknowledged by Robin');
    await firstPage().getByRole('button', { name: 'Take over' }).click();
    await firstPage().locator('form').getByRole('button', { name: 'Take over' }).click();
    await eventually(() => text('.acknowledged')).toContain('Acknowledged by Kim');
  });

  it('keeps what is being typed while other pages and repetitions arrive', async () => {
    await fire();
    await tab.goto(pager.url);
    await firstPage().locator('input').fill('Ki');
    await fire({ annotations: { value: '7' } });
    await fire({ fingerprint: 'second' });
    await eventually(() => tab.locator('.page').count()).toBe(2);
    await tab.keyboard.type('m');
    expect(await tab.locator('#page-1 input').inputValue()).toBe('Kim');
    expect(await text('#page-1 .count')).toContain('7 in one hour');
  });

  it('shows markup from alerts and runbooks as text', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    await fire({
      labels: { metric: evil, [evil]: evil },
      annotations: { summary: evil, description: `<script>alert(1)</script>` },
    });
    await tab.goto(pager.url);
    await firstPage().waitFor();
    await tab.getByText('Runbook: what to do').click();
    await eventually(() => text('.page .runbook')).toContain(evil);
    expect(await text('.summary-text')).toBe(evil);
    expect(await text('.description')).toBe('<script>alert(1)</script>');
    expect(await tab.locator('.page img, .page script').count()).toBe(0);
  });

  it('turns red when alerting is silent, and never says that on-call can sleep then', async () => {
    await watchdog();
    await tab.goto(pager.url);
    await eventually(() => text('#calm')).toContain('On-call can sleep');
    skew = 181_000;
    await eventually(() => tab.locator('#silence').isVisible()).toBe(true);
    expect(await text('#silence')).toMatch(
      /Alerting is silent\s+No sign of life since \d\d:\d\d\. Pages may not arrive\./,
    );
    expect(await text('#calm')).not.toContain('sleep');
    expect(await tab.title()).toBe('(!) On-call inbox');
    await watchdog();
    await eventually(() => tab.locator('#silence').isVisible()).toBe(false);
  });

  it('says from the start that nobody has called yet, and does not speak of an end of what never began', async () => {
    await tab.goto(pager.url);
    await eventually(() => text('#calm')).toContain('None can arrive yet.');
    expect(await text('#calm')).toContain('Alertmanager has not been heard yet.');
    expect(await text('#calm')).toContain('npm run status');
    expect(await tab.locator('#silence').isVisible()).toBe(false);
    skew = 181_000;
    await eventually(() => tab.locator('#silence').isVisible()).toBe(true);
    expect(await text('#silence')).toMatch(
      /not been heard yet\s+This inbox has listened since \d\d:\d\d, and Alertmanager has never called\. Until it does, pages cannot/,
    );
    expect(await tab.title()).toBe('(!) On-call inbox');
    await watchdog();
    await eventually(() => text('#calm')).toContain('On-call can sleep');
  });

  it('says that it is cut off, and catches up by itself', async () => {
    await watchdog();
    await tab.goto(pager.url);
    await eventually(() => text('#connection')).toBe('Live');
    await context.setOffline(true);
    pager.pager.server.closeAllConnections();
    await eventually(() => tab.locator('#offline').isVisible()).toBe(true);
    expect(await text('#calm')).not.toContain('sleep');
    await fire();
    await context.setOffline(false);
    await eventually(() => tab.locator('.page').count()).toBe(1);
    expect(await tab.locator('#offline').isVisible()).toBe(false);
  });

  it('opens the page that a link names, though it is over', async () => {
    await fire({ startsAt: '2026-11-22T03:00:00Z' });
    await fire({ startsAt: '2026-11-22T03:00:00Z', status: 'resolved' });
    await tab.goto(`${pager.url}/#1`);
    await eventually(() => tab.locator('#page-1 .more[open]').count()).toBe(1);
    expect(await text('#page-1')).toMatch(/Lasted 12 min/);
  });

  it('lists tickets apart, quietly', async () => {
    await watchdog();
    await fire({ labels: { alertname: 'SlowEventCountMismatch', severity: 'ticket' } });
    await tab.goto(pager.url);
    await eventually(() => text('#tickets')).toMatch(
      /Tickets can wait until the morning\s+Slow event count mismatch: page loads/,
    );
    expect(await tab.locator('.page').count()).toBe(0);
    expect(await tab.title()).toBe('On-call inbox');
    expect(await text('#calm')).toContain('On-call can sleep');
  });

  it('leads to the dashboard at the time of the page, in one click', async () => {
    await fire({ annotations: { dashboard_url: 'http://localhost:3000/d/slow-events?from=now-1h&to=now' } });
    await tab.goto(pager.url);
    const link = firstPage().getByRole('link', { name: 'Dashboard: where to look' });
    await link.waitFor();
    const url = new URL((await link.getAttribute('href'))!);
    expect(url.pathname).toBe('/d/slow-events');
    expect(Number(url.searchParams.get('from'))).toBeGreaterThan(0);
    expect(url.searchParams.get('to')).toBe('now');
  });

  it('fits a phone', async () => {
    await fire({ labels: { long: 'x'.repeat(400) } });
    await tab.setViewportSize({ width: 320, height: 640 });
    await tab.goto(pager.url);
    await firstPage().waitFor();
    const widest = () =>
      Math.max(...[...document.querySelectorAll('body *')].map((element) => element.getBoundingClientRect().right));
    expect(await tab.evaluate(widest)).toBeLessThanOrEqual(320);
  });
});
