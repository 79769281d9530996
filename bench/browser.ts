/** What the telemetry costs in the browser: bytes, and what the clinic's own page feels of it on a slow processor. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import type { Plugin, Rolldown } from 'vite';
import { telemetryBytes } from '../instrumentation/src/browser/bundle-size.ts';
import { openBrowser } from '../stack/browser.ts';
import { median, paired, significant } from './statistics.ts';

export interface BrowserResult {
  /** ISO 8601. */
  readonly at: string;
  readonly browser: string;
  /** Gzipped bytes: what runs before the app, that and the rest that is loaded at once, and what comes later. */
  readonly bytes: { readonly early: number; readonly eager: number; readonly lazy: number };
  /** How many times slower than this machine the processor is made. */
  readonly throttle: number;
  readonly rounds: number;
  readonly without: PageCost;
  readonly with: PageCost;
  /** Median over the rounds of "with telemetry" by "without". */
  readonly lcpRatio: number;
  /** Median over the rounds of "with" minus "without", milliseconds. */
  readonly lcpAddedMs: number;
  readonly longTaskAddedMs: number;
}

/** Medians, milliseconds. */
export interface PageCost {
  readonly lcpMs: number;
  /** All long tasks together within {@link OBSERVED_MS} of the load. */
  readonly longTaskMs: number;
  readonly longTasks: number;
}

export interface BrowserBenchmarkOptions {
  /** Each loads the page once with and once without. */
  readonly rounds: number;
}

const THROTTLE = 4;
const OBSERVED_MS = 4_000;
const WEB = fileURLToPath(new URL('../services/clinic-web', import.meta.url));
const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };

/** In the place of the library: the same names, which do nothing. */
const NOTHING = `export const scheduleTelemetry = () => {};
export const clearTelemetry = () => {};
export const usePageLoad = () => {};
export const usePerformanceTracking = () => ({ trackAction: (_name, action) => action() });`;

const withoutTelemetry: Plugin = {
  name: 'without-telemetry',
  enforce: 'pre',
  resolveId: (id) => (/^@clinic\/instrumentation\/(browser\/(early|schedule)|react)$/.test(id) ? '\0nothing' : null),
  load: (id) => (id === '\0nothing' ? NOTHING : null),
};

type Files = ReadonlyMap<string, string | Uint8Array>;

async function buildPages(plugins: readonly Plugin[]): Promise<Files> {
  const { build } = await import('vite');
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production'; // Vite prefers it to `mode`
  const { output } = (await build({
    root: WEB,
    mode: 'production',
    logLevel: 'silent',
    plugins: [...plugins],
    build: { write: false },
  }).finally(() => {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  })) as Rolldown.RolldownOutput;
  return new Map(output.map((file) => [`/${file.fileName}`, file.type === 'chunk' ? file.code : file.source]));
}

/** Serves the sign-in page, which asks the API for nothing. */
async function serve(files: Files): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((req, res) => {
    if (req.url === '/telemetry') {
      req.resume().on('end', () => res.writeHead(204).end());
      return;
    }
    const name = files.has(req.url ?? '') ? req.url! : '/index.html';
    res
      .writeHead(200, {
        'content-type': TYPES[name.split('.').at(-1)!] ?? 'text/html',
        'cache-control': name === '/index.html' ? 'no-store' : 'max-age=60',
      })
      .end(files.get(name));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sign-in`,
    close: () => void server.close().closeAllConnections(),
  };
}

/** Loads the page in a context of its own, and waits as long as its telemetry takes to start. */
async function load(browser: Browser, url: string): Promise<PageCost> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
    await page.addInitScript(() => {
      const seen = { lcp: 0, long: [] as number[] };
      Object.assign(window, { seen });
      new PerformanceObserver((list) => {
        seen.lcp = list.getEntries().at(-1)!.startTime;
      }).observe({ type: 'largest-contentful-paint', buffered: true });
      new PerformanceObserver((list) => {
        seen.long.push(...list.getEntries().map(({ duration }) => duration));
      }).observe({ type: 'longtask', buffered: true });
    });
    await page.goto(url, { waitUntil: 'load' });
    await page.waitForTimeout(OBSERVED_MS);
    const { lcp, long } = await page.evaluate(
      () => (window as unknown as { seen: { lcp: number; long: number[] } }).seen,
    );
    return { lcpMs: lcp, longTaskMs: long.reduce((sum, ms) => sum + ms, 0), longTasks: long.length };
  } finally {
    await context.close();
  }
}

const middle = (rows: readonly PageCost[]): PageCost => ({
  lcpMs: significant(median(rows.map(({ lcpMs }) => lcpMs))),
  longTaskMs: significant(median(rows.map(({ longTaskMs }) => longTaskMs))),
  longTasks: median(rows.map(({ longTasks }) => longTasks)),
});

/** Loads the page with and without telemetry in turns, the order reversed each round; about ten seconds a round. */
export async function benchmarkBrowser({ rounds }: BrowserBenchmarkOptions): Promise<BrowserResult> {
  const bytes = await telemetryBytes();
  const sites = {
    without: await serve(await buildPages([withoutTelemetry])),
    with: await serve(await buildPages([])),
  };
  const browser = await openBrowser();
  try {
    for (const { url } of Object.values(sites)) await load(browser, url); // compiled code, warm disks
    const rows = { without: [] as PageCost[], with: [] as PageCost[] };
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 ? (['with', 'without'] as const) : (['without', 'with'] as const);
      for (const name of order) rows[name].push(await load(browser, sites[name].url));
    }
    return {
      at: new Date().toISOString(),
      browser: `Chromium ${browser.version()}`,
      bytes,
      throttle: THROTTLE,
      rounds,
      without: middle(rows.without),
      with: middle(rows.with),
      lcpRatio: significant(paired(rows.with, rows.without, (row, base) => row.lcpMs / base.lcpMs)),
      lcpAddedMs: significant(paired(rows.with, rows.without, (row, base) => row.lcpMs - base.lcpMs)),
      longTaskAddedMs: significant(paired(rows.with, rows.without, (row, base) => row.longTaskMs - base.longTaskMs)),
    };
  } finally {
    await browser.close();
    for (const site of Object.values(sites)) site.close();
  }
}
