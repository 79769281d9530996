import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Page } from './page.ts';
import { alert, webhook } from './pager.fixture.ts';

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pager-'));
  mkdirSync(join(folder, 'runbooks'));
});
afterEach(async () => {
  await stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({
  LISTEN: '127.0.0.1:0',
  MANAGEMENT_LISTEN: '127.0.0.1:0',
  DATABASE_FILE: join(folder, 'pages.sqlite'),
  RUNBOOKS: join(folder, 'runbooks'),
  RECORDER_URL: 'http://127.0.0.1:9',
  TRACE_URL: 'http://localhost:3200/api/traces/{trace_id}',
});

function run(over: Record<string, string> = {}): { child: ChildProcess; output: () => string } {
  const env = { PATH: process.env.PATH, ...environment(), ...over };
  const started = spawn(process.execPath, [join(import.meta.dirname, 'server.ts')], { env });
  let text = '';
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  child = started;
  return { child: started, output: () => text };
}

async function start(): Promise<{ url: string; management: string }> {
  const { output } = run();
  const ports = () => /port (\d+), its metrics on (\d+)/.exec(output());
  await expect.poll(ports, { timeout: 8000, message: 'the pager did not start' }).not.toBeNull();
  const [, port, management] = ports()!;
  return { url: `http://127.0.0.1:${port}`, management: `http://127.0.0.1:${management}` };
}

async function stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  child.kill(signal);
  await once(child, 'exit');
  return child.exitCode;
}

const deliver = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('the pager as a process', { timeout: 30_000 }, () => {
  it('keeps each delivery that it has answered, though it is killed at once', async () => {
    for (const fingerprint of ['a', 'b', 'c']) {
      const { url } = await start();
      expect((await deliver(`${url}/alertmanager`, webhook(alert({ fingerprint })))).status).toBe(200);
      await stop('SIGKILL');
    }
    const { url } = await start();
    await deliver(`${url}/alertmanager`, webhook(alert({ fingerprint: 'a' })));
    const pages = (await (await fetch(`${url}/api/pages`)).json()) as Page[];
    expect(pages.map(({ notifications }) => notifications)).toEqual([1, 1, 2]);
  });

  it('serves metrics and health on a port of their own only', async () => {
    const { url, management } = await start();
    expect(await (await fetch(`${management}/healthz`)).text()).toBe('ok\n');
    expect(await (await fetch(`${management}/metrics`)).text()).toContain('pager_watchdog_age_seconds');
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
  });

  it('ends its streams and itself on SIGTERM', async () => {
    const { url } = await start();
    const stream = await fetch(`${url}/events`);
    const before = Date.now();
    expect(await stop('SIGTERM')).toBe(0);
    expect(Date.now() - before).toBeLessThan(2000);
    expect(await stream.text()).toContain('event: state');
  });

  it.each([
    ['LISTEN', '8087'],
    ['RUNBOOKS', '/no/such/folder'],
    ['TRACE_URL', 'http://localhost:3200/api/traces'],
    ['RECORDER_URL', 'recorder:8085'],
    ['DATABASE_FILE', '/no/such/folder/pages.sqlite'],
    ['WATCHDOG_SILENCE_SECONDS', 'three minutes'],
  ])('does not start with a wrong %s, and names it', async (key, value) => {
    const { child: started, output } = run({ [key]: value });
    await once(started, 'exit');
    expect([started.exitCode, output()]).toEqual([1, expect.stringContaining(key)]);
  });
});
