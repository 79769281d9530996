import type { Page } from 'playwright-core';
import type { PanelReport } from './panel-report.ts';

export interface OpenDashboardOptions {
  /** Of the preview, such as `http://127.0.0.1:3000`. */
  readonly baseUrl: string;
  readonly uid: string;
  /** As in Grafana's addresses: `now-24h`, or ms since 1970. Default: the dashboard's own. */
  readonly from?: string;
  readonly to?: string;
  /** Default dark. */
  readonly theme?: 'dark' | 'light';
  /** Values of variables, by name. */
  readonly variables?: Readonly<Record<string, string | readonly string[]>>;
  /** Unfold every row first; panels in a folded one ask for nothing. Default true. */
  readonly expandRows?: boolean;
  /** How long all panels may take together, in ms; default 30 s. */
  readonly withinMs?: number;
}

export interface OpenedDashboard {
  readonly panels: readonly PanelReport[];
  /** From the beginning of the navigation until something was drawn in a panel, in ms. */
  readonly firstPanelMs: number;
  /** The same until no panel was loading any more. */
  readonly allPanelsMs: number;
  /** Of the whole page, in pixels: a picture of all panels needs a window as high. */
  readonly height: number;
}

interface PreviewWindow {
  previewReport?: () => PanelReport[];
  previewExpandRows?: () => void;
  previewDrawnAt?: number;
}

const POLL_MS = 50;

/** The address of a dashboard. */
export function dashboardUrl({ baseUrl, uid, from, to, theme = 'dark', variables = {} }: OpenDashboardOptions): string {
  // No refresh: what is looked at must not change meanwhile.
  const parameters = new URLSearchParams({ theme, refresh: '', ...(from && { from }), ...(to && { to }) });
  for (const [name, value] of Object.entries(variables)) {
    for (const one of [value].flat()) parameters.append(`var-${name}`, String(one));
  }
  return `${baseUrl}/d/${encodeURIComponent(uid)}?${parameters}`;
}

/**
 * Opens a dashboard in a page and waits until every panel has been drawn, is empty or has failed. The page's window should have a fixed
 * width; for a picture of everything, set its height to the answer's `height` and wait for `settled` again.
 * @throws {Error} naming the panels that still load after `withinMs`, or what the page says when it shows no dashboard
 */
export async function openDashboard(page: Page, options: OpenDashboardOptions): Promise<OpenedDashboard> {
  const { expandRows = true, withinMs = 30_000 } = options;
  const started = performance.now();
  await page.goto(dashboardUrl(options), { waitUntil: 'commit' });
  const ready = page.waitForFunction(() => Boolean((globalThis as PreviewWindow).previewReport), undefined, {
    timeout: withinMs,
    polling: POLL_MS,
  });
  const refused = page.getByText('The dashboard cannot be shown').waitFor({ timeout: withinMs });
  await Promise.race([ready, refused]).catch(() => {});
  if (!(await page.evaluate(() => Boolean((globalThis as PreviewWindow).previewReport)))) {
    throw new Error(`${options.uid} was not shown: ${(await page.locator('body').innerText()).slice(0, 500)}`);
  }
  if (expandRows) await page.evaluate(() => (globalThis as PreviewWindow).previewExpandRows?.());
  const drawn = await page
    .waitForFunction(
      () =>
        (globalThis as PreviewWindow)
          .previewReport?.()
          .some(({ drawn, state }) => drawn || state === 'empty' || state === 'error'),
      undefined,
      { timeout: withinMs, polling: POLL_MS },
    )
    .then(
      () => performance.now(),
      () => Number.NaN,
    );
  const panels = await settled(page, withinMs);
  return {
    panels,
    firstPanelMs: Math.round(drawn - started),
    allPanelsMs: Math.round(performance.now() - started),
    height: await page.evaluate(() =>
      Math.max(document.body.scrollHeight, document.querySelector('main')?.scrollHeight ?? 0),
    ),
  };
}

/** Resolves when no panel of the open dashboard is loading, with how each fares. */
export async function settled(page: Page, withinMs = 30_000): Promise<readonly PanelReport[]> {
  const report = () => page.evaluate(() => (globalThis as PreviewWindow).previewReport?.() ?? []);
  const deadline = performance.now() + withinMs;
  for (;;) {
    const panels = await report();
    const open = panels.filter(({ state, drawn }) => state === 'loading' || (state === 'data' && !drawn));
    if (panels.length > 0 && open.length === 0) return panels;
    if (performance.now() > deadline) {
      const names = open.map(({ title, type, state }) => `${title || type} (${state})`).join(', ');
      throw new Error(`After ${withinMs / 1000} s these panels are not done: ${names || 'there are none at all'}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
