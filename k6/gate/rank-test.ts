import { below, quantileOf } from './normal-distribution.ts';

export interface RankTest {
  /** Pairs of one value each in which that of `head` is larger; equal ones count half. */
  readonly u: number;
  /** How likely so large a `u` is when `head` is not larger. */
  readonly p: number;
}

/** Up to so many values on either side, without equal ones, the probability is exact. */
const EXACT = 20;

/** Of all ways to mix `m` values among `n`, how many give each U: the coefficients of the Gaussian binomial. */
function waysOf(m: number, n: number): Float64Array {
  const ways = new Float64Array(m * n + 1);
  ways[0] = 1;
  for (let k = 1; k <= m; k++) {
    for (let u = ways.length - 1; u >= n + k; u--) ways[u]! -= ways[u - n - k]!;
    for (let u = k; u < ways.length; u++) ways[u]! += ways[u - k]!;
  }
  return ways;
}

/**
 * Mann and Whitney's test, one-sided: are values of `head` larger than those of `base`? Exact for small samples without ties,
 * otherwise by the normal approximation, corrected for ties and continuity. Without values on either side p is 1.
 */
export function mannWhitney(base: readonly number[], head: readonly number[]): RankTest {
  const [m, n] = [base.length, head.length];
  if (m === 0 || n === 0) return { u: 0, p: 1 };
  const all = [...base.map((value) => ({ value, head: false })), ...head.map((value) => ({ value, head: true }))];
  all.sort((a, b) => a.value - b.value);
  let [ranks, ties] = [0, 0];
  for (let from = 0, to = 0; from < all.length; from = to) {
    while (to < all.length && all[to]!.value === all[from]!.value) to++;
    const count = to - from;
    ties += count ** 3 - count;
    for (let index = from; index < to; index++) if (all[index]!.head) ranks += (from + to + 1) / 2;
  }
  const u = ranks - (n * (n + 1)) / 2;
  if (ties === 0 && m <= EXACT && n <= EXACT) {
    const ways = waysOf(Math.min(m, n), Math.max(m, n));
    const total = ways.reduce((sum, count) => sum + count, 0);
    return { u, p: ways.subarray(u).reduce((sum, count) => sum + count, 0) / total };
  }
  const size = m + n;
  const deviation = Math.sqrt(((m * n) / 12) * (size + 1 - ties / (size * (size - 1))));
  return { u, p: deviation === 0 ? 1 : 1 - below((u - (m * n) / 2 - 0.5) / deviation) };
}

export interface Shift {
  readonly shift: number;
  readonly low: number;
  readonly high: number;
}

/** By how much `head` is larger: Hodges and Lehmann's median of all differences, with Moses' interval of that confidence. */
export function hodgesLehmann(base: readonly number[], head: readonly number[], confidence = 0.95): Shift {
  const [m, n] = [base.length, head.length];
  const differences = new Float64Array(m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) differences[i * n + j] = head[j]! - base[i]!;
  differences.sort();
  const at = (index: number) => differences[Math.max(0, Math.min(m * n - 1, index))] ?? Number.NaN;
  const middle = (m * n - 1) / 2;
  const z = quantileOf(0.5 + confidence / 2);
  const rank = Math.floor((m * n) / 2 - z * Math.sqrt((m * n * (m + n + 1)) / 12));
  return {
    shift: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    low: at(rank - 1),
    high: at(m * n - rank),
  };
}

/** Holm's adjusted probabilities, in the given order: below α with a family-wise error of at most α. */
export function holm(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, index) => index).sort((a, b) => probabilities[a]! - probabilities[b]!);
  const adjusted = new Array<number>(probabilities.length);
  let largest = 0;
  for (const [rank, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, probabilities[index]! * (probabilities.length - rank)));
    adjusted[index] = largest;
  }
  return adjusted;
}
