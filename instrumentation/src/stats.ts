/** What a monitor tells of the last samples of a metric, in milliseconds; the same in Node and in the browser. */
export interface Stats {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  /** By nearest rank. */
  readonly p95: number;
}
