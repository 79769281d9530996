/** Each page in a real browser, against its budget: what people wait for, as the web app itself measures it. */
import { readFileSync } from 'node:fs';
import { PAGE_BASELINES } from '@clinic/catalogue/baselines';
import { METRICS } from '@clinic/catalogue/limits';
import { API_ROUTES, PAGE_ROUTES } from '@clinic/catalogue/routes';
import { batchReader } from '@clinic/instrumentation/node/browser-batch';
import type { Page } from 'playwright-core';
import { openBrowser } from '../stack/browser.ts';
import { type Machine, machine } from './machine.ts';
import { asFarAsKnown, keptUrl } from './observations.ts';
import type { Verdict } from './result.ts';
import { ascending, quantile } from './statistics.ts';
import { milliseconds } from './summary.ts';
import { refuseUnhealthy, type Target, TargetError } from './target.ts';

type Route = keyof typeof PAGE_BASELINES;

/** Durations in milliseconds. */
export interface PageResult {
  readonly route: Route;
  readonly limit: number;
  readonly loads: readonly number[];
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** Of the slowest load; its link when Tempo has it. */
  readonly trace: string;
  readonly url?: string;
}

export interface JourneyResult {
  readonly format: 1;
  readonly scenario: 'browser-journey';
  readonly verdict: Verdict;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly browser: string;
  readonly target: string;
  readonly pages: readonly PageResult[];
  readonly remarks: readonly string[];
}

export interface JourneyOptions {
  readonly target: Target;
  /** Loads of each page. */
  readonly rounds?: number;
  status(line: string): void;
  /** Aborting it closes the browser; the journey then rejects. */
  readonly signal?: AbortSignal;
}

const EMAIL = 'clinician@clinic.example';
const REPORTED_WITHIN_MS = 20_000;
/** A page sends every two seconds; what it sends while it is left goes without the context's headers. */
const SENT_AFTER_MS = 3_000;

interface Load {
  readonly route: string;
  readonly ms: number;
  readonly trace: string;
}

/** The page loads that the web app reports, as they arrive. */
function reportedLoads(page: Page) {
  const read = batchReader({ pages: PAGE_ROUTES, api: API_ROUTES, metrics: METRICS });
  const waiting = new Set<(load: Load) => void>();
  page.on('request', (request) => {
    if (!request.url().endsWith('/telemetry')) return;
    for (const item of read(request.postData() ?? '')?.items ?? []) {
      if (item?.k !== 'l') continue;
      for (const tell of waiting) tell({ route: item.p, ms: item.v, trace: item.i });
    }
  });
  return (route: Route) =>
    new Promise<Load>((resolve, reject) => {
      const tell = (load: Load) => {
        if (load.route !== route) return;
        waiting.delete(tell);
        clearTimeout(timer);
        resolve(load);
      };
      const timer = setTimeout(() => {
        waiting.delete(tell);
        reject(new TargetError(`The page ${route} did not report its load within ${REPORTED_WITHIN_MS / 1000} s.`));
      }, REPORTED_WITHIN_MS);
      waiting.add(tell);
    });
}

export async function browserJourney({ target, rounds = 12, status, signal }: JourneyOptions): Promise<JourneyResult> {
  await refuseUnhealthy(target);
  const startedAt = new Date().toISOString();
  const browser = await openBrowser(signal);
  const loads = new Map<Route, Load[]>();
  try {
    // Each request of the page, its telemetry too, says that nobody waits for it.
    const context = await browser.newContext({ extraHTTPHeaders: { 'x-synthetic': '1' } });
    const page = await context.newPage();
    const loaded = reportedLoads(page);
    await page.goto(`${target.clinic}/sign-in`);
    await page.locator('input[type=email], input[name=email]').fill(EMAIL);
    await page.locator('input[type=password]').fill(readFileSync(target.passwordFile, 'utf8').trim());
    await page.locator('button[type=submit]').click();
    await page.waitForURL((url) => url.pathname !== '/sign-in');
    await page.waitForTimeout(SENT_AFTER_MS);
    await page.goto(`${target.clinic}/clients`);
    const chart = await page.locator('a[href^="/clients/"]').first().getAttribute('href');
    await page.waitForTimeout(SENT_AFTER_MS);
    if (!chart) throw new TargetError('The list of clients is empty. Start with fresh data: npm start -- --fresh');
    // A first visit each time: what the browser has kept would flatter the page.
    const session = await context.newCDPSession(page);
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });

    const routes = Object.keys(PAGE_BASELINES) as Route[];
    for (let round = 0; round <= rounds; round++) {
      for (const route of routes) {
        status(`round ${round} of ${rounds}: ${route}`);
        const load = loaded(route);
        await Promise.all([load, page.goto(`${target.clinic}${route === '/clients/:id' ? chart : route}`)]);
        // The first round warms up the server.
        if (round > 0) loads.set(route, [...(loads.get(route) ?? []), await load]);
      }
    }
    const version = browser.version();
    await context.close();
    const remarks: string[] = [];
    const known = asFarAsKnown(remarks);
    const pages = await Promise.all([...loads].map(([route, each]) => pageResult(target, route, each, known)));
    return {
      format: 1,
      scenario: 'browser-journey',
      verdict: pages.every(({ p95, limit }) => p95 < limit) ? 'passed' : 'failed',
      startedAt,
      machine: machine(),
      browser: `Chromium ${version}`,
      target: target.clinic,
      pages,
      remarks,
    };
  } finally {
    await browser.close();
  }
}

async function pageResult(
  { tempo }: Target,
  route: Route,
  loads: readonly Load[],
  known: ReturnType<typeof asFarAsKnown>,
): Promise<PageResult> {
  const slowest = loads.toSorted((a, b) => b.ms - a.ms)[0]!;
  const sorted = ascending(loads.map(({ ms }) => ms));
  const url = tempo && (await known(keptUrl(tempo, slowest.trace)));
  return {
    route,
    limit: PAGE_BASELINES[route],
    loads: sorted,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    max: slowest.ms,
    trace: slowest.trace,
    ...(url && { url }),
  };
}

export const journeySummary = ({ verdict, pages, browser, remarks }: JourneyResult): string =>
  [
    `${verdict.toUpperCase()}  browser-journey: each page ${pages[0]?.loads.length ?? 0} times in ${browser}, nothing cached`,
    ...pages.map(
      ({ route, p50, p95, limit, url, trace }) =>
        `  ${p95 < limit ? 'ok  ' : 'MISS'}  ${route.padEnd(14)} p50 ${milliseconds(p50)}, p95 ${milliseconds(p95)} of ${limit} ms; slowest: ${url ?? `trace ${trace}: not kept`}`,
    ),
    ...remarks.map((remark) => `  Note: ${remark}`),
  ].join('\n');
