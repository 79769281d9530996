import { quantile } from '../statistics.ts';

export interface Ratio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The ratio of a quantile of `head` to that of `base`, with a bootstrap interval (percentiles). Pair by pair, so that what
 * disturbed both at once counts for both.
 */
export function quantileRatio(
  { base, head }: { readonly base: readonly number[]; readonly head: readonly number[] },
  { share, confidence, random }: { readonly share: number; readonly confidence: number; readonly random: () => number },
  rounds = 2000,
): Ratio {
  const size = Math.min(base.length, head.length);
  const of = (values: readonly number[]) => quantile(Float64Array.from(values).sort(), share);
  const [a, b] = [new Float64Array(size), new Float64Array(size)];
  const ratios = new Float64Array(rounds);
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < size; index++) {
      const chosen = Math.floor(random() * size);
      a[index] = base[chosen]!;
      b[index] = head[chosen]!;
    }
    ratios[round] = quantile(b.sort(), share) / quantile(a.sort(), share);
  }
  ratios.sort();
  return {
    ratio: of(head) / of(base),
    low: quantile(ratios, (1 - confidence) / 2),
    high: quantile(ratios, (1 + confidence) / 2),
  };
}
