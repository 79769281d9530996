import { join, resolve } from 'node:path';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import type { Page } from 'playwright-core';
import { createPreview } from '../preview/src/server/preview.ts';
import { openBrowser } from '../stack/browser.ts';
import { ensurePreview } from '../stack/preview-build.mjs';

const ROOT = resolve(import.meta.dirname, '..');
/** A port on which nothing answers: of the servers behind it no answer is needed to load its code. */
const NOBODY = 'http://127.0.0.1:9';

export interface PreviewResult {
  readonly at: string;
  /** Bytes of scripts and styles, compressed as they are sent: until a first dashboard is shown, and what Explore then adds. */
  readonly dashboard: number;
  readonly explore: number;
}

const bytesOf = (page: Page) =>
  page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter(({ name }) => /\.(js|css)$/.test(new URL(name).pathname))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  );

/** What the viewer of dashboards has a browser load. */
export async function benchmarkPreview(): Promise<PreviewResult> {
  await ensurePreview(ROOT, { node: process.execPath });
  const preview = createPreview({
    app: join(ROOT, 'preview/dist'),
    dashboards: join(ROOT, 'grafana/dashboards'),
    urls: { prometheus: NOBODY, tempo: NOBODY },
    log: () => {},
  });
  const browser = await openBrowser();
  try {
    const base = `http://127.0.0.1:${await listenOn(preview.server, { host: '127.0.0.1', port: 0 })}`;
    const page = await browser.newPage();
    await page.goto(`${base}/d/performance`, { waitUntil: 'networkidle' });
    await page.locator('[data-viz-panel-key]').first().waitFor();
    const dashboard = await bytesOf(page);
    await page.getByRole('link', { name: 'Explore' }).first().click();
    await page.locator('.cm-content').waitFor();
    return { at: new Date().toISOString(), dashboard, explore: (await bytesOf(page)) - dashboard };
  } finally {
    await browser.close();
    await preview.close();
  }
}
