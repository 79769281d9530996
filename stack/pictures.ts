/** `npm run pictures`: takes the README's pictures from the running stack; runs the page drill first when nothing pages. */
import { mkdirSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { DrillError, openChart, pageDrill, runningStack } from './page-drill.ts';

const FOLDER = 'docs/pictures';
const SIZE = { width: 1280, height: 800 };

async function takePictures(browser: Browser): Promise<void> {
  const target = runningStack('.state');
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
  mkdirSync(FOLDER, { recursive: true });
  const browser = await openBrowser();
  try {
    await takePictures(browser);
    console.log(`Pictures are in ${FOLDER}/.`);
  } finally {
    await browser.close();
  }
} catch (error) {
  console.error(error instanceof DrillError ? error.message : error);
  process.exitCode = 1;
}
