import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureCompileCache } from './compile-cache.mjs';

let root: string;
let lines: string[];
const before = process.env.NODE_COMPILE_CACHE;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'compile-'));
  lines = [];
  mkdirSync(join(root, 'stack'));
  for (const file of ['compile.ts', 'compose.ts']) cpSync(join(import.meta.dirname, file), join(root, 'stack', file));
  mkdirSync(join(root, 'node_modules'));
  for (const name of ['yaml', 'zod']) {
    symlinkSync(resolve(import.meta.dirname, '../node_modules', name), join(root, 'node_modules', name));
  }
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  for (const folder of ['catalogue', 'instrumentation', 'preview/src/server', 'services']) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'a.ts'), '');
  }
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(
    join(root, 'docker-compose.yml'),
    'services: { a: { command: [node, ./services/a.ts], x-native: { program: node } } }',
  );
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  process.env.NODE_COMPILE_CACHE = before;
});

const fill = (withinMs: number) =>
  ensureCompileCache(root, { node: process.execPath, flags: [], withinMs, log: (line) => lines.push(line) });
const stamp = () => existsSync(join(root, 'node_modules/.cache/compile/.hash'));

test('a program that does not end in time is left out, which is said, and the next start tries again', async () => {
  writeFileSync(join(root, 'services/a.ts'), 'setInterval(() => {}, 1_000);');
  await fill(500);
  expect(lines).toEqual([expect.stringMatching(/too busy to fill it \(waited 0\.5 s\).*: \.\/services\/a\.ts$/)]);
  expect(stamp()).toBe(false);
  writeFileSync(join(root, 'services/a.ts'), 'process.exit(1);');
  await fill(30_000);
  expect(lines).toHaveLength(1);
  expect(stamp()).toBe(true);
});

test('what cannot be compiled at all does not stop the start', async () => {
  writeFileSync(join(root, 'docker-compose.yml'), 'services: [');
  await fill(30_000);
  expect(lines).toEqual([
    expect.stringMatching(/^compile cache: not filled[\s\S]*docker-compose\.yml is not valid YAML/),
  ]);
  expect(stamp()).toBe(false);
});
