import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import type { Browser } from 'playwright-core';
import { readDashboards } from '../grafana/check/dashboard.ts';
import { openDashboard, settled } from '../preview/src/check/open-dashboard.ts';
import { createPreview } from '../preview/src/server/preview.ts';
import { startFixturePrometheus } from '../prometheus/fixtures/fixture-prometheus.ts';
import { writeFixtureWeek } from '../prometheus/fixtures/fixture-week.ts';
import { writeSlowTraces } from '../prometheus/fixtures/slow-traces.ts';
import { freePortOffset } from './port-offset.ts';
import { startStack } from './run.ts';

const HOUR = 3600;
const WIDTH = 1600;
/** Where an hour tells little. */
const LONGER: Readonly<Record<string, number>> = {
  backup: 7 * 24 * HOUR,
  security: 7 * 24 * HOUR,
  'on-call': 7 * 24 * HOUR,
};
const IN_LIGHT_TOO = ['home', 'performance'];

/** A time zone in which it is the afternoon, as it is in the clinic at the end of its week. */
function afternoonZone(end: number): string {
  const hours = Math.round(15.5 - ((end / HOUR) % 24));
  const east = hours > 12 ? hours - 24 : hours;
  return east === 0 ? 'Etc/GMT' : `Etc/GMT${east > 0 ? '-' : '+'}${Math.abs(east)}`;
}

/** Pictures of every dashboard over the fixture week, `dashboard-<uid>.png`. It needs no running stack. */
export async function dashboardPictures(
  browser: Browser,
  { root, folder, log }: { readonly root: string; readonly folder: string; log(line: string): void },
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'clinic-pictures-'));
  const ending: (() => Promise<void>)[] = [async () => rmSync(work, { recursive: true, force: true })];
  try {
    log('writing a week of a clinic, half a minute');
    const { end } = await writeFixtureWeek(join(work, 'week'));
    const prometheus = await startFixturePrometheus(join(work, 'week'));
    ending.push(() => prometheus.stop());
    const stack = await startStack({
      ...{ root, state: join(work, 'state'), services: ['tempo'] },
      portOffset: await freePortOffset(root),
    });
    ending.push(() => stack.stop());
    await writeSlowTraces({ otlp: `http://127.0.0.1:${stack.port(14318)}`, end, random: randomBytes });
    const preview = createPreview({
      app: join(root, 'preview/dist'),
      dashboards: join(root, 'grafana/dashboards'),
      urls: { prometheus: prometheus.url, tempo: `http://127.0.0.1:${stack.port(3200)}` },
      log,
    });
    ending.push(() => preview.close());
    const baseUrl = `http://127.0.0.1:${await listenOn(preview.server, { host: '127.0.0.1', port: 0 })}`;
    // Until a search finds them.
    await sleep(2000);
    for (const { uid } of readDashboards(join(root, 'grafana/dashboards')))
      for (const theme of IN_LIGHT_TOO.includes(uid) ? (['dark', 'light'] as const) : (['dark'] as const)) {
        const context = await browser.newContext({
          ...{ viewport: { width: WIDTH, height: 1000 }, colorScheme: theme, timezoneId: afternoonZone(end) },
        });
        const page = await context.newPage();
        const from = String((end - (LONGER[uid] ?? HOUR)) * 1000);
        const { height } = await openDashboard(page, { baseUrl, uid, theme, from, to: String(end * 1000) });
        await page.setViewportSize({ width: WIDTH, height });
        await settled(page);
        const file = `dashboard-${uid}${theme === 'light' ? '-light' : ''}.png`;
        // What is drawn follows the window with a frame's delay.
        await sleep(300);
        await page.screenshot({ path: join(folder, file) });
        await context.close();
      }
  } finally {
    for (const end of ending.reverse()) await end();
  }
}
