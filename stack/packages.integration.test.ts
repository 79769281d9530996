import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { atLeast, ensurePackages } from './packages.mjs';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'packages-'));
  mkdirSync(join(root, 'node_modules'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (path: string, packages: object) => writeFileSync(join(root, path), JSON.stringify({ packages }));
/** With a PATH on which there is no npm, so that an attempt to install is seen. */
const ensure = () => ensurePackages(root, { env: { PATH: '' }, log: () => {} });

test('versions are compared by number', () => {
  expect(atLeast('v24.11.1', '24.11.1')).toBe(true);
  expect(atLeast('v24.9.0', '24.11.1')).toBe(false);
  expect(atLeast('v25.0.0', '24.11.1')).toBe(true);
  expect(atLeast('v20.20.2', '24.11.1')).toBe(false);
});

test('what npm install has brought up to date already is not installed again', async () => {
  write('package-lock.json', {
    '': { name: 'x' },
    'services/a': { name: 'a' },
    'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
  });
  write('node_modules/.package-lock.json', { 'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' } });
  await ensure();
  expect(existsSync(join(root, 'node_modules/.clinic-lock'))).toBe(true);
});

test.each([
  ['another version', { 'node_modules/b': { version: '1.0.1', integrity: 'sha512-b' } }],
  ['other content', { 'node_modules/b': { version: '1.0.0', integrity: 'sha512-c' } }],
  [
    'a package more',
    { 'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' }, 'node_modules/c': { version: '1.0.0' } },
  ],
])('%s in the lock file: installs', async (_, packages) => {
  write('package-lock.json', { 'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' } });
  write('node_modules/.package-lock.json', { 'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' } });
  await ensure();
  write('package-lock.json', packages);
  await expect(ensure()).rejects.toThrow(/could not be installed: npm ci .* could not be started/);
});
