import { performance } from 'node:perf_hooks';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../../stack/browser.ts';
import type { Check } from './check.ts';
import type { Clinic } from './clinic.ts';
import { shuffled } from './random.ts';
import { hodgesLehmann, mannWhitney } from './rank-test.ts';

export interface PagesOptions {
  readonly base: Clinic;
  readonly head: Clinic;
  readonly random: () => number;
}

const PAIRS = 12;
const FAIL = 1.3;
const ALPHA = 0.01;

/** From the navigation until the sign-in form can be used, in a browser that has cached nothing; milliseconds. */
async function load(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const began = performance.now();
    await page.goto(`${url}/sign-in`, { waitUntil: 'load' });
    await page.locator('input[type=password]').waitFor();
    return performance.now() - began;
  } finally {
    await context.close();
  }
}

/** The classic rule "a page over 30 % slower", on pairs of page loads in a real browser. */
export async function checkPages({ base, head, random }: PagesOptions): Promise<Check[]> {
  const browser = await openBrowser();
  try {
    const all = { base: [] as number[], head: [] as number[] };
    for (const { url } of [base, head]) await load(browser, url); // compiled code, warm disks
    for (let pair = 0; pair < PAIRS; pair++) {
      for (const name of shuffled(['base', 'head'] as const, random)) {
        all[name].push(await load(browser, name === 'base' ? base.url : head.url));
      }
    }
    const logs = (values: readonly number[]) => values.map(Math.log);
    const { shift, low, high } = hodgesLehmann(logs(all.base), logs(all.head));
    const { p } = mannWhitney(logs(all.base), logs(all.head));
    const ratio = Math.exp(shift);
    return [
      {
        tier: 'rules',
        subject: 'page: sign-in',
        verdict: ratio > FAIL && p < ALPHA ? 'fail' : 'pass',
        why: `${ratio.toFixed(2)}× (${Math.exp(low).toFixed(2)} to ${Math.exp(high).toFixed(2)}), p ${p.toFixed(3)}, ${PAIRS} pairs`,
      },
    ];
  } finally {
    await browser.close();
  }
}
