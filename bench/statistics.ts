/** The middle value, or the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median over rounds of what `compare` says about a row and the base's row of the same round. */
export function paired<Row>(
  rows: readonly Row[],
  base: readonly Row[],
  compare: (row: Row, base: Row) => number,
): number {
  return median(rows.map((row, round) => compare(row, base[round]!)));
}

/** Rounds to as many significant digits. */
export const significant = (value: number, digits = 3): number => Number(value.toPrecision(digits));
