// @needs collector postgres
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Check, EXIT_CODES } from '../k6/gate/check.ts';
import { compare } from '../k6/gate/compare.ts';
import { ANOTHER_SCRIPT, ANOTHER_SEED, ONE_MORE_QUERY_PER_ROW } from '../k6/gate/plants.ts';
import { QUICK } from '../k6/gate/size.ts';
import { type Plant, prepareTree, type Tree, WORKING_TREE } from '../k6/gate/tree.ts';
import { ROOT } from './stack-under-test.ts';

/** Real builds and real servers; only the pages, which no request of these asks for, are left out. */
const tree = (...plants: Plant[]) => prepareTree({ root: ROOT, reference: WORKING_TREE, plants, pages: false });
const common = { root: ROOT, seed: 1, ...QUICK };
const told = (checks: readonly Check[]) => checks.filter(({ verdict }) => verdict !== 'pass');

let base: Tree;
beforeAll(async () => {
  base = await tree();
});
afterAll(() => {
  base?.remove();
  expect(existsSync(base.root)).toBe(false);
});

async function against<Value>(plant: Plant, work: (head: Tree) => Promise<Value>): Promise<Value> {
  const head = await tree(plant);
  try {
    return await work(head);
  } finally {
    head.remove();
  }
}

test('the same code passes what is exact and the critical paths, and is not called slower', async () => {
  const { checks } = await compare({ ...common, base, head: base, tiers: ['T1', 'T2', 'T3'] });
  const tiers = new Set(checks.map(({ tier }) => tier));
  expect([...tiers].sort()).toEqual(['T0', 'T1', 'T2', 'T3', 'rules']);
  // A machine that is slow or busy can make a time inconclusive, never a failure.
  const timed = new Set(['T2', 'T3']);
  expect(told(checks.filter(({ tier }) => !timed.has(tier)))).toEqual([]);
  expect(checks.filter(({ tier, verdict }) => timed.has(tier) && verdict === 'fail')).toEqual([]);
}, 300_000);

test('one more query per row fails, on its route alone, and the query is named', async () => {
  const { verdict, checks } = await against(ONE_MORE_QUERY_PER_ROW, (head) =>
    compare({ ...common, base, head, tiers: ['T1'] }),
  );
  expect(verdict).toBe('fail');
  expect(told(checks)).toMatchObject([
    { tier: 'T1', subject: 'GET /api/clients/:id', verdict: 'fail', look: 'SELECT name FROM users WHERE id = $1' },
  ]);
}, 180_000);

test.each([ANOTHER_SEED, ANOTHER_SCRIPT])(
  '$name is inconclusive',
  async (plant) => {
    const { verdict, checks } = await against(plant, (head) => compare({ ...common, base, head, tiers: ['T1'] }));
    expect(verdict).toBe('inconclusive');
    expect(told(checks).map(({ tier }) => tier)).toEqual(['T0']);
  },
  180_000,
);

test.each([
  ['a base that does not exist', ['--base', 'refs/heads/there-is-no-such-branch'], EXIT_CODES.inconclusive],
  ['no base', [], 2],
  ['a tier that does not exist', ['--base', 'HEAD', '--tiers', 'T9'], 2],
])('%s ends the command with its own code', async (_name, words, code) => {
  const ended = await new Promise((resolve) => {
    execFile(process.execPath, ['k6/gate/command.ts', ...words], { cwd: ROOT }, (error) => resolve(error?.code ?? 0));
  });
  expect(ended).toBe(code);
});
