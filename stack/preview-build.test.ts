import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { previewHash } from './preview-build.mjs';

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const SOURCES = ['src/app/main.tsx', 'public/icon.svg', 'index.html', 'vite.config.ts', 'package-lock.json'];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'preview-'));
  for (const source of SOURCES) write(`preview/${source}`, 'one');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test.each([...SOURCES, 'src/app/panels/new.tsx'])('a change of %s builds the preview again', (path) => {
  const before = previewHash(root);
  write(`preview/${path}`, 'two');
  expect(previewHash(root)).not.toBe(before);
});

test.each(['src/server/server.ts', 'dist/index.html', 'node_modules/x/index.js', 'src/app/main.test.ts'])(
  'a change of %s does not',
  (path) => {
    const before = previewHash(root);
    write(`preview/${path}`, 'two');
    expect(previewHash(root)).toBe(before);
  },
);
