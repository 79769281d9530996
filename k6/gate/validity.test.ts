import { expect, test } from 'vitest';
import { overall } from './check.ts';
import { type Identity, validity } from './validity.ts';

const identity: Identity = {
  script: 'a',
  seed: 'b',
  machine: 'linux x64, 4 × a processor',
  endpoints: ['GET /api/clients'],
  illness: undefined,
};

test('the same script, seed, machine and endpoints may be compared', () => {
  expect(overall(validity(identity, { ...identity }))).toBe('pass');
});

test.each<[string, Partial<Identity>, string]>([
  ['another script', { script: 'x' }, 'script'],
  ['no script any more', { script: undefined }, 'script'],
  ['another seed', { seed: 'x' }, 'seed'],
  ['another machine', { machine: 'a laptop' }, 'machine'],
  ['fewer endpoints', { endpoints: [] }, 'endpoints'],
  ['a clinic that is not well', { illness: 'GET /api/clients answered 500' }, 'head'],
])('%s is inconclusive, never a pass, and says what', (_name, change, subject) => {
  const checks = validity(identity, { ...identity, ...change });
  expect(checks.map((check) => [check.subject, check.verdict])).toEqual([[subject, 'inconclusive']]);
  expect(overall([...checks, { tier: 'T3', subject: 'x', verdict: 'fail', why: '' }])).toBe('inconclusive');
});

test('a base without a script is no baseline', () => {
  expect(overall(validity({ ...identity, script: undefined }, identity))).toBe('inconclusive');
});

test('nothing that was checked is not a pass either', () => {
  expect(overall([])).toBe('inconclusive');
});
