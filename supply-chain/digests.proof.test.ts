import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { engineProgram } from '../stack/engines.mjs';
import { pinned } from './digests.ts';
import { imagesOf } from './images.ts';

const ROOT = resolve(import.meta.dirname, '..');
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const images = imagesOf(ROOT, 'docker-compose.yml');

test('docker compose runs every image of others by its digest, and ours as they are built', () => {
  const folder = mkdtempSync(join(tmpdir(), 'digests-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'compose.digests.yml');
  writeFileSync(
    file,
    pinned(images, () => `${digest}\n`),
  );
  const files = ['-f', 'docker-compose.yml', '-f', file];
  const output = execFileSync(engineProgram('docker-compose'), [...files, 'config', '--images'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const [ours, others] = [true, false].map(
    (mine) => new Set(images.filter(({ ours }) => ours === mine).map(({ image }) => image)),
  );
  expect(new Set(output.trim().split('\n'))).toEqual(
    new Set([...ours!, ...[...others!].map((image) => `${image}@${digest}`)]),
  );
  expect(others!.size).toBeGreaterThan(4);
});

test('an answer that is no digest is refused', () => {
  expect(() => pinned(images, () => 'not found')).toThrow('postgres:18: the registry gave no digest');
});
