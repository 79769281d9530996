/** The viewer of dashboards that stands where Grafana cannot run, in a real browser, over real Prometheus and Tempo. */
// @needs prometheus tempo dashboards
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type OpenDashboardOptions, openDashboard, settled } from '../preview/src/check/open-dashboard.ts';
import type { PanelReport } from '../preview/src/check/panel-report.ts';
import { openBrowser } from '../stack/browser.ts';
import { eventually } from './eventually.ts';
import { type PreviewDashboard, writePreviewDashboards } from './preview-dashboards.ts';
import { type PreviewData, writePreviewData } from './preview-data.ts';
import { freshStack, type StackUnderTest } from './stack-under-test.ts';

const WITHIN_MS = 30_000;

let stack: StackUnderTest;
let dashboards: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let data: PreviewData;
let base: string;
/** What the pages asked of another host, and what their code threw. */
let foreign: string[];
let thrown: string[];

beforeAll(async () => {
  dashboards = mkdtempSync(join(tmpdir(), 'clinic-dashboards-'));
  writePreviewDashboards(dashboards);
  const environment = { grafana: { DASHBOARDS: dashboards } };
  [stack, browser] = await Promise.all([
    freshStack({ services: ['grafana', 'prometheus', 'tempo'], environment }),
    openBrowser(),
  ]);
  base = stack.stack.url('grafana');
  const url = (port: number) => `http://127.0.0.1:${stack.stack.port(port)}`;
  data = await writePreviewData({ prometheus: url(9090), tempo: url(14318) });
  const found = async () =>
    (await fetch(`${url(3200)}/api/search?q=${encodeURIComponent('{ duration > 1s }')}`)).json();
  await eventually(async () => ((await found()) as { traces?: unknown[] }).traces?.length === 1, {
    within: WITHIN_MS,
    what: 'the trace in a search',
  });
});

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  rmSync(dashboards, { recursive: true, force: true });
});

beforeEach(async () => {
  [foreign, thrown] = [[], []];
  context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, colorScheme: 'dark' });
  page = await context.newPage();
  page.setDefaultTimeout(WITHIN_MS);
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== base) foreign.push(request.url());
  });
  page.on('pageerror', (error) => thrown.push(String(error)));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) thrown.push(message.text());
  });
});

afterEach(async () => {
  await context.close();
  expect(foreign).toEqual([]);
  expect(thrown).toEqual([]);
});

/** Half an hour that ends with the data. */
const range = () => ({ from: String((data.to - 1800) * 1000), to: String(data.to * 1000) });
const open = (uid: PreviewDashboard, options: Partial<OpenDashboardOptions> = {}) =>
  openDashboard(page, { baseUrl: base, uid, ...range(), ...options });
const panel = (title: string) =>
  page.locator('[data-viz-panel-key]', { has: page.getByRole('heading', { name: title, exact: true }) });
const named = (panels: readonly PanelReport[], title: string) => panels.find((one) => one.title === title);

/** How many different colours a canvas shows, of every 16th pixel. */
const colors = (title: string) =>
  panel(title)
    .locator('canvas')
    .first()
    .evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const pixels = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height).data;
      const found = new Set<string>();
      for (let at = 0; at < pixels.length; at += 64) found.add(pixels.subarray(at, at + 4).join());
      return found.size;
    });

test.each(['dark', 'light'] as const)('every panel type is drawn, %s', async (theme) => {
  const { panels } = await open('every-type', { theme });
  expect(panels).toHaveLength(16);
  expect(panels.filter(({ state, drawn }) => state !== 'data' || !drawn)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(theme);
  const brightness = await page.evaluate(() =>
    getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number),
  );
  expect(brightness[0]! > 128).toBe(theme === 'light');
  for (const title of ['Duration, with exemplars', 'Durations']) {
    await eventually(async () => (await colors(title)) > 3, { within: WITHIN_MS, what: `${title} in colours` });
  }
  expect(await panel('Share under a second').innerText()).toMatch(/9\d(\.\d+)?%/);
  expect(await panel('Database').locator('svg[role=img]').textContent()).toMatch(/healthy[\s\S]*down/);
  await expect.poll(() => panel('Routes').innerText(), { timeout: WITHIN_MS }).toMatch(/Route\s+Requests\s+p95/);
  expect(await panel('What fires').innerText()).toMatch(/Watchdog/);
});

test('exemplars are diamonds at their value and lead to the trace; events are drawn', async () => {
  await open('every-type');
  const diamonds = panel('Duration, with exemplars').locator('[data-exemplar]');
  await expect.poll(() => diamonds.count(), { timeout: WITHIN_MS }).toBeGreaterThan(8);
  const tops = await diamonds.evaluateAll((all) => all.map((one) => Number.parseFloat((one as HTMLElement).style.top)));
  expect(Math.max(...tops) - Math.min(...tops)).toBeGreaterThan(20);
  expect(await panel('Duration, with exemplars').locator('[data-event]').count()).toBe(1);
  expect(await panel('Events').innerText()).toContain('Unhealthy: database');
  await diamonds.first().click();
  await page.waitForURL(`${base}/trace/${data.traceId}`);
  await page.locator('.waterfall').waitFor();
});

test('variables are asked of Prometheus, chosen by address, and in every query', async () => {
  const { panels } = await open('every-type', { variables: { route: ['/api/clients'] } });
  expect(named(panels, 'Rate of /api/clients')?.state).toBe('data');
  expect(await panel('Rate of /api/clients').innerText()).not.toContain('/api/appointments');
  expect(await panel('Shares').innerText()).not.toContain('/api/appointments');
});

test('dragging over a graph zooms, in the address and in every panel', async () => {
  await open('every-type');
  const box = (await panel('Rate of All').locator('.u-over').boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 6 });
  await page.mouse.up();
  const zoomed = () => {
    const search = new URL(page.url()).searchParams;
    return (
      (Date.parse(search.get('to') ?? '') || Number(search.get('to'))) -
      (Date.parse(search.get('from') ?? '') || Number(search.get('from')))
    );
  };
  await expect.poll(zoomed, { timeout: WITHIN_MS }).toBeLessThan(700_000);
  const panels = await settled(page);
  expect(named(panels, 'Duration, with exemplars')?.values).toBeLessThan(500);
});

test('what cannot be shown says why, and the rest lives', async () => {
  const { panels } = await open('broken');
  expect(Object.fromEntries(panels.map(({ title, state }) => [title, state]))).toEqual({
    'Not PromQL': 'error',
    'Nothing there': 'empty',
    'Unknown type': 'error',
    'Unknown transformation': 'error',
    'Half of it': 'error',
    'Repeated /api/appointments': 'data',
    'Repeated /api/clients': 'data',
    'Repeated /api/clients/:id': 'data',
  });
  expect(await panel('Not PromQL').innerText()).toContain('parse error: unexpected end of input');
  expect(await panel('Unknown type').innerText()).toContain('cannot draw panels of the type "geomap"');
  expect(await panel('Unknown transformation').innerText()).toContain('without the transformation joinByLabels');
  expect(await panel('Half of it').locator('canvas').count()).toBe(1);
});

test('home is the dashboard of that name; the list is searched and leads on without a new page', async () => {
  await page.goto(base);
  await page.waitForURL('**/d/home/home**');
  await page.evaluate(() => Object.assign(window, { samePage: true }));
  await page.getByRole('link', { name: 'Dashboards' }).click();
  await page.getByRole('searchbox').fill('performance');
  await expect.poll(() => page.locator('.dashboard-list a').allInnerTexts()).toEqual(['Every type']);
  await page.getByRole('link', { name: 'Every type' }).click();
  await page.waitForURL('**/d/every-type/every-type**');
  await panel('Rate').waitFor();
  await page.getByRole('link', { name: 'Broken' }).click();
  await page.waitForURL('**/d/broken**');
  expect(new URL(page.url()).searchParams.get('var-route')).toBe('$__all');
  expect(await page.evaluate(() => 'samePage' in window)).toBe(true);
});

test('Explore completes, asks, remembers, and marks what Prometheus cannot read', async () => {
  await page.goto(`${base}/explore`);
  const editor = page.locator('.cm-content');
  await editor.click();
  await page.keyboard.type('http_server_req');
  await page.locator('.cm-tooltip-autocomplete', { hasText: 'http_server_request_duration_seconds_bucket' }).waitFor();
  await page.keyboard.press('Escape');

  const ask = async (query: string) => {
    await editor.click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.insertText(query);
    await page.keyboard.press('Escape');
    await page.keyboard.press('ControlOrMeta+Enter');
  };
  await ask('sum(rate(up[5m])');
  await page.getByText('Prometheus cannot read the query at character 17').waitFor();
  await page.locator('.cm-lintRange-error').first().waitFor();
  await ask('up');
  await page.locator('[data-viz-panel-key=explore-graph] canvas').waitFor();
  await page.locator('[data-viz-panel-key=explore-table] [role=grid]').waitFor();
  expect(await page.getByText('cannot read').count()).toBe(0);

  const shared = page.url();
  expect(shared).toContain('panes=');
  await page.goto(`${base}/dashboards`);
  await page.goto(shared);
  await expect.poll(() => editor.innerText()).toBe('up');
  await page.getByText('History (2)').click();
  await page.getByRole('button', { name: 'sum(rate(up[5m])' }).click();
  await page.getByText('Prometheus cannot read').waitFor();
});

test('TraceQL finds the trace; its waterfall leads to the slow span and to its metrics', async () => {
  await page.goto(`${base}/explore`);
  await page.getByRole('radio', { name: 'Traces: TraceQL' }).click({ force: true });
  await page.getByRole('button', { name: '{ duration > 1s }', exact: true }).click();
  await page.getByRole('link', { name: data.traceId.slice(0, 16) }).click();
  await page.waitForURL(`**/trace/${data.traceId}**`);
  await expect.poll(() => page.locator('.waterfall li').count()).toBe(5);
  expect(await page.locator('.waterfall .failed').count()).toBe(1);
  await page.getByRole('button', { name: /Jump to the slow span: SELECT clients/ }).click();
  expect(await page.locator('.waterfall li.selected').innerText()).toContain('SELECT clients');

  await page.getByRole('button', { name: 'clinic-api GET /api/clients/:id', exact: true }).click();
  await page.getByRole('link', { name: 'Requests per second' }).click();
  await page.waitForURL('**/explore?**');
  expect(decodeURIComponent(page.url()).replaceAll('+', ' ')).toContain('http_route=\\"/api/clients/:id\\"');
});

test('bad TraceQL and an unknown trace are answered with a reason', async () => {
  const panes = { a: { datasource: 'tempo', queries: [{ query: '{ nonsense', datasource: { type: 'tempo' } }] } };
  await page.goto(`${base}/explore?panes=${encodeURIComponent(JSON.stringify(panes))}`);
  await expect.poll(() => page.getByRole('alert').innerText(), { timeout: WITHIN_MS }).toMatch(/parse error/);
  await page.goto(`${base}/trace/00000000000000000000000000000001`);
  await expect
    .poll(() => page.getByRole('alert').innerText(), { timeout: WITHIN_MS })
    .toContain('Tempo has no trace with this id');
});

test('without Prometheus the panels say so, and come back by themselves', async () => {
  await page.goto(`${base}/d/home?refresh=5s&from=now-5m&to=now`);
  await eventually(async () => (await settled(page)).every(({ state }) => state === 'data'), {
    within: WITHIN_MS,
    what: 'data',
  });
  await stack.stack.stopService('prometheus');
  await expect.poll(() => panel('Up').innerText(), { timeout: WITHIN_MS }).toContain('Prometheus is not running');
  await stack.stack.startService('prometheus');
  await expect.poll(() => panel('Up').innerText(), { timeout: WITHIN_MS }).not.toContain('is not running');
  await eventually(async () => (await settled(page)).every(({ state }) => state === 'data'), {
    within: WITHIN_MS,
    what: 'data again',
  });
});

test.each([
  ['is down', 'Tempo is not running', () => stack.stack.stopService('tempo'), () => stack.stack.startService('tempo')],
  [
    'hangs',
    'Tempo does not answer (no answer within 8 s)',
    () => stack.stack.kill('tempo', 'SIGSTOP'),
    () => stack.stack.kill('tempo', 'SIGCONT'),
  ],
] as const)('when Tempo %s its panels say so, the others live, and all come back', async (_, why, harm, mend) => {
  const found = { timeout: WITHIN_MS, interval: 500 };
  // A refresh gives up what was asked before it: panels can only say something in between.
  await page.goto(`${base}/d/every-type?refresh=10s&from=now-1h&to=now`);
  await panel('Slow traces').scrollIntoViewIfNeeded();
  await expect.poll(() => panel('Slow traces').innerText(), found).toContain(data.traceId.slice(0, 8));
  await harm();
  try {
    await expect.poll(() => panel('Slow traces').innerText(), found).toContain(why);
    const failed = (await settled(page)).filter(({ state }) => state === 'error');
    expect(failed.map(({ title }) => title)).toEqual(['Slow traces']);
  } finally {
    await mend();
  }
  await expect.poll(() => panel('Slow traces').innerText(), found).toContain(data.traceId.slice(0, 8));
});
