/** Who signs in with a second factor. */
import type { Query } from './query.ts';

export interface SecondFactorCoverage {
  /** Share of active accounts with a second factor, 0..1, of each role that has any. */
  readonly ratios: ReadonlyMap<string, number>;
  /** Active administrators without one. */
  readonly privilegedWithout: number;
}

export async function secondFactorCoverage(query: Query): Promise<SecondFactorCoverage> {
  const rows = await query<{ role: string; accounts: number; enrolled: number }>(
    `SELECT role, count(*)::int AS accounts, count(totp_enrolled_at)::int AS enrolled FROM users WHERE active GROUP BY role`,
  );
  const admins = rows.find(({ role }) => role === 'admin');
  return {
    ratios: new Map(rows.map(({ role, accounts, enrolled }) => [role, enrolled / accounts])),
    privilegedWithout: admins ? admins.accounts - admins.enrolled : 0,
  };
}
