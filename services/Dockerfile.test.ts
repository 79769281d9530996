import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const dockerfile = readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8');

test('the packages of every workspace are installed in the image', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, object>;
  };
  const workspaces = Object.keys(lock.packages).filter((path) => path !== '' && !path.includes('node_modules'));
  const copied = [...dockerfile.matchAll(/^COPY (\S+)\/package\.json \1\/$/gm)].map(([, path]) => path);
  expect(workspaces.length).toBeGreaterThan(3);
  expect(copied.sort()).toEqual(workspaces.sort());
});

test('everything copied from the repository is let through by .dockerignore', () => {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) => names!.split(' '));
  const kept = (source: string) => {
    // Brackets make a folder optional.
    const plain = source.replaceAll(/[[\]]/g, '');
    return allowed.some((path) => plain === path || plain.startsWith(`${path}/`));
  };
  expect(sources.length).toBeGreaterThan(5);
  expect(sources.filter((source) => !kept(source))).toEqual([]);
});
