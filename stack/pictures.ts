/**
 * `npm run docs:pictures`: takes the pictures of README and docs. Those of the clinic and the inbox come from the running stack, after a page
 * drill when nothing pages; those of the dashboards from a week of its own. `-- --only dashboards`, or `stack`: not the others.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { read, UsageError } from './commands.mjs';
import { dashboardPictures } from './dashboard-pictures.ts';
import { DrillError, type DrillTarget, openChart, pageDrill, runningStack } from './page-drill.ts';

const FOLDER = 'docs/pictures';
const SIZE = { width: 1280, height: 800 };

async function stackPictures(browser: Browser, target: DrillTarget): Promise<void> {
  const firing = (await (await fetch(`${target.pager}/api/pages?status=firing`)).json()) as readonly unknown[];
  if (firing.length === 0) await pageDrill(target, console.log);

  const clinic = await browser.newPage({ viewport: SIZE, colorScheme: 'light' });
  await openChart(clinic, target);
  await clinic.screenshot({ path: `${FOLDER}/clinic.png` });

  const inbox = await browser.newPage({ viewport: { width: SIZE.width, height: 1000 }, colorScheme: 'light' });
  await inbox.goto(target.pager);
  await inbox
    .getByText(/page_load|page load/i)
    .first()
    .waitFor();
  await inbox.screenshot({ path: `${FOLDER}/inbox.png` });

  const phone = await browser.newPage({
    viewport: { width: 390, height: 844 },
    colorScheme: 'dark',
    deviceScaleFactor: 2,
  });
  await phone.goto(target.pager);
  await phone
    .getByText(/page_load|page load/i)
    .first()
    .waitFor();
  await phone.screenshot({ path: `${FOLDER}/inbox-phone.png` });
}

try {
  const { values } = read('docs:pictures', process.argv.slice(2));
  mkdirSync(FOLDER, { recursive: true });
  const browser = await openBrowser();
  try {
    if (values.only !== 'dashboards')
      await stackPictures(browser, runningStack(values.state ?? '.state', Number(values['port-offset'] ?? 0)));
    if (values.only !== 'stack')
      await dashboardPictures(browser, {
        ...{ root: resolve(import.meta.dirname, '..'), folder: FOLDER, log: console.log },
      });
    console.log(`Pictures are in ${FOLDER}/.`);
  } finally {
    await browser.close();
  }
} catch (error) {
  const expected = error instanceof DrillError || error instanceof UsageError;
  console.error(expected ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
