/** The value below which a share of the values lies, by nearest rank; NaN of nothing. `sorted` ascends. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

/** NaN of nothing. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Between which values a quantile of the population lies with 95 % confidence, from the order of a sample alone (binomial,
 * by its normal approximation). The whole range where there are too few values to say.
 */
export function quantileInterval(sorted: readonly number[], share: number): Interval {
  const n = sorted.length;
  if (n === 0) return { low: Number.NaN, high: Number.NaN };
  const spread = 1.96 * Math.sqrt(n * share * (1 - share));
  const at = (rank: number) => sorted[Math.min(n - 1, Math.max(0, Math.round(rank) - 1))]!;
  return { low: at(n * share - spread), high: at(n * share + spread + 1) };
}
