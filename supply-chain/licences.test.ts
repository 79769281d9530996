import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { isAccepted, licencesPage, PROGRAMS, productionPackages } from './licences.ts';

const ROOT = join(import.meta.dirname, '..');

test.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0-only)', true],
  ['MIT AND ISC', true],
  ['MIT AND GPL-3.0-only', false],
  ['AGPL-3.0-only', false],
  ['GPL-2.0 OR AGPL-3.0', false],
  ['SEE LICENSE IN LICENSE', false],
  ['(MIT AND (ISC OR GPL-3.0))', false],
  [undefined, false],
])('%s: accepted %s', (licence, accepted) => {
  expect(isAccepted(licence)).toBe(accepted);
});

test('packages of development and our own are left out, the same version in two places counts once', () => {
  const packages = {
    '': { version: '1.0.0' },
    'services/pager': { version: '0.1.0' },
    'node_modules/@clinic/pager': { link: true },
    'node_modules/vitest': { version: '5.0.0', license: 'MIT', dev: true },
    'node_modules/b': { version: '1.0.0', license: 'ISC' },
    'node_modules/@x/a': { version: '2.0.0', license: 'MIT', optional: true },
    'node_modules/c/node_modules/b': { version: '1.0.0', license: 'ISC' },
    'node_modules/c/node_modules/@x/a': { version: '1.0.0' },
  };
  expect(productionPackages(JSON.stringify({ packages }))).toMatchObject([
    { name: '@x/a', version: '1.0.0', licence: undefined },
    { name: '@x/a', version: '2.0.0', licence: 'MIT' },
    { name: 'b', version: '1.0.0', licence: 'ISC' },
  ]);
});

test('a licence that is not accepted is named, with its package', () => {
  const copyleft = { name: '@grafana/sql', version: '13.2.2', licence: 'AGPL-3.0-only', integrity: undefined };
  expect(() => licencesPage([copyleft])).toThrow('@grafana/sql 13.2.2: AGPL-3.0-only');
  expect(() => licencesPage([{ ...copyleft, licence: undefined }])).toThrow('states none');
});

test('every image of the compose files has its licence listed', () => {
  const images = ['docker-compose.yml', 'compose.production.yml'].flatMap((file) => {
    const { services } = parse(readFileSync(join(ROOT, file), 'utf8'), { merge: true, logLevel: 'error' }) as {
      services: Record<string, { image?: string } | null>;
    };
    return Object.values(services).flatMap((service) => service?.image?.replace(/:[^:/]*$/, '') ?? []);
  });
  const others = [...new Set(images)].filter((image) => !image.startsWith('clinic-observability/'));
  expect(others.sort()).toEqual(Object.keys(PROGRAMS).sort());
});
