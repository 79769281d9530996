// @needs chromium
import { type Browser, chromium } from 'playwright-core';
import { ensureChromium } from './find-chromium.mjs';

/**
 * Opens the machine's Chromium without a window, quiet towards everything but the pages that it is told to load. Ctrl-C closes it
 * and ends the process; with a signal, only that closes it, and the end of the process is left to the caller.
 */
export async function openBrowser(signal?: AbortSignal): Promise<Browser> {
  const browser = await chromium.launch({
    handleSIGINT: !signal,
    handleSIGTERM: !signal,
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
  signal?.addEventListener('abort', () => void browser.close());
  if (signal?.aborted) await browser.close();
  return browser;
}
