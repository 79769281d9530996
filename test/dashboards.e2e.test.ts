/** Every dashboard in a real browser, over a week of a clinic in a real Prometheus, with traces in a real Tempo. */
// @needs tempo dashboards
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findingText, panelsOf, readDashboards } from '../grafana/check/dashboard.ts';
import { queryFindings } from '../grafana/check/queries.ts';
import { type OpenedDashboard, openDashboard, settled } from '../preview/src/check/open-dashboard.ts';
import { createPreview } from '../preview/src/server/preview.ts';
import { type FixturePrometheus, startFixturePrometheus } from '../prometheus/fixtures/fixture-prometheus.ts';
import { writeFixtureWeek } from '../prometheus/fixtures/fixture-week.ts';
import { writeSlowTraces } from '../prometheus/fixtures/slow-traces.ts';
import { openBrowser } from '../stack/browser.ts';
import { eventually } from './eventually.ts';
import { freshStack, ROOT, type StackUnderTest } from './stack-under-test.ts';

const FOLDER = join(ROOT, 'grafana/dashboards');
const dashboards = readDashboards(FOLDER);
const HOUR = 3600;
const RANGES = { '1 h': HOUR, '24 h': 24 * HOUR, '7 d': 7 * 24 * HOUR } as const;

let folder: string;
let end: number;
let prometheus: FixturePrometheus;
let tempo: StackUnderTest;
let preview: ReturnType<typeof createPreview>;
let base: string;
let browser: Browser;
const tempoUrl = () => `http://127.0.0.1:${tempo.stack.port(3200)}`;
const rows: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clinic-week-'));
  [{ end }, tempo, browser] = await Promise.all([
    writeFixtureWeek(folder),
    freshStack({ services: ['tempo'] }),
    openBrowser(),
  ]);
  prometheus = await startFixturePrometheus(folder);
  await writeSlowTraces({ otlp: `http://127.0.0.1:${tempo.stack.port(14318)}`, end, random: randomBytes });
  preview = createPreview({
    app: join(ROOT, 'preview/dist'),
    dashboards: FOLDER,
    urls: { prometheus: prometheus.url, tempo: tempoUrl() },
    log: console.log,
  });
  base = `http://127.0.0.1:${await listenOn(preview.server, { host: '127.0.0.1', port: 0 })}`;
  const search = `${tempoUrl()}/api/search?q=${encodeURIComponent('{ name = "page_load" && duration > 3s }')}`;
  const found = async () => ((await (await fetch(search)).json()) as { traces?: unknown[] }).traces?.length ?? 0;
  await eventually(async () => (await found()) > 0, { within: 30_000, what: 'slow traces in a search' });
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await preview?.close();
  await prometheus?.stop();
  await tempo?.stop();
  rmSync(folder, { recursive: true, force: true });
  console.log(`dashboard: first panel, all panels\n${rows.join('\n')}`);
});

test('every query of every dashboard has an answer', async () => {
  const { findings, queries } = await queryFindings(dashboards, {
    ...{ prometheus: prometheus.url, tempo: tempoUrl(), at: end, lookBack: 24 * HOUR },
  });
  expect(findings.map(findingText)).toEqual([]);
  expect(queries).toBeGreaterThan(150);
});

test('a query that asks for nothing, for what is not there, or wrongly, is found', async () => {
  const [home] = dashboards.filter(({ uid }) => uid === 'home');
  const panel = panelsOf(home!).find(({ title }) => title === 'Requests')!;
  const problem = async (expr: string) => {
    const changed = { ...home!, panels: [{ ...panel, targets: [{ refId: 'A', expr, range: true }] }] };
    const nothing = { ...changed, annotations: { list: [] }, templating: { list: [] } };
    const { findings } = await queryFindings([nothing], { prometheus: prometheus.url, tempo: tempoUrl(), at: end });
    return findings.map(({ problem }) => problem);
  };
  expect(await problem('sum(rate(http_requests_total[5m]))')).toEqual([
    'this Prometheus has no metric http_requests_total',
  ]);
  expect(await problem('sum by (code) (up)')).toEqual(['in this Prometheus none of its metrics has the label code']);
  expect(await problem('up{job="nobody"}')).toEqual(['the answer is empty']);
  expect(await problem('0 / (up * 0)')).toEqual(['the answer is empty']);
  expect(await problem('rate(up)')).toEqual([
    expect.stringMatching(/^the server refuses it: .*expected type range vector/),
  ]);
});

/** A page of its own, so that nothing of another dashboard is left. */
async function withPage(theme: 'dark' | 'light', use: (page: Page, foreign: string[]) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, colorScheme: theme });
  try {
    const page = await context.newPage();
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== base) troubles.push(request.url());
    });
    await use(page, troubles);
    expect(troubles).toEqual([]);
  } finally {
    await context.close();
  }
}

const range = (seconds: number) => ({ from: String((end - seconds) * 1000), to: String(end * 1000) });
/** A heading whose text is longer than its place, which a person sees as an ellipsis. */
const clipped = (page: Page) =>
  page
    .locator('[data-viz-panel-key] h2')
    .evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent));

/** Both themes at the range where a dashboard is most often looked at, and each range once. */
const COMBINATIONS = [
  ['7 d', 'dark'],
  ['24 h', 'light'],
  ['1 h', 'dark'],
] as const;
const cases = COMBINATIONS.flatMap(([name, theme]) => dashboards.map(({ uid }) => [uid, name, theme] as const));

test.each(cases)('%s over %s, %s: every panel is drawn', async (uid, name, theme) => {
  const dashboard = dashboards.find((one) => one.uid === uid)!;
  await withPage(theme, async (page) => {
    const opened: OpenedDashboard = await openDashboard(page, {
      ...{ baseUrl: base, uid, theme, withinMs: 60_000 },
      ...range(RANGES[name]),
    });
    rows.push(`${uid} ${name} ${theme}: ${opened.firstPanelMs} ms, ${opened.allPanelsMs} ms`);
    await page.setViewportSize({ width: 1600, height: opened.height });
    const panels = await settled(page, 60_000);
    expect(panels).toHaveLength(panelsOf(dashboard).length);
    const declared = new Map(
      panelsOf(dashboard).map(({ title, fieldConfig }) => [title, fieldConfig?.defaults.noValue]),
    );
    const bad = panels.filter(({ state, drawn, title, message }) => {
      if (state === 'data') return !drawn;
      // What may be empty says so in its own words.
      return (
        state !== 'empty' || declared.get(title) === undefined || !['no values', declared.get(title)].includes(message)
      );
    });
    expect(bad).toEqual([]);
    const empty = panels.filter(({ state }) => state === 'empty').map(({ title }) => title);
    expect(empty.length, `empty: ${empty.join(', ')}`).toBeLessThanOrEqual(3);
    expect(await page.getByText('No data', { exact: true }).count()).toBe(0);
    expect(await clipped(page)).toEqual([]);
  });
});

test('from a slow page load on Performance to its trace in one click', async () => {
  await withPage('dark', async (page) => {
    await openDashboard(page, { baseUrl: base, uid: 'performance', ...range(HOUR), withinMs: 60_000 });
    const panel = page.locator('[data-viz-panel-key]', {
      has: page.getByRole('heading', { name: 'Slow page loads', exact: true }),
    });
    await panel.scrollIntoViewIfNeeded();
    await panel.getByRole('link').first().click();
    await page.waitForURL('**/trace/*');
    await page.locator('.waterfall').waitFor();
  });
});
