/** `npm run test:proof`: runs proofs one after the other, and writes down what came of them. */
import { spawnSync } from 'node:child_process';
import { originOf, read } from '../stack/commands.mjs';
import { needsOf } from './needs.mjs';
import { changedProofs, PROOFS, recordProof } from './proofs.mjs';
import { failed, runTier, totals } from './run.mjs';

/** @typedef {import('./proofs.mjs').Proof} Proof */

/**
 * @param {string[]} args
 * @returns {{ names: string[], changed: boolean, within: number, record: boolean,
 *   source: import('../stack/engines.mjs').Source }} `within`: seconds
 * @throws {UsageError}
 */
export function proofChoiceOf(args) {
  const { values, positionals: names } = read('test:proof', args);
  return {
    names,
    changed: values.changed ?? false,
    within: values.within === undefined ? Number.POSITIVE_INFINITY : Number(values.within) * 60,
    record: values.record ?? false,
    source: originOf(values),
  };
}

/**
 * @param {ReturnType<typeof proofChoiceOf>} choice
 * @param {{ root: string, node: string, log: (line: string) => void, obtain: (needs: import('./needs.mjs').Need[]) => Promise<void> }} options
 * @returns {Promise<import('./run.mjs').TierResult[]>}
 */
export async function prove({ names, changed, within, record }, { root, node, log, obtain }) {
  const named = PROOFS.filter(({ name, onlyWhenNamed }) =>
    names.length > 0 ? names.includes(name) : onlyWhenNamed !== true,
  );
  const plan = changed ? changedProofs(root, { within }) : { run: named, leftOut: [] };
  for (const { proof, why } of plan.leftOut) log(`proof ${proof.name} is left out: ${why}`);
  if (plan.run.length === 0) log('No proof is to be run.');
  const results = [];
  for (const { name, shows, files } of plan.run) {
    log(`proof ${name}: ${shows}`);
    await obtain([...needsOf(root, files)]);
    const result = await runTier('proof', files, {
      root,
      node,
      choice: { watch: false, pattern: undefined, filters: files },
    });
    results.push(result);
    if (!record) continue;
    const [passed, failures, skipped] = totals(result.files);
    const { stdout } = spawnSync('git', ['rev-parse', '--short=10', 'HEAD'], { cwd: root, encoding: 'utf8' });
    recordProof(root, name, {
      commit: stdout?.trim() || 'unknown',
      date: new Date().toISOString().slice(0, 10),
      seconds: Math.round(result.seconds),
      passed,
      failed: failed(result) ? Math.max(1, failures) : 0,
      skipped,
    });
  }
  return results;
}
