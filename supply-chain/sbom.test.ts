import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { productionPackages } from './licences.ts';
import { goComponents, npmComponents, sbom } from './sbom.ts';

const ROOT = resolve(import.meta.dirname, '..');

test('lists what the workspaces import, also what development needs as well, and nothing of development alone', () => {
  const lock = readFileSync(resolve(ROOT, 'package-lock.json'), 'utf8');
  const components = npmComponents(productionPackages(lock));
  const { packages } = JSON.parse(lock) as { packages: Record<string, { dependencies?: Record<string, string> }> };
  const wanted = Object.entries(packages).flatMap(([path, { dependencies = {} }]) =>
    path.startsWith('services/') || path === 'instrumentation' ? Object.keys(dependencies) : [],
  );
  const names = new Set(components.map(({ name }) => name));
  expect(wanted).toContain('zod');
  expect(wanted.filter((name) => !name.startsWith('@clinic/') && !names.has(name))).toEqual([]);
  expect(names).not.toContain('vitest');
  expect(components.filter(({ licenses, hashes }) => !licenses || !hashes)).toEqual([]);
});

test('a package has its purl, its licence and the hash of its archive', () => {
  const integrity = `sha512-${Buffer.from('ab', 'hex').toString('base64')}`;
  const packages = [{ name: '@x/a', version: '1.0.0', licence: 'MIT OR ISC', integrity }];
  expect(
    sbom({ name: 'image', version: '0.1.0', components: npmComponents(packages), now: new Date(0) }),
  ).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    metadata: { timestamp: '1970-01-01T00:00:00.000Z', component: { name: 'image', version: '0.1.0' } },
    components: [
      {
        'bom-ref': 'pkg:npm/%40x/a@1.0.0',
        licenses: [{ expression: 'MIT OR ISC' }],
        hashes: [{ alg: 'SHA-512', content: 'ab' }],
      },
    ],
    dependencies: [{ ref: 'image', dependsOn: ['pkg:npm/%40x/a@1.0.0'] }],
  });
});

test('an engine lists what is compiled into it, and of a replaced module what replaced it, if that is not ours', () => {
  const text = [
    '/engines/tempo: go1.26.8',
    '\tpath\tclinic.example/engines/tempo',
    '\tmod\tclinic.example/engines/tempo\t(devel)\t',
    '\tdep\tgithub.com/a/a\tv1.0.0\th1:abc=',
    '\tdep\tgithub.com/b/b\tv1.0.0',
    '\t=>\tgithub.com/c/b\tv1.1.0\th1:def=',
    '\tdep\tgithub.com/d/d\tv1.0.0',
    '\t=>\t../stand-ins/d\t(devel)\t',
    '\tbuild\t-trimpath=true',
  ].join('\n');
  expect(goComponents(text).map(({ purl }) => purl)).toEqual([
    'pkg:golang/github.com/a/a@v1.0.0',
    'pkg:golang/github.com/c/b@v1.1.0',
  ]);
});
