import { availableParallelism } from 'node:os';
import type { Verdict } from './check.ts';
import { type Comparison, compare } from './compare.ts';
import { errorRule } from './error-rule.ts';
import { machineClass } from './machine.ts';
import { ANOTHER_SCRIPT, ANOTHER_SEED, ONE_MORE_QUERY_PER_ROW, REQUEST_BEGAN, SLOWER_CHART } from './plants.ts';
import { MissingBaseline, type Plant, prepareTree, WORKING_TREE } from './tree.ts';

export interface ProveOptions {
  readonly root: string;
  /** Of each kind. */
  readonly runs: number;
  readonly seed: number;
  readonly portOffset: number | undefined;
  readonly log: (line: string) => void;
}

interface Result {
  readonly what: string;
  readonly asked: string;
  readonly seen: string;
  readonly holds: boolean;
}

export interface Proof {
  readonly at: string;
  readonly machine: string;
  readonly seed: number;
  readonly results: readonly Result[];
  /** The lines that were not a pass where they should have been. */
  readonly remarks: readonly string[];
  readonly holds: boolean;
}

/** As often as this runs, with less of what its answers do not depend on. */
const SIZE = { clients: 500, mostPairs: 600, restarts: 4, timeScale: 0.04, walkBase: false } as const;
/** Comparisons at a time: each keeps little more than one processor busy, as its requests go one after the other. */
const LANES = Math.max(1, Math.floor(availableParallelism() / 2));
/** Between the ports of two of them: each starts two clinics, 600 apart. */
const LANE_PORTS = 1200;
/** Apart from those that tests take. */
const FIRST_PORT_OFFSET = 14_000;

const counted = (verdicts: readonly Verdict[]) =>
  (['pass', 'warn', 'fail', 'inconclusive'] as const)
    .flatMap((verdict) => {
      const count = verdicts.filter((one) => one === verdict).length;
      return count === 0 ? [] : [`${count} ${verdict}`];
    })
    .join(', ');

/** Runs the gate on pairs of which the answer is known: real builds of the clinic, some with a fault planted. */
export async function prove({ root, runs, seed, portOffset, log }: ProveOptions): Promise<Proof> {
  const results: Result[] = [];
  const remarks: string[] = [];
  const base = await prepareTree({ root, reference: WORKING_TREE, log });
  const common = { base, root, ...SIZE };
  const portsOf = (lane: number) => (portOffset ?? FIRST_PORT_OFFSET) + lane * LANE_PORTS;
  const planted = async <Value>(plants: readonly Plant[], work: (head: typeof base) => Promise<Value>) => {
    const head = await prepareTree({ root, reference: WORKING_TREE, plants, log });
    try {
      return await work(head);
    } finally {
      head.remove();
    }
  };
  const times = async (name: string, one: (seed: number, portOffset: number) => Promise<Comparison>) => {
    const all: Comparison[] = [];
    let next = 0;
    const lane = async (_: unknown, lane: number) => {
      while (next < runs) {
        const result = await one(seed + next++, portsOf(lane));
        all.push(result);
        log(`${name} ${all.length} of ${runs}: ${result.verdict}`);
      }
    };
    for (const end of await Promise.allSettled(Array.from({ length: LANES }, lane)))
      if (end.status === 'rejected') throw end.reason;
    return all;
  };
  try {
    const same = await times('same code', (runSeed, portOffset) =>
      compare({ ...common, head: base, tiers: ['T1', 'T2', 'T3'], seed: runSeed, portOffset }),
    );
    const verdicts = same.map(({ verdict }) => verdict);
    const notPassed = verdicts.filter((verdict) => verdict !== 'pass').length;
    for (const { checks } of same) {
      for (const { tier, subject, verdict, why } of checks) {
        if (verdict !== 'pass') remarks.push(`same code: ${tier} ${subject} ${verdict}: ${why}`);
      }
    }
    results.push({
      what: 'the same code twice (T0 to T3)',
      asked: 'at most 1 in 20 not a pass, no fail',
      seen: counted(verdicts),
      holds: notPassed <= Math.ceil(runs / 20) && !verdicts.includes('fail'),
    });

    await planted([ONE_MORE_QUERY_PER_ROW], async (head) => {
      const all = await times(ONE_MORE_QUERY_PER_ROW.name, (runSeed, portOffset) =>
        compare({ ...common, head, tiers: ['T1'], seed: runSeed, portOffset }),
      );
      const failed = all.map(({ checks }) =>
        checks.some(
          ({ tier, subject, verdict }) => tier === 'T1' && subject === 'GET /api/clients/:id' && verdict === 'fail',
        ),
      );
      results.push({
        what: 'one more query per row of a chart (T1)',
        asked: 'fails every time',
        seen: `${failed.filter(Boolean).length} of ${runs} fail`,
        holds: failed.every(Boolean),
      });
    });

    await planted([SLOWER_CHART, REQUEST_BEGAN], async (head) => {
      const all = await times(SLOWER_CHART.name, (runSeed, portOffset) =>
        compare({ ...common, head, tiers: ['T3'], seed: runSeed, portOffset }),
      );
      const chart = all.map(
        ({ checks }) =>
          checks.find(({ tier, subject }) => tier === 'T3' && subject === 'GET /api/clients/:id')?.verdict ??
          'inconclusive',
      );
      const found = chart.filter((verdict) => verdict === 'fail' || verdict === 'warn').length;
      results.push({
        what: 'a chart slower by a quarter (T3)',
        asked: 'fail or warn at least 95 %',
        seen: counted(chart),
        holds: found >= 0.95 * runs,
      });
    });

    for (const plant of [ANOTHER_SEED, ANOTHER_SCRIPT]) {
      await planted([plant], async (head) => {
        const { verdict } = await compare({ ...common, head, tiers: ['T1'], seed, portOffset: portsOf(0) });
        log(`${plant.name}: ${verdict}`);
        results.push({ what: plant.name, asked: 'inconclusive', seen: verdict, holds: verdict === 'inconclusive' });
      });
    }
    const missing = await prepareTree({ root, reference: 'refs/heads/there-is-no-such-branch' }).then(
      (tree) => {
        tree.remove();
        return 'a tree';
      },
      (error: unknown) => (error instanceof MissingBaseline ? 'inconclusive' : 'another error'),
    );
    results.push({ what: 'no baseline', asked: 'inconclusive', seen: missing, holds: missing === 'inconclusive' });
    const two = errorRule({ requests: 1000, errors: 1 }, { requests: 1000, errors: 2 });
    results.push({
      what: '1 error against 2',
      asked: 'no failure',
      seen: two.fails ? 'fail' : 'pass',
      holds: !two.fails,
    });
  } finally {
    base.remove();
  }
  return {
    at: new Date().toISOString(),
    machine: machineClass(),
    seed,
    results,
    remarks,
    holds: results.every(({ holds }) => holds),
  };
}

/** For docs/gate.md. */
export function proofSection({ at, machine, seed, results, remarks }: Proof): string {
  const rows = results.map(
    ({ what, asked, seen, holds }) => `| ${what} | ${asked} | ${seen} | ${holds ? 'yes' : '**no**'} |`,
  );
  return [
    `\`npm run perf:gate -- --prove\`, ${at.slice(0, 10)}, seed ${seed}, ${machine}, ${LANES} comparisons at a time. Each starts both clinics anew, from real builds.`,
    '',
    '| planted | asked for | seen | holds |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...(remarks.length === 0 ? [] : ['', 'Not a pass with the same code:', '', ...remarks.map((line) => `- ${line}`)]),
  ].join('\n');
}
