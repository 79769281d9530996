import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { needsOf } from './needs.mjs';
import { PROOFS } from './proofs.mjs';
import { proofChoiceOf } from './prove.mjs';
import { choiceOf, failed, summary, testFiles, tierOf } from './run.mjs';
import { ROOT } from './stack-under-test.ts';

describe('arguments', () => {
  test('without any, the everyday tiers', () =>
    expect(choiceOf([])).toMatchObject({ tiers: ['unit', 'integration', 'e2e'], filters: [], repeat: 1 }));
  test('a file is looked for in every tier', () =>
    expect(choiceOf(['test/journey', '-t', 'six', '--repeat', '20'])).toMatchObject({
      tiers: ['unit', 'integration', 'e2e', 'proof'],
      filters: ['test/journey'],
      pattern: 'six',
      repeat: 20,
    }));
  test.each([[['--nonsense']], [['--tier', 'smoke']], [['--repeat', '0']]])('%j is refused with the usage', (args) =>
    expect(() => choiceOf(args)).toThrow('usage: npm test'),
  );
  test.each([[['--nonsense']], [['nonsense']], [['--within', 'soon']]])('of proofs, %j is refused', (args) =>
    expect(() => proofChoiceOf(args)).toThrow('usage: npm run test:proof'),
  );
});

test('the tier of a file is in its name', () => {
  expect(['a.test.ts', 'b.test.tsx', 'c.integration.test.ts', 'd.e2e.test.ts', 'e.proof.test.ts'].map(tierOf)).toEqual([
    'unit',
    'unit',
    'integration',
    'e2e',
    'proof',
  ]);
});

test('every proof is of files that exist, and every file of that tier belongs to one', () => {
  const proofs = testFiles(ROOT).filter((file) => tierOf(file) === 'proof');
  expect(proofs.length).toBeGreaterThan(5);
  expect(PROOFS.flatMap(({ files }) => files).sort()).toEqual(proofs);
});

describe('what a test needs', () => {
  let root: string;
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'needs-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('is what the modules that it imports start, directly or not', () => {
    write('a.e2e.test.ts', "import { b } from './lib/b.ts';\nimport type { C } from './lib/c.ts';");
    write('lib/b.ts', "import './d.mjs';\nspawn(engineProgram('tempo'));");
    write('lib/c.ts', '// @needs chromium postgres\n');
    write('lib/d.mjs', "import 'node:fs';\nimport './b.ts';");
    expect([...needsOf(root, ['a.e2e.test.ts'])].sort()).toEqual(['chromium', 'postgres', 'tempo']);
  });
  test('that does not exist is named', () => {
    write('a.e2e.test.ts', '// @needs chromiun');
    expect(() => needsOf(root, ['a.e2e.test.ts'])).toThrow(/a\.e2e\.test\.ts: @needs chromiun/);
  });
  test.each([
    ['test/exactness.e2e.test.ts', ['alertmanager', 'collector', 'prometheus']],
    ['services/clinic-api/src/users.integration.test.ts', ['postgres']],
    ['services/mailbox/src/server.integration.test.ts', []],
  ])('%s: %j', (file, needs) => expect([...needsOf(ROOT, [file])].sort()).toEqual(needs));
});

test('a file without a test that ran, and an error outside a test, are failures', () => {
  const file = { file: 'a.test.ts', passed: 3, failed: 0, skipped: 1, seconds: 1.25 };
  expect(failed({ files: [file], errors: 0 })).toBe(false);
  expect(failed({ files: [{ ...file, failed: 1 }], errors: 0 })).toBe(true);
  expect(failed({ files: [file], errors: 1 })).toBe(true);
  expect(failed({ files: [], errors: 0 })).toBe(true);
  expect(summary([{ tier: 'unit', seconds: 12.4, files: [file], errors: 1 }])).toMatch(
    /unit +1 files +3 passed +1 skipped +12 s {2}1 errors outside a test\n[\s\S]*1\.3 s {2}a\.test\.ts/,
  );
});

test('every proof runs at night', () => {
  const { jobs } = parse(readFileSync(join(ROOT, '.github/workflows/proof.yml'), 'utf8')) as {
    jobs: { proof: { strategy: { matrix: { name: string[] } } } };
  };
  expect(jobs.proof.strategy.matrix.name).toEqual(PROOFS.map(({ name }) => name));
});
