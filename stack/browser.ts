import { type Browser, chromium } from 'playwright-core';
import { ensureChromium } from './find-chromium.mjs';

/** Opens the machine's Chromium without a window, quiet towards everything but the pages that it is told to load. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await ensureChromium(),
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
