import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { webHash } from './web-build.mjs';

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'web-'));
  write('package-lock.json', '{}');
  write('services/clinic-web/src/main.tsx', 'one');
  write('instrumentation/src/browser/monitor.ts', 'one');
  write('catalogue/limits.ts', 'one');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test.each([
  'services/clinic-web/src/main.tsx',
  'services/clinic-web/src/new.tsx',
  'instrumentation/src/browser/monitor.ts',
  'catalogue/limits.ts',
  'package-lock.json',
])('a change of %s builds the pages again', (path) => {
  const before = webHash(root);
  write(path, 'two');
  expect(webHash(root)).not.toBe(before);
});

test.each([
  'services/clinic-web/dist/index.html',
  'services/clinic-web/src/main.test.tsx',
  'instrumentation/node_modules/x/index.js',
  'services/pager/src/server.ts',
])('a change of %s does not', (path) => {
  const before = webHash(root);
  write(path, 'two');
  expect(webHash(root)).toBe(before);
});
