/** Fewer observations than this say nothing about a habit. */
export const MIN_OBSERVATIONS = 20;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How many standard deviations `value` lies above what is usual, by median and median absolute deviation, which a few odd days do
 * not move. Undefined with fewer than {@link MIN_OBSERVATIONS}. The deviation is at least a tenth of the median and at least 1: of counts that
 * hardly vary, one more is no surprise.
 */
export function robustZ(value: number, usual: readonly number[]): number | undefined {
  if (usual.length < MIN_OBSERVATIONS) return undefined;
  const centre = median(usual);
  // 1.4826 makes the median absolute deviation of a normal distribution its standard deviation.
  const spread = 1.4826 * median(usual.map((each) => Math.abs(each - centre)));
  return (value - centre) / Math.max(spread, centre / 10, 1);
}
