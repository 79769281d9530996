/** `npm test`: the checks, then one tier of tests after the other, each with what it needs and nothing else. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { originOf, read, UsageError } from '../stack/commands.mjs';
import { needsOf } from './needs.mjs';

/**
 * @typedef {'unit' | 'integration' | 'e2e' | 'proof'} Tier
 * @typedef {import('./needs.mjs').Need} Need
 * @typedef {import('./tier-reporter.mjs').TierReport} TierReport
 * @typedef {{ tier: Tier, seconds: number } & TierReport} TierResult `seconds`: of the whole tier, as one waits for it
 * @typedef {{ tiers: Tier[], filters: string[], pattern: string | undefined, repeat: number, watch: boolean, record: boolean,
 *   source: import('../stack/engines.mjs').Source }} Choice `source`: where servers may come from
 */

/** @type {readonly Tier[]} In this order; the last is run at night, and when what it proves has changed. */
export const TIERS = ['unit', 'integration', 'e2e', 'proof'];
const EVERYDAY = TIERS.slice(0, 3);

const SHOWN_SLOWEST = 10;
const NOT_SEARCHED = new Set(['node_modules', 'dist', '.git', '.state', '.load']);

/**
 * @param {string[]} args
 * @returns {Choice}
 * @throws {UsageError}
 */
export function choiceOf(args) {
  const { values, positionals } = read('test', args);
  return {
    tiers: /** @type {Tier[]} */ (values.tier ?? (positionals.length > 0 ? [...TIERS] : [...EVERYDAY])),
    filters: positionals,
    pattern: values['test-name-pattern'],
    repeat: Number(values.repeat ?? 1),
    watch: values.watch ?? false,
    record: values.record ?? false,
    source: originOf(values),
  };
}

/** @param {string} file */
export const tierOf = (file) =>
  /** @type {Tier} */ (/\.(integration|e2e|proof)\.test\.tsx?$/.exec(file)?.[1] ?? 'unit');

/**
 * Every test file of the checkout, relative to it.
 * @param {string} root
 * @param {string} [folder]
 * @returns {string[]}
 */
export function testFiles(root, folder = root) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !NOT_SEARCHED.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testFiles(root, path);
      return /\.test\.tsx?$/.test(entry.name) ? [relative(root, path)] : [];
    })
    .sort();
}

/**
 * @param {Choice} choice
 * @param {{ root: string, node: string, log: (line: string) => void, check: () => Promise<void>, obtain: (needs: Need[]) => Promise<void> }} options
 *   `check`: formatting, types and generated files; `obtain` brings what the tests need
 * @returns {Promise<TierResult[]>} of the tiers that ran: none after one that failed
 * @throws {UsageError} when no file is meant
 */
export async function runTests(choice, { root, node, log, check, obtain }) {
  const { tiers, filters } = choice;
  const chosen = testFiles(root).filter(
    (file) => tiers.includes(tierOf(file)) && (filters.length === 0 || filters.some((part) => file.includes(part))),
  );
  if (chosen.length === 0)
    throw new UsageError('test', `No test file of ${tiers.join(', ')} has ${filters.join(' or ')} in its path.`);
  if (filters.length === 0 && tiers.length > 1) await check();
  /** @type {TierResult[]} */
  const results = [];
  for (const tier of TIERS) {
    const files = chosen.filter((file) => tierOf(file) === tier);
    if (files.length === 0) continue;
    // Unit tests need nothing: their set-up refuses processes and ports.
    if (tier !== 'unit') await obtain([...needsOf(root, files)]);
    for (let turn = 1; turn <= choice.repeat; turn++) {
      const result = await runTier(tier, files, { choice, root, node });
      results.push(result);
      if (choice.repeat > 1) log(`run ${turn} of ${choice.repeat}: ${failed(result) ? 'FAILED' : 'passed'}`);
    }
    if (results.some(failed)) break;
  }
  return results;
}

/** @param {TierReport} result */
export const failed = ({ files, errors }) => errors > 0 || files.length === 0 || files.some((file) => file.failed > 0);

/**
 * @param {Tier} tier
 * @param {string[]} files
 * @param {{ choice: Pick<Choice, 'watch' | 'pattern' | 'filters'>, root: string, node: string }} options
 * @returns {Promise<TierResult>}
 */
export async function runTier(tier, files, { choice, root, node }) {
  const report = join(root, '.state/test', `${tier}.json`);
  mkdirSync(join(root, '.state/test'), { recursive: true });
  rmSync(report, { force: true });
  const words = [
    'node_modules/vitest/vitest.mjs',
    choice.watch ? 'watch' : 'run',
    ...['--project', tier, '--reporter=default', '--reporter=./test/tier-reporter.mjs'],
    // Vitest leaves a core to whoever sits before the machine: of two that would be half. Most of these tests wait.
    ...(tier === 'unit' || tier === 'integration' ? [`--maxWorkers=${Math.max(2, availableParallelism() - 1)}`] : []),
    ...(choice.pattern === undefined ? [] : ['-t', choice.pattern]),
    ...(choice.filters.length > 0 ? files : []),
  ];
  const started = performance.now();
  await new Promise((resolve, reject) => {
    const child = spawn(node, words, { cwd: root, stdio: 'inherit', env: { ...process.env, TIER_REPORT: report } });
    child.on('error', reject);
    child.on('close', resolve);
  });
  const seconds = (performance.now() - started) / 1000;
  /** @type {TierReport} */
  const told = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { files: [], errors: 1 };
  return { tier, seconds, ...told };
}

/**
 * The table of a run, and its slowest files.
 * @param {readonly TierResult[]} results
 */
export function summary(results) {
  const rows = results.map(({ tier, files, seconds, errors }) => {
    const [passed, failures, skipped] = totals(files);
    const bad = [failures > 0 && `${failures} FAILED`, errors > 0 && `${errors} errors outside a test`].filter(Boolean);
    return `  ${[tier.padEnd(12), `${files.length} files`.padStart(10), `${passed} passed`.padStart(12), `${skipped} skipped`.padStart(12), `${seconds.toFixed(0)} s`.padStart(8)].join('')}${bad.map((word) => `  ${word}`).join('')}`;
  });
  const slowest = results
    .flatMap(({ files }) => files)
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, SHOWN_SLOWEST)
    .map(({ file, seconds }) => `  ${`${seconds.toFixed(1)} s`.padStart(8)}  ${file}`);
  return ['', ...rows, '', `The ${slowest.length} slowest files:`, ...slowest].join('\n');
}

/**
 * @param {TierReport['files']} files
 * @returns {[passed: number, failed: number, skipped: number]}
 */
export function totals(files) {
  return [
    files.reduce((sum, { passed }) => sum + passed, 0),
    files.reduce((sum, { failed: count }) => sum + count, 0),
    files.reduce((sum, { skipped }) => sum + skipped, 0),
  ];
}

/**
 * Writes down what CONTRIBUTING.md shows of each tier; those that did not run keep what they had.
 * @param {readonly TierResult[]} results
 * @param {{ date: string, root: string }} options
 */
export function recordRun(results, { date, root }) {
  const path = join(root, 'test/recorded-tiers.json');
  /** @type {Record<string, { date: string, cores: number, files: number, tests: number, seconds: number }>} */
  const recorded = JSON.parse(readFileSync(path, 'utf8'));
  for (const { tier, files, seconds } of results) {
    const [passed, , skipped] = totals(files);
    const tests = passed + skipped;
    recorded[tier] = { date, cores: availableParallelism(), files: files.length, tests, seconds: Math.round(seconds) };
  }
  writeFileSync(path, `${JSON.stringify(recorded, undefined, 2)}\n`);
}
