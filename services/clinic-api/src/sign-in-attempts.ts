import type { Query } from './database.ts';

/** Failures of an account from one source that are tolerated before it is locked for that source. */
export const TOLERATED_FROM_SOURCE = 5;
/** Failures of an account from all sources together, before it is locked for every source it never signed in from. */
export const TOLERATED_IN_ALL = 20;
/** Minutes that the first lock lasts; each further failure doubles it, up to the longest. */
const FIRST_LOCK = 1;
const LONGEST_LOCK = 15;
/** Failures are forgotten after so many hours without another one. */
const REMEMBERED_HOURS = 24;
/** Days that a source counts as known after a sign-in. */
const KNOWN_DAYS = 30;

/** The row that counts the failures of an account from all sources. */
const EVERYWHERE = Buffer.alloc(32);

export interface Attempt {
  /** Keyed hashes: see AuditHashes. The account need not exist. */
  readonly account: Buffer;
  readonly source: Buffer;
}

interface Row {
  readonly everywhere: boolean;
  readonly failures: number;
  readonly locked: boolean;
  readonly known: boolean;
}

const COLUMNS = `source = $2 AS everywhere, recent AS failures,
  recent >= tolerated AND now() < failed_at + make_interval(mins => least(
    ${LONGEST_LOCK}, ${FIRST_LOCK} * 2 ^ least(recent - tolerated, 10))::int) AS locked,
  coalesce(succeeded_at > now() - interval '${KNOWN_DAYS} days', false) AS known`;
const DERIVED = `CROSS JOIN LATERAL (SELECT
  CASE WHEN failed_at > now() - interval '${REMEMBERED_HOURS} hours' THEN failures ELSE 0 END AS recent,
  CASE WHEN source = $2 THEN ${TOLERATED_IN_ALL} ELSE ${TOLERATED_FROM_SOURCE} END AS tolerated) AS derived`;

const isLocked = (rows: readonly Row[]): boolean => {
  const own = rows.find(({ everywhere }) => !everywhere);
  const all = rows.find(({ everywhere }) => everywhere);
  return (own?.locked ?? false) || ((all?.locked ?? false) && !own?.known);
};

/** Whether sign-ins with this account from this source are refused at present, whatever the password. */
export async function locked(query: Query, { account, source }: Attempt): Promise<boolean> {
  return isLocked(
    await query<Row>(`SELECT ${COLUMNS} FROM sign_in_attempts ${DERIVED} WHERE account = $1 AND source IN ($2, $3)`, [
      account,
      EVERYWHERE,
      source,
    ]),
  );
}

/** As {@link locked}; further attempts of the account wait until the transaction ends, so that each sees the failures before it. */
export async function lockedAlone(query: Query, { account, source }: Attempt): Promise<boolean> {
  const [, rows] = await Promise.all([
    query(
      `INSERT INTO sign_in_attempts (account, source) VALUES ($1, $2), ($1, $3)
       ON CONFLICT (account, source) DO UPDATE SET failures = sign_in_attempts.failures`,
      [account, EVERYWHERE, source],
    ),
    query<Row>(`SELECT ${COLUMNS} FROM sign_in_attempts ${DERIVED} WHERE account = $1 AND source IN ($2, $3)`, [
      account,
      EVERYWHERE,
      source,
    ]),
  ]);
  return isLocked(rows);
}

/** Counts a failure; true when it locks the account for this source. */
export async function failed(query: Query, { account, source }: Attempt): Promise<boolean> {
  const [rows] = await Promise.all([
    query<Row>(
      `WITH counted AS (
         UPDATE sign_in_attempts SET failed_at = now(), failures = 1 +
           CASE WHEN failed_at > now() - interval '${REMEMBERED_HOURS} hours' THEN failures ELSE 0 END
         WHERE account = $1 AND source IN ($2, $3)
         RETURNING source, failures, failed_at, succeeded_at)
       SELECT ${COLUMNS} FROM counted ${DERIVED}`,
      [account, EVERYWHERE, source],
    ),
    query(
      // Rows that somebody else holds are left for another time: waiting for one another would end in a deadlock.
      `DELETE FROM sign_in_attempts WHERE ctid IN (
         SELECT ctid FROM sign_in_attempts WHERE failed_at < now() - interval '${REMEMBERED_HOURS} hours'
           AND coalesce(succeeded_at, '-infinity') < now() - interval '${KNOWN_DAYS} days'
         LIMIT 100 FOR UPDATE SKIP LOCKED)`,
    ),
  ]);
  return isLocked(rows);
}

/** Forgets the failures from this source, and notes that the account has signed in from here. */
export async function succeeded(query: Query, { account, source }: Attempt): Promise<void> {
  await query(
    `WITH own AS (SELECT failures FROM sign_in_attempts WHERE account = $1 AND source = $3)
     UPDATE sign_in_attempts AS attempts SET
       failures = CASE WHEN source = $2 THEN greatest(0, attempts.failures - own.failures) ELSE 0 END,
       succeeded_at = CASE WHEN source = $2 THEN NULL ELSE now() END
     FROM own WHERE account = $1 AND source IN ($2, $3)`,
    [account, EVERYWHERE, source],
  );
}

/** Lets an account sign in again from everywhere. */
export async function unlock(query: Query, account: Buffer): Promise<void> {
  await query('UPDATE sign_in_attempts SET failures = 0 WHERE account = $1', [account]);
}

/** Of these accounts, those that are locked for some source. */
export async function lockedAmong(query: Query, accounts: readonly Buffer[]): Promise<Set<string>> {
  const rows = await query<{ account: string }>(
    `SELECT DISTINCT encode(account, 'hex') AS account FROM (
       SELECT account, ${COLUMNS} FROM sign_in_attempts ${DERIVED} WHERE account = ANY($1)) AS each WHERE locked`,
    [accounts, EVERYWHERE],
  );
  return new Set(rows.map(({ account }) => account));
}
