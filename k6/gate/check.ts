export type Verdict = 'pass' | 'warn' | 'fail' | 'inconclusive';
export type Tier = 'T0' | 'T1' | 'T2' | 'T3' | 'T4' | 'rules';

/** One line of the gate's table. */
export interface Check {
  readonly tier: Tier;
  /** Endpoint, file or series that was looked at. */
  readonly subject: string;
  readonly verdict: Verdict;
  readonly why: string;
  /** Which query or commit to look at. */
  readonly look?: string | undefined;
}

/** What the process ends with. 2 is for a wrong command line or an error of the gate itself. */
export const EXIT_CODES = { pass: 0, warn: 0, fail: 1, inconclusive: 3 } as const satisfies Record<Verdict, number>;

/** Without validity nothing else counts; then a failure, then what could not be told, then a warning. */
export function overall(checks: readonly Check[]): Verdict {
  const has = (verdict: Verdict, tier?: Tier) =>
    checks.some((check) => check.verdict === verdict && (tier === undefined || check.tier === tier));
  if (checks.length === 0 || has('inconclusive', 'T0')) return 'inconclusive';
  return has('fail') ? 'fail' : has('inconclusive') ? 'inconclusive' : has('warn') ? 'warn' : 'pass';
}
