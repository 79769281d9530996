/** How long each part takes, in seconds, and how often it is done. */
export interface Plan {
  /** Processes started of each variant, for start-up and idle memory. */
  readonly starts: number;
  /** Until a process that has nothing to do is called idle. */
  readonly idle: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly settle: number;
  readonly saturated: number;
  readonly fixed: number;
  /** Requests a second at which latency is measured. */
  readonly rate: number;
  readonly slowEvents: number;
  readonly series: readonly number[];
  /** Spans a second. */
  readonly spans: readonly number[];
  readonly spansSeconds: number;
  readonly spansRounds: number;
  /** Pairs of page loads, with and without telemetry. */
  readonly browserRounds: number;
  readonly outage: { readonly warmUp: number; readonly before: number; readonly away: number; readonly after: number };
}

export const FULL: Plan = {
  starts: 4,
  idle: 1.5,
  warmUp: 60,
  rounds: 11,
  settle: 0.5,
  saturated: 2.5,
  fixed: 2.5,
  rate: 1000,
  slowEvents: 2000,
  series: [100, 500, 1000, 2000, 5000],
  spans: [100, 300, 1000, 2000],
  spansSeconds: 3,
  spansRounds: 2,
  browserRounds: 9,
  outage: { warmUp: 10, before: 20, away: 300, after: 20 },
};

/** Proves that everything works; its figures mean nothing. */
export const QUICK: Plan = {
  starts: 1,
  idle: 0.2,
  warmUp: 1,
  rounds: 1,
  settle: 0.2,
  saturated: 1,
  fixed: 1,
  rate: 100,
  slowEvents: 100,
  series: [100, 500],
  spans: [100],
  spansSeconds: 1,
  spansRounds: 1,
  browserRounds: 1,
  outage: { warmUp: 1, before: 2, away: 6, after: 2 },
};
