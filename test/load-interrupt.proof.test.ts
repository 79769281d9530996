/** What Ctrl-C ends in the middle of a load test, and what it leaves to the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startOwnStack } from '../k6/own-stack.ts';
import { ROOT } from './stack-under-test.ts';

test('the stack outlives the signal, so that what was booked can be cancelled', async () => {
  const stopping = new AbortController();
  const own = await startOwnStack({ services: ['mailbox'], signal: stopping.signal });
  onTestFinished(() => own.stop());
  stopping.abort();
  await sleep(1_500);
  expect((await fetch(`http://127.0.0.1:${9469 + own.portOffset}/healthz`)).status).toBe(200);
});

test('a signal before the stack is up stops it', async () => {
  await expect(startOwnStack({ services: ['mailbox'], signal: AbortSignal.abort() })).rejects.toThrow('stopped');
});

test('Ctrl-C closes the browser and leaves the end of the process to whoever opened it', async () => {
  const program = `
    import { openBrowser } from ${JSON.stringify(join(ROOT, 'stack/browser.ts'))};
    const stopping = new AbortController();
    process.once('SIGINT', () => stopping.abort());
    const browser = await openBrowser(stopping.signal);
    browser.once('disconnected', () => setTimeout(() => process.exit(3), 500));
    console.log('open');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([3, null]);
});
