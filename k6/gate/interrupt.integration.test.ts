import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

test.each([
  ['the gate', 'SIGINT', ['k6/gate/command.ts', '--base', 'HEAD']],
  ['the measurement of the capacity', 'SIGTERM', ['k6/capacity/command.ts', '--write', 'no']],
] as const)('%s that is stopped leaves nothing in the temporary folder', async (_, signal, args) => {
  const folder = mkdtempSync(join(tmpdir(), 'gate-interrupt-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, TMPDIR: folder }, stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (!readdirSync(folder).some((name) => name.startsWith('clinic-gate-'))) await sleep(20);
  child.kill(signal);
  expect(await ended).toEqual([2, null]);
  expect(readdirSync(folder).filter((name) => name.startsWith('clinic-gate-'))).toEqual([]);
});
