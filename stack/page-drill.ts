/** `npm run ops:page-drill`: six slow page loads in a real browser, and the page that the sixth one causes. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS, TOLERATED_SLOW_EVENTS, WINDOW_MS } from '@clinic/catalogue/limits';
import type { Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { read, UsageError } from './commands.mjs';

const METRIC = 'page_load';
const DELAY_MS = LIMITS[METRIC] + 150;
const EMAIL = 'clinician@clinic.example';

export interface DrillTarget {
  /** Base URLs. */
  readonly clinic: string;
  readonly clinicManagement: string;
  readonly recorder: string;
  readonly pager: string;
  readonly password: string;
}

export interface DrillResult {
  /** From the end of the sixth slow page load to the page in the inbox, in milliseconds. */
  readonly timeToPageMs: number;
  readonly pageId: string;
}

interface RecordedEvent {
  readonly uid: string;
  readonly duration_ms: number;
  readonly trace_id: string | null;
  readonly recorded_at: string;
}

interface InboxPage {
  readonly id: string;
  readonly alertname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'firing' | 'resolved';
  readonly received_at: string;
}

/** What stops a drill; the message says what to do. */
export class DrillError extends Error {
  override readonly name = 'DrillError';
}

async function json<Body>(url: string): Promise<Body> {
  const response = await fetch(url).catch(() => {
    throw new DrillError(`Nothing answers at ${new URL(url).origin}. Start the stack first: npm start`);
  });
  if (!response.ok) throw new DrillError(`${url} answered ${response.status}. Look at: npm run status`);
  return (await response.json()) as Body;
}

const recorded = ({ recorder }: DrillTarget) =>
  json<RecordedEvent[]>(`${recorder}/api/slow-events?metric=${METRIC}&since=1h&limit=100`);

async function firingPage({ pager }: DrillTarget): Promise<InboxPage | undefined> {
  const pages = await json<InboxPage[]>(`${pager}/api/pages?status=firing`);
  return pages.find(({ alertname, labels }) => alertname === 'SlowEvents' && labels.metric === METRIC);
}

async function setDelay({ clinicManagement }: DrillTarget, pageMs: number): Promise<void> {
  const response = await fetch(`${clinicManagement}/delay`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ page_ms: pageMs }),
  });
  if (response.status === 404)
    throw new DrillError(
      'This clinic runs in production mode, where no delay can be switched on. Drill in a development stack.',
    );
  if (!response.ok) throw new DrillError(`The clinic did not take the delay: it answered ${response.status}.`);
}

/** Signs in and opens the first client's chart; resolves with the chart's URL. */
export async function openChart(
  page: Page,
  { clinic, password }: Pick<DrillTarget, 'clinic' | 'password'>,
): Promise<string> {
  await page.goto(`${clinic}/sign-in`);
  await page.getByLabel(/e-?mail/i).fill(EMAIL);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Clients', exact: true }).click();
  await page.waitForURL('**/clients');
  await page.locator('a[href^="/clients/"]').first().click();
  await page.waitForURL('**/clients/*');
  await page
    .getByRole('heading', { name: /appointments/i })
    .first()
    .waitFor();
  return page.url();
}

/** Runs the drill against a running stack and tells it step by step. Leaves the delay switched off. */
export async function pageDrill(target: DrillTarget, log: (line: string) => void): Promise<DrillResult> {
  const before = await recorded(target);
  const open = await firingPage(target);
  if (open) {
    const until = new Date(Date.parse(before.at(-1)?.recorded_at ?? open.received_at) + WINDOW_MS);
    throw new DrillError(
      `${METRIC} pages already, since ${open.received_at}. It ends when old events leave the window, from ${until.toISOString()} on. For a drill now: npm start -- --fresh`,
    );
  }
  const needed = TOLERATED_SLOW_EVENTS + 1 - before.length;
  if (before.length > 0)
    log(
      `The last hour already holds ${before.length} slow page load${before.length === 1 ? '' : 's'}: ${needed} more will page.`,
    );

  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const chart = await openChart(page, target);
    await setDelay(target, DELAY_MS);
    log(`The clinic now answers each page ${DELAY_MS} ms late (limit ${LIMITS[METRIC]} ms).`);

    const seen = new Set((await recorded(target)).map(({ uid }) => uid));
    for (let number = seen.size + 1; ; number++) {
      await page.goto(chart);
      const event = await nextEvent(target, seen);
      seen.add(event.uid);
      log(`  ${number}. page load: ${(event.duration_ms / 1000).toFixed(2)} s, trace ${event.trace_id ?? 'none'}`);
      if (number <= TOLERATED_SLOW_EVENTS) {
        if (number === TOLERATED_SLOW_EVENTS) await sleep(3000);
        if (await firingPage(target))
          throw new DrillError(
            `A page arrived after ${number} slow page loads; ${TOLERATED_SLOW_EVENTS} must not page.`,
          );
        if (number === TOLERATED_SLOW_EVENTS)
          log(`     no page, as it should be: ${TOLERATED_SLOW_EVENTS} an hour are tolerated`);
        continue;
      }
      const inbox = await pageWithin(target, 30_000);
      const timeToPageMs = Date.parse(inbox.received_at) - Date.parse(event.recorded_at);
      log(`PAGE after ${(timeToPageMs / 1000).toFixed(2)} s: ${target.pager}/#${inbox.id}`);
      return { timeToPageMs, pageId: inbox.id };
    }
  } finally {
    await setDelay(target, 0).catch(() =>
      log('The delay could not be switched off; a restart of the clinic switches it off.'),
    );
    await browser.close();
  }
}

/** A browser that could not deliver at once tries again after some seconds, and a busy machine takes its own. */
const RECORDED_WITHIN_MS = 30_000;

async function nextEvent(target: DrillTarget, seen: ReadonlySet<string>): Promise<RecordedEvent> {
  const end = Date.now() + RECORDED_WITHIN_MS;
  while (Date.now() < end) {
    const event = (await recorded(target)).find(({ uid }) => !seen.has(uid));
    if (event) return event;
    await sleep(50);
  }
  throw new DrillError(
    `The slow page load did not reach the recorder within ${RECORDED_WITHIN_MS / 1000} s. Look at: npm run status, and ${target.recorder}/api/slow-events`,
  );
}

async function pageWithin(target: DrillTarget, ms: number): Promise<InboxPage> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const page = await firingPage(target);
    if (page) return page;
    await sleep(25);
  }
  throw new DrillError(`No page within ${ms / 1000} s of the sixth event. See runbooks/Watchdog.md`);
}

/** The stack of `npm start`, with its ports moved by `offset`. */
export function runningStack(state: string, offset = 0): DrillTarget {
  const file = `${state}/secrets/demo_password`;
  if (!existsSync(file)) throw new DrillError(`There is no stack in ${state}. Start one first: npm start`);
  const at = (port: number) => `http://localhost:${port + offset}`;
  return {
    clinic: at(8080),
    clinicManagement: at(9464),
    recorder: at(8085),
    pager: at(8087),
    password: readFileSync(file, 'utf8').trim(),
  };
}

if (import.meta.main) {
  try {
    const { state = '.state', 'port-offset': offset } = read('ops:page-drill', process.argv.slice(2)).values;
    await pageDrill(runningStack(state, Number(offset ?? 0)), (line) => console.log(line));
  } catch (error) {
    const expected = error instanceof DrillError || error instanceof UsageError;
    console.error(expected ? error.message : error);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
