/** What attempts to sign in look like together. Accounts and sources are keyed hashes; nothing here says whose they are. */
import { type SIGN_IN_ATTACKS, SIGN_IN_OUTCOMES } from '@clinic/catalogue/vocabulary';
import { DAY_MS, type Notebook, type SignInOutcome } from './notebook.ts';
import { robustZ } from './robust.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * `credential_stuffing`: lists of names and passwords from elsewhere, so most accounts do not exist here. `password_spraying`: a few
 * passwords tried on many accounts that do. `slow_attack`: so few a day that no hour shows it. `second_factor_missing`: somebody
 * elsewhere knows passwords, and does not get past the second factor.
 */
export type Attack = (typeof SIGN_IN_ATTACKS)[number];

/** When the practice is open, in its own time zone. */
export interface OpeningHours {
  readonly timeZone: string;
  /** Hours of the day; weekdays only. */
  readonly from: number;
  readonly to: number;
}

/** Of the last hour. */
export interface SignInFigures {
  readonly attempts: Readonly<Record<SignInOutcome, number>>;
  /** Distinct accounts that one source tried; the largest. */
  readonly accountsPerSource: number;
  /** Share of attempts on accounts that do not exist, 0..1; NaN without attempts. */
  readonly unknownRatio: number;
  /** Sign-ins that worked after three failures or more of the same account within the hour before. */
  readonly successAfterFailures: number;
  /** Sign-ins that worked, out of opening hours. */
  readonly outOfHours: number;
}

export function signInFigures(notebook: Notebook, now: number, hours: OpeningHours): SignInFigures {
  const since = now - HOUR_MS;
  const counts = new Map(
    notebook
      .all<{ outcome: SignInOutcome; count: number }>(
        'SELECT outcome, count(*) AS count FROM sign_ins WHERE at > ? AND at <= ? GROUP BY outcome',
        ...[since, now],
      )
      .map(({ outcome, count }) => [outcome, count]),
  );
  const { accounts } = notebook.get<{ accounts: number }>(
    `SELECT coalesce(max(accounts), 0) AS accounts FROM (
      SELECT count(DISTINCT account) AS accounts FROM sign_ins WHERE at > ? AND at <= ? GROUP BY source)`,
    ...[since, now],
  )!;
  const { total, unknown } = notebook.get<{ total: number; unknown: number }>(
    'SELECT count(*) AS total, coalesce(sum(known = 0), 0) AS unknown FROM sign_ins WHERE at > ? AND at <= ?',
    ...[since, now],
  )!;
  const { successes } = notebook.get<{ successes: number }>(
    `SELECT count(*) AS successes FROM sign_ins AS s WHERE outcome = 'accepted' AND at > ? AND at <= ? AND (
      SELECT count(*) FROM sign_ins AS f WHERE f.account = s.account AND f.at >= s.at - ${HOUR_MS} AND f.at < s.at
      AND f.outcome IN ('credentials_wrong', 'second_factor_wrong', 'locked', 'throttled')) >= 3`,
    ...[since, now],
  )!;
  const accepted = notebook.all<{ at: number }>(
    "SELECT at FROM sign_ins WHERE outcome = 'accepted' AND at > ? AND at <= ?",
    ...[since, now],
  );
  return {
    attempts: Object.fromEntries(
      SIGN_IN_OUTCOMES.map((outcome) => [outcome, counts.get(outcome) ?? 0]),
    ) as SignInFigures['attempts'],
    accountsPerSource: accounts,
    unknownRatio: unknown / total,
    successAfterFailures: successes,
    outOfHours: accepted.filter(({ at }) => !isOpen(at, hours)).length,
  };
}

/** Whether the practice is open at a time. */
export function isOpen(at: number, { timeZone, from, to }: OpeningHours): boolean {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: 'numeric', hourCycle: 'h23' });
  const found = new Map(parts.formatToParts(at).map(({ type, value }) => [type, value]));
  const hour = Number(found.get('hour'));
  return !['Sat', 'Sun'].includes(found.get('weekday')!) && hour >= from && hour < to;
}

/**
 * The attacks that the attempts up to `now` show. Failures where the account had signed in from that source before are left out: a
 * broken sign-in page makes everybody fail, each from where they always sign in. An attacker does not sit there.
 */
export function attacksAt(notebook: Notebook, now: number): Attack[] {
  return [
    ...(stuffing(notebook, now) ? (['credential_stuffing'] as const) : []),
    ...(spraying(notebook, now) ? (['password_spraying'] as const) : []),
    ...(slow(notebook, now) ? (['slow_attack'] as const) : []),
    ...(secondFactorMissing(notebook, now) ? (['second_factor_missing'] as const) : []),
  ];
}

const STRANGE_FAILURES =
  "familiar = 0 AND outcome IN ('credentials_wrong', 'second_factor_wrong', 'locked', 'throttled')";

/** Distinct accounts of a list that are tried within an hour; a clinic with more staff has no more strangers. */
const STUFFED_ACCOUNTS = 20;

function stuffing(notebook: Notebook, now: number): boolean {
  const { accounts, unknown } = notebook.get<{ accounts: number; unknown: number }>(
    `SELECT count(DISTINCT account) AS accounts, count(DISTINCT CASE WHEN known = 0 THEN account END) AS unknown
     FROM sign_ins WHERE at > ? AND at <= ? AND ${STRANGE_FAILURES}`,
    ...[now - HOUR_MS, now],
  )!;
  return accounts >= STUFFED_ACCOUNTS && unknown / accounts >= 0.5;
}

/** Distinct accounts of the practice that fail from strange sources within an hour, and attempts on each. */
const SPRAYED_ACCOUNTS = 5;
const SPRAYED_ATTEMPTS = 5;

function spraying(notebook: Notebook, now: number): boolean {
  const { accounts, unknown, attempts } = notebook.get<{ accounts: number; unknown: number; attempts: number }>(
    `SELECT count(DISTINCT CASE WHEN known = 1 THEN account END) AS accounts,
       count(DISTINCT CASE WHEN known = 0 THEN account END) AS unknown, coalesce(sum(known), 0) AS attempts
     FROM sign_ins WHERE at > ? AND at <= ? AND ${STRANGE_FAILURES}`,
    ...[now - HOUR_MS, now],
  )!;
  // A list from elsewhere holds some names of the practice, too.
  return accounts >= SPRAYED_ACCOUNTS && accounts > unknown && attempts / accounts <= SPRAYED_ATTEMPTS;
}

/**
 * Failures from strange sources over three days, against each of the 28 days before: whole days that end at the same hour, so that
 * night and week are compared with their like. A typing mistake from home is part of what is usual.
 */
function slow(notebook: Notebook, now: number): boolean {
  const days = new Array<number>(31).fill(0);
  for (const { age, count } of notebook.all<{ age: number; count: number }>(
    `SELECT CAST((? - at) / ${DAY_MS} AS INTEGER) AS age, count(*) AS count
     FROM sign_ins WHERE at > ? AND at <= ? AND ${STRANGE_FAILURES} GROUP BY age`,
    ...[now, now - 31 * DAY_MS, now],
  )) {
    if (age < days.length) days[age] = count;
  }
  const { oldest } = notebook.get<{ oldest: number | null }>('SELECT min(at) AS oldest FROM sign_ins')!;
  const known = Math.min(31, Math.floor((now - (oldest ?? now)) / DAY_MS));
  const lately = (days[0]! + days[1]! + days[2]!) / 3;
  return Math.min(days[0]!, days[1]!, days[2]!) > 0 && (robustZ(lately, days.slice(3, known)) ?? 0) > 6;
}

/** Accounts whose password worked from a strange source within an hour, and nobody came in from there. */
const WITHOUT_SECOND_FACTOR = 3;

function secondFactorMissing(notebook: Notebook, now: number): boolean {
  const { accounts } = notebook.get<{ accounts: number }>(
    `SELECT count(DISTINCT account) AS accounts FROM sign_ins AS s
     WHERE at > ? AND at <= ? AND familiar = 0 AND outcome = 'second_factor_needed' AND NOT EXISTS (
       SELECT 1 FROM sign_ins AS t WHERE t.account = s.account AND t.source = s.source AND t.outcome = 'accepted' AND t.at >= s.at)`,
    // Whoever has just been asked for the code is still looking for it.
    ...[now - HOUR_MS, now - 5 * MINUTE_MS],
  )!;
  return accounts >= WITHOUT_SECOND_FACTOR;
}
