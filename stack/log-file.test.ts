import { mkdtempSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { beginLog } from './log-file.ts';

function log() {
  const folder = mkdtempSync(join(tmpdir(), 'log-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return beginLog(join(folder, 'web.log'));
}

it('sets a large file aside while its writer goes on', () => {
  const file = log();
  const writer = file.open();
  writeSync(writer, 'x'.repeat(10_000_000));
  file.rotateIfLarge();
  expect(statSync(file.path).size).toBe(10_000_000);
  writeSync(writer, 'full\n');
  file.rotateIfLarge();
  writeSync(writer, 'after\n');
  expect(readFileSync(file.path, 'utf8')).toBe('after\n');
  expect(readFileSync(`${file.path}.1`, 'utf8').slice(-6)).toBe('xfull\n');
  file.close(writer);
});

it('shows the last lines, of a long file as of one that does not exist', () => {
  const file = log();
  expect(file.tail(2)).toEqual([]);
  const writer = file.open();
  for (let line = 1; line <= 5_000; line++) writeSync(writer, `line ${line}\n`);
  expect(file.tail(2)).toEqual(['line 4999', 'line 5000']);
  file.close(writer);
});
