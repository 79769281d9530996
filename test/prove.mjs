/** `npm run test:proof`: runs proofs one after the other, and writes down what came of them. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { needsOf } from './needs.mjs';
import { changedProofs, PROOFS, recordProof } from './proofs.mjs';
import { failed, runTier, totals, UsageError } from './run.mjs';

/** @typedef {import('./proofs.mjs').Proof} Proof */

export const PROOF_USAGE = `usage: npm run test:proof [-- [NAME...] [OPTIONS]]
  NAME               only this proof: ${PROOFS.map(({ name }) => name).join(', ')}
  --changed          only those whose subject has changed since they last held
  --within MINUTES   with --changed: leaves out, and names, what does not fit into this time
  --record           writes the results into docs/evidence/proofs.json`;

/**
 * @param {string[]} args
 * @returns {{ names: string[], changed: boolean, within: number, record: boolean }} `within`: seconds
 * @throws {UsageError}
 */
export function proofChoiceOf(args) {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: { changed: { type: 'boolean' }, within: { type: 'string' }, record: { type: 'boolean' } },
    });
  } catch (error) {
    throw new UsageError(`${/** @type {Error} */ (error).message}\n${PROOF_USAGE}`);
  }
  const { values, positionals: names } = parsed;
  const unknown = names.find((name) => !PROOFS.some((proof) => proof.name === name));
  if (unknown !== undefined) throw new UsageError(`There is no proof ${unknown}.\n${PROOF_USAGE}`);
  if (values.within !== undefined && !/^\d{1,4}$/.test(values.within))
    throw new UsageError(`--within must be a whole number of minutes, such as 20.\n${PROOF_USAGE}`);
  return {
    names,
    changed: values.changed ?? false,
    within: values.within === undefined ? Number.POSITIVE_INFINITY : Number(values.within) * 60,
    record: values.record ?? false,
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
  for (const { name, files } of plan.run) {
    log(`proof ${name}: ${PROOFS.find((proof) => proof.name === name)?.shows}`);
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
