/** What a monitor tells of the last samples of a metric, in milliseconds; the same in Node and in the browser. */
export interface Stats {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  /** By nearest rank. */
  readonly p95: number;
}

/** `sorted` ascends and has at least one sample. */
export function statsOf(sorted: readonly number[] | Float64Array): Stats {
  const count = sorted.length;
  let sum = 0;
  for (const ms of sorted) sum += ms;
  return {
    count,
    min: sorted[0]!,
    max: sorted[count - 1]!,
    avg: sum / count,
    p95: sorted[Math.ceil(0.95 * count) - 1]!,
  };
}
