import type { Check } from './check.ts';
import { detectable, pairsFor } from './power.ts';
import { shuffled } from './random.ts';
import { hodgesLehmann, holm, mannWhitney } from './rank-test.ts';
import { quantileRatio, type Ratio } from './tail.ts';

/**
 * Two processes of the same build differ by some percent (compiled code, memory, pages of the database): so much is no
 * regression. Ratio of latencies.
 */
export const TOLERATED = 1.05;
/** What has to be found. */
export const SOUGHT = 1.25;
/**
 * What the pairs are chosen to find: less than is sought. A handler that takes a quarter longer makes a request 1.22 times as long, and two
 * processes of one build may hide some percent of that.
 */
const PLANNED = 1.16;
const WARN = 1.1;
const FAIL = 1.2;
/** Milliseconds: less than that nobody feels, whatever the ratio. */
const FLOOR_MS = 0.5;
/** Family-wise. */
const ALPHA = 0.01;
const POWER = 0.95;
/** A measurement that could miss so much says nothing by not finding it. */
const BLIND = 1.5;

/** Latencies of one endpoint, milliseconds, pair by pair. */
export interface Pairs {
  readonly base: readonly number[];
  readonly head: readonly number[];
}

const logs = (values: readonly number[]) => values.map((value) => Math.log(Math.max(value, 1e-3)));

export interface PlanOptions {
  readonly endpoints: number;
  /** Pairs at most. */
  readonly most: number;
}

/** How many pairs an endpoint takes, from latencies of an A/A pilot. */
export const pairsOf = (pilot: readonly number[], { endpoints, most }: PlanOptions): number =>
  pairsFor({
    pilot: logs(pilot),
    shift: Math.log(PLANNED / TOLERATED),
    alpha: ALPHA / endpoints,
    wanted: POWER,
    least: Math.min(60, most),
    most,
  });

export interface Compared {
  readonly endpoint: string;
  readonly pairs: number;
  /** Of all of head by all of base: the shift of Hodges and Lehmann, of logarithms; 95 % interval. */
  readonly ratio: Ratio;
  /** Medians, milliseconds. */
  readonly base: number;
  readonly head: number;
  /** That head is not slower than tolerated; Holm-adjusted over the endpoints. */
  readonly p: number;
  /** The smallest ratio that is found 4 times out of 5. */
  readonly detectable: number;
  readonly verdict: 'pass' | 'warn' | 'fail' | 'inconclusive';
}

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** T3: whether each endpoint became slower. */
export function compareLatencies(measured: ReadonlyMap<string, Pairs>): Compared[] {
  const names = [...measured.keys()];
  const alpha = ALPHA / names.length;
  const probabilities = holm(
    names.map((name) => {
      const { base, head } = measured.get(name)!;
      return mannWhitney(
        logs(base).map((log) => log + Math.log(TOLERATED)),
        logs(head),
      ).p;
    }),
  );
  return names.map((endpoint, index): Compared => {
    const { base, head } = measured.get(endpoint)!;
    const { shift, low, high } = hodgesLehmann(logs(base), logs(head));
    const ratio = { ratio: Math.exp(shift), low: Math.exp(low), high: Math.exp(high) };
    const [before, after] = [middle(base), middle(head)];
    const p = probabilities[index]!;
    const found = TOLERATED * Math.exp(detectable(logs(base), base.length, alpha, 0.8));
    const slower = p < ALPHA;
    const verdict =
      slower && ratio.ratio >= FAIL && after - before >= FLOOR_MS
        ? 'fail'
        : slower && ratio.ratio >= WARN
          ? 'warn'
          : found > BLIND
            ? 'inconclusive'
            : 'pass';
    return { endpoint, pairs: base.length, ratio, base: before, head: after, p, detectable: found, verdict };
  });
}

const times = (value: number) => (Number.isFinite(value) ? `${value.toFixed(2)}×` : 'nothing');

/** The line of the table; `look` is what to look at when it is slower. */
export function latencyCheck(compared: Compared, look?: string): Check {
  const { endpoint, pairs, ratio, base, head, p, verdict } = compared;
  const figures = `${base.toFixed(1)} → ${head.toFixed(1)} ms, ${times(ratio.ratio)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}), p ${p < 0.001 ? '< 0.001' : p.toFixed(3)}, ${pairs} pairs, finds ${times(compared.detectable)}`;
  return {
    tier: 'T3',
    subject: endpoint,
    verdict,
    why: verdict === 'inconclusive' ? `too noisy to tell: ${figures}` : figures,
    look: verdict === 'fail' || verdict === 'warn' ? look : undefined,
  };
}

/**
 * The classic rule "p95 over 20 % slower" with its uncertainty: fails when the whole interval lies above, which is 99 % wide for
 * all endpoints together; what the bare rule would have said stands beside it.
 */
export function tailCheck(endpoint: string, pairs: Pairs, random: () => number, endpoints: number): Check {
  const confidence = 1 - ALPHA / endpoints;
  const { ratio, low, high } = quantileRatio(pairs, { share: 0.95, confidence, random });
  const figures = `p95 ${times(ratio)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  if (low > FAIL) return { tier: 'rules', subject: endpoint, verdict: 'fail', why: figures };
  const why = ratio > FAIL ? `${figures}: the bare rule would fail, but this may be chance` : figures;
  return { tier: 'rules', subject: endpoint, verdict: 'pass', why };
}

export interface Turn {
  readonly endpoint: string;
  readonly first: 'base' | 'head';
}

/** Pairs of all endpoints in random order, spread over the whole time; in each pair one side or the other goes first. */
export function turns(pairs: ReadonlyMap<string, number>, random: () => number): Turn[] {
  const rounds = Math.max(0, ...pairs.values());
  return Array.from({ length: rounds }, (_, round) =>
    shuffled(
      [...pairs].flatMap(([endpoint, count]) =>
        // An endpoint with half as many pairs takes part in every other round.
        Math.floor(((round + 1) * count) / rounds) > Math.floor((round * count) / rounds) ? [endpoint] : [],
      ),
      random,
    ).map((endpoint): Turn => ({ endpoint, first: random() < 0.5 ? 'base' : 'head' })),
  ).flat();
}
