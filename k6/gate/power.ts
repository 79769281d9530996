import { mean } from '../statistics.ts';
import { below, quantileOf } from './normal-distribution.ts';

/**
 * How likely {@link mannWhitney} finds, at `alpha`, that values like those of the pilot are larger by `shift`, with `pairs` values
 * on either side. From the pilot itself, whatever its distribution: P(head > base) and its variance by placements (DeLong).
 */
export function power(pilot: readonly number[], shift: number, pairs: number, alpha: number): number {
  const sorted = Float64Array.from(pilot).sort();
  const size = sorted.length;
  if (size < 2) return 0;
  const shareBelow = (value: number) => {
    let [low, high] = [0, size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low / size;
  };
  const heads = Array.from(sorted, (value) => shareBelow(value + shift));
  const bases = Array.from(sorted, (value) => 1 - shareBelow(value - shift));
  const variance = (values: readonly number[], around: number) =>
    values.reduce((sum, value) => sum + (value - around) ** 2, 0) / (values.length - 1);
  const likely = mean(heads);
  const spread = Math.sqrt((variance(heads, likely) + variance(bases, mean(bases))) / pairs);
  const threshold = quantileOf(1 - alpha) * Math.sqrt((2 * pairs + 1) / (12 * pairs * pairs));
  if (spread === 0) return likely - 0.5 > threshold ? 1 : 0;
  return below((likely - 0.5 - threshold) / spread);
}

export interface PairsOptions {
  /** Of an A/A pilot: logarithms of latencies. */
  readonly pilot: readonly number[];
  /** Logarithm of the ratio that has to be found, above what is tolerated. */
  readonly shift: number;
  readonly alpha: number;
  readonly wanted: number;
  readonly least: number;
  readonly most: number;
}

/** The fewest pairs with which the shift is found as often as wanted; `most` when none suffices. */
export function pairsFor({ pilot, shift, alpha, wanted, least, most }: PairsOptions): number {
  for (let pairs = least; pairs < most; pairs = Math.ceil(pairs * 1.15)) {
    if (power(pilot, shift, pairs, alpha) >= wanted) return pairs;
  }
  return most;
}

/** The smallest shift that so many pairs find with a likelihood of `wanted`; to 0.1 %. Infinity when none is. */
export function detectable(pilot: readonly number[], pairs: number, alpha: number, wanted: number): number {
  let [low, high] = [0, Math.log(20)];
  if (power(pilot, high, pairs, alpha) < wanted) return Number.POSITIVE_INFINITY;
  while (high - low > 1e-3) {
    const middle = (low + high) / 2;
    if (power(pilot, middle, pairs, alpha) >= wanted) high = middle;
    else low = middle;
  }
  return high;
}
