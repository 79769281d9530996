import { seededRandom } from '../../services/traffic/src/random.ts';
import { mean } from '../statistics.ts';
import { type Check, overall, type Verdict } from './check.ts';
import { type Clinic, startClinic } from './clinic.ts';
import { compareBundles, compareCounters, countRequests } from './counters.ts';
import { type Errors, errorRule } from './error-rule.ts';
import { addToHistory, checkHistory, type Entry, readHistory } from './history.ts';
import { compareLatencies, latencyCheck, tailCheck } from './latency.ts';
import { machineClass } from './machine.ts';
import { measureLatencies } from './measure-latency.ts';
import { checkPages } from './pages.ts';
import { shuffled } from './random.ts';
import { checkThresholds, judgeThresholds } from './thresholds.ts';
import type { Tree } from './tree.ts';
import { type Identity, scriptCheck, validity } from './validity.ts';
import { ENDPOINTS, openVisitor, type Visitor } from './workload.ts';

export type MeasuredTier = 'T1' | 'T2' | 'T3' | 'pages';

export interface CompareOptions {
  readonly base: Tree;
  readonly head: Tree;
  /** The repository whose scripts ask. */
  readonly root: string;
  /** T0 always; which of the others as well. */
  readonly tiers: readonly MeasuredTier[];
  /** Synthetic clients. */
  readonly clients: number;
  /** Latency pairs of an endpoint at most. */
  readonly mostPairs: number;
  /** How often both processes are started anew while latencies are measured. */
  readonly restarts: number;
  /** Share of the sixteen minutes of the critical paths. */
  readonly timeScale: number;
  /** Whether the base walks the critical paths even when the head crosses no threshold, so that there are more requests whose errors can be compared. */
  readonly walkBase: boolean;
  readonly seed: number;
  /** Folder of the history; none is read or written when absent. */
  readonly history?: string | undefined;
  /** Of the base; the head's is 600 higher. Default: free ones. */
  readonly portOffset?: number | undefined;
  readonly log?: (line: string) => void;
}

export interface Comparison {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
}

const WARM_UP = 12;

/** Numbers of the requests of the warm-up: no others create the same things. */
const FIRST_WARM_UP = 200_000;

/** Every endpoint some times; what went wrong first. */
async function warmUp(visitor: Visitor): Promise<string | undefined> {
  for (let index = 0; index < WARM_UP; index++) {
    for (const endpoint of ENDPOINTS) await visitor.visit(endpoint, FIRST_WARM_UP + index);
  }
  return visitor.firstError;
}

const values = (
  counters: Awaited<ReturnType<typeof countRequests>> | undefined,
  compared: ReturnType<typeof compareLatencies>,
  bundle: Tree['bundle'],
): Entry['values'] => ({
  ...Object.fromEntries(
    [...(counters ?? [])].map(([name, all]) => [
      `${name} statements`,
      mean(all.map(({ statements }) => [...statements.values()].reduce((sum, { calls }) => sum + calls, 0))),
    ]),
  ),
  ...Object.fromEntries(compared.map(({ endpoint, head }) => [`${endpoint} ms`, head])),
  ...Object.fromEntries(Object.entries(bundle).map(([kind, bytes]) => [`pages ${kind} bytes`, bytes])),
});

type Stop = () => Promise<void> | void;

/** One that fails keeps no other from being stopped. */
async function stopAll(stops: readonly Stop[]): Promise<void> {
  for (const end of await Promise.allSettled(stops.map(async (stop) => stop())))
    if (end.status === 'rejected') throw end.reason;
}

/** Starts both clinics side by side, and judges the head by the base. Both are stopped in any case. */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const {
    base: baseTree,
    head: headTree,
    root,
    tiers,
    clients,
    mostPairs,
    timeScale,
    walkBase,
    seed,
    history,
    portOffset,
    restarts,
  } = options;
  const { log = () => {} } = options;
  const random = seededRandom(seed);
  const checks: Check[] = [];
  const done = (): Comparison => ({ verdict: overall(checks), checks });
  const stops: Stop[] = [];
  const open = async (name: string, tree: Tree, offset: number | undefined) => {
    try {
      log(`starting ${name}: ${tree.name}`);
      const clinic = await startClinic({ tree, clients, portOffset: offset });
      stops.push(clinic.stop);
      const visitor = await openVisitor(clinic);
      stops.push(visitor.close);
      const illness = await warmUp(visitor);
      return { clinic, visitor, illness };
    } catch (error) {
      checks.push({
        tier: 'T0',
        subject: name,
        verdict: 'inconclusive',
        why: `The clinic did not start or did not answer: ${(error as Error).message.slice(0, 600)}`,
      });
      return undefined;
    }
  };
  try {
    checks.push(...scriptCheck(baseTree.script, headTree.script));
    if (checks.length > 0) return done();
    // Whichever starts first is not always the same one.
    const sides: { base?: Awaited<ReturnType<typeof open>>; head?: Awaited<ReturnType<typeof open>> } = {};
    for (const name of shuffled(['base', 'head'] as const, random)) {
      const offset = portOffset === undefined ? undefined : portOffset + (name === 'base' ? 0 : 600);
      sides[name] = await open(name, name === 'base' ? baseTree : headTree, offset);
    }
    const { base, head } = sides;
    if (!base || !head) return done();
    const machine = machineClass();
    const identity = ({ clinic, illness }: { clinic: Clinic; illness: string | undefined }): Identity => ({
      script: clinic.tree.script,
      seed: clinic.seed,
      machine,
      endpoints: ENDPOINTS.map(({ name }) => name),
      illness,
    });
    checks.push(...validity(identity(base), identity(head)));
    if (overall(checks) === 'inconclusive') return done();

    let counters: Awaited<ReturnType<typeof countRequests>> | undefined;
    if (tiers.includes('T1')) {
      log('counting what each request does');
      const before = await countRequests(base.clinic, base.visitor, ENDPOINTS);
      counters = await countRequests(head.clinic, head.visitor, ENDPOINTS);
      for (const { name } of ENDPOINTS) checks.push(compareCounters(name, before.get(name)!, counters.get(name)!));
      checks.push(...compareBundles(baseTree.bundle, headTree.bundle));
    }

    let compared: ReturnType<typeof compareLatencies> = [];
    if (tiers.includes('T3')) {
      log('measuring latencies in pairs');
      const measured = await measureLatencies({
        base,
        head,
        endpoints: ENDPOINTS,
        random,
        most: mostPairs,
        restarts,
        log,
      });
      compared = compareLatencies(measured.pairs);
      for (const one of compared) checks.push(latencyCheck(one, measured.looks.get(one.endpoint)));
      for (const [name, pairs] of measured.pairs) checks.push(tailCheck(name, pairs, random, measured.pairs.size));
    }
    if (tiers.includes('pages')) {
      log('loading pages in pairs');
      checks.push(...(await checkPages({ base: base.clinic, head: head.clinic, random })));
    }

    const asked = { base: base.visitor, head: head.visitor };
    const errors: Record<'base' | 'head', Errors> = {
      base: { requests: asked.base.requests, errors: asked.base.errors },
      head: { requests: asked.head.requests, errors: asked.head.errors },
    };
    if (tiers.includes('T2')) {
      const walk = async (name: 'base' | 'head') => {
        log(`critical paths on ${name}`);
        const { clinic } = name === 'base' ? base : head;
        return checkThresholds({ clinic, root, timeScale });
      };
      const first = await walk('head');
      const crossed = first.checks.some(({ verdict }) => verdict === 'fail');
      const other = crossed || walkBase ? await walk('base') : undefined;
      checks.push(...judgeThresholds({ first, base: other, again: crossed ? await walk('head') : undefined }));
      if (other) {
        for (const [name, result] of [
          ['base', other],
          ['head', first],
        ] as const) {
          errors[name] = {
            requests: errors[name].requests + result.errors.requests,
            errors: errors[name].errors + result.errors.errors,
          };
        }
      }
    }
    const rule = errorRule(errors.base, errors.head);
    checks.push({ tier: 'rules', subject: 'errors', verdict: rule.fails ? 'fail' : 'pass', why: rule.why });

    if (history !== undefined) {
      const { commit } = headTree;
      if (commit !== undefined && tiers.includes('T1') && tiers.includes('T3')) {
        addToHistory(history, {
          at: new Date().toISOString(),
          commit,
          machine,
          clients,
          values: values(counters, compared, headTree.bundle),
        });
      }
      checks.push(...checkHistory(readHistory(history), { machine, clients }));
    }
    return done();
  } finally {
    await stopAll(stops.reverse());
  }
}
