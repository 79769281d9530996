import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withSection } from '../../bench/marked-section.ts';
import { exitCodeOf, read, UsageError } from '../../stack/commands.mjs';
import { EXIT_CODES } from './check.ts';
import { type CompareOptions, compare, type MeasuredTier } from './compare.ts';
import { busyness } from './machine.ts';
import { type Proof, proofSection, prove } from './prove.ts';
import { conclusion, table } from './report.ts';
import { LONG, QUICK } from './size.ts';
import { MissingBaseline, prepareTree, type Tree, WORKING_TREE } from './tree.ts';

const root = resolve(import.meta.dirname, '../..');
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);

const TIERS = ['T1', 'T2', 'T3', 'pages'] as const satisfies readonly MeasuredTier[];

// What is in the temporary folder goes with the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(2));

const wrong = (what: string) => new UsageError('perf:gate', what);

function tiersOf(text: string | undefined, quick: boolean): readonly MeasuredTier[] {
  if (text === undefined) return quick ? TIERS.filter((tier) => tier !== 'pages') : TIERS;
  const names = text.split(',');
  const unknown = names.find((name) => !(TIERS as readonly string[]).includes(name));
  if (unknown !== undefined) throw wrong(`--tiers knows ${TIERS.join(', ')}.`);
  return names as MeasuredTier[];
}

async function run(): Promise<number> {
  const { values } = read('perf:gate', process.argv.slice(2));
  const seed = Number(values.seed);
  const offset = values['port-offset'];
  const portOffset = offset === undefined ? undefined : Number(offset);
  if (busyness() > 1)
    log(`this machine is busy (load ${busyness().toFixed(1)} per processor): more pairs will be needed`);
  if (values.prove) {
    const runs = Number(values.runs);
    const proof: Proof = await prove({ root, runs, seed, portOffset, log });
    const path = join(root, 'docs/gate.md');
    writeFileSync(path, withSection(readFileSync(path, 'utf8'), 'gate:proof', proofSection(proof)));
    console.log(proofSection(proof));
    return proof.holds ? 0 : EXIT_CODES.fail;
  }
  if (values.base === undefined) throw wrong('--base names what to compare with, for example main.');
  const quick = values.quick ?? false;
  const tiers = tiersOf(values.tiers, quick);
  const trees: Tree[] = [];
  try {
    const tree = async (reference: string) => {
      const prepared = await prepareTree({ root, reference, log });
      trees.push(prepared);
      return prepared;
    };
    const base = await tree(values.base);
    const head = await tree(values.head ?? WORKING_TREE);
    const options: CompareOptions = {
      base,
      head,
      root,
      seed,
      portOffset,
      log,
      tiers,
      history: values.history,
      ...(quick ? QUICK : LONG),
    };
    const { verdict, checks } = await compare(options);
    if (values.json !== undefined) {
      mkdirSync(resolve(values.json, '..'), { recursive: true });
      writeFileSync(
        values.json,
        `${JSON.stringify({ base: base.commit, head: head.commit, verdict, checks }, null, 2)}\n`,
      );
    }
    console.log(`${table(checks)}\n\n${conclusion(verdict, checks)}`);
    return EXIT_CODES[verdict];
  } catch (error) {
    if (!(error instanceof MissingBaseline)) throw error;
    console.log(`INCONCLUSIVE  T0  base  ${error.message}\n\n${conclusion('inconclusive', [])}`);
    return EXIT_CODES.inconclusive;
  } finally {
    for (const tree of trees) tree.remove();
  }
}

process.exitCode = await exitCodeOf(run).catch((error: unknown) => {
  console.error(error);
  return 2;
});
