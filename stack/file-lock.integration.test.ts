import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock } from './file-lock.mjs';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  path = join(folder, 'lock');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a held lock is waited for, naming who holds it', async () => {
  const release = await acquireLock(path);
  const waitedFor: number[] = [];
  let second = false;
  const waiting = acquireLock(path, { pollMs: 5, onWait: (pid) => waitedFor.push(pid) }).then((releaseSecond) => {
    second = true;
    return releaseSecond;
  });
  await new Promise((done) => setTimeout(done, 50));
  expect([second, waitedFor]).toEqual([false, [process.pid]]);
  release();
  (await waiting)();
  expect(existsSync(path)).toBe(false);
});

test('the lock of a process that is gone is taken over', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(path, `${pid} ${hostname()} left-behind`);
  const release = await acquireLock(path, { signal: AbortSignal.timeout(2_000) });
  expect(readFileSync(path, 'utf8')).toContain(`${process.pid} `);
  release();
  expect(readdirSync(folder)).toEqual([]);
});

test('a process of another machine that shows no life for a minute is gone', async () => {
  writeFileSync(path, '1 another-machine x');
  await expect(acquireLock(path, { pollMs: 5, signal: AbortSignal.timeout(100) })).rejects.toThrow();
  const old = new Date(Date.now() - 61_000);
  utimesSync(path, old, old);
  (await acquireLock(path, { signal: AbortSignal.timeout(2_000) }))();
});

test('of many that want a stale lock, one at a time holds it', async () => {
  writeFileSync(path, `0 ${hostname()} x`);
  const old = new Date(0);
  utimesSync(path, old, old);
  let held = 0;
  let most = 0;
  const take = async () => {
    const release = await acquireLock(path, { pollMs: 1 });
    most = Math.max(most, ++held);
    await new Promise((done) => setTimeout(done, 5));
    held--;
    release();
  };
  await Promise.all(Array.from({ length: 10 }, take));
  expect(most).toBe(1);
});

test('releasing leaves alone what another has taken over', async () => {
  const release = await acquireLock(path);
  writeFileSync(path, '1 another-machine x');
  release();
  expect(existsSync(path)).toBe(true);
});
