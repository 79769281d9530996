import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Fingerprint } from './manifest.ts';

/** Nothing was quiet for long enough to say at which WAL position the rows were these. */
export class DatabaseBusy extends Error {
  override readonly name = 'DatabaseBusy';
}

/** What a row looks like as text must not depend on who asks. */
const SESSION = `SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;
SET bytea_output = 'hex'; SET statement_timeout = 0; SET lock_timeout = '10s'`;

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** 64 bits of SHA-256 of a record in SQL. Added up they are the same whatever the order, and another as soon as a row differs. */
export const rowHash = (row: string) =>
  `('x' || encode(substring(sha256(convert_to(${row}::text, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint::numeric`;

/** Counts and hashes of every table of the schema `public`, in the transaction that is open. */
export async function tablesOf(client: pg.Client): Promise<Fingerprint['tables']> {
  const { rows: names } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`,
  );
  const tables: Fingerprint['tables'] = {};
  for (const { name } of names) {
    const { rows } = await client.query<{ rows: string; hash: string }>(
      `SELECT count(*) AS rows, coalesce(sum(${rowHash('t')}), 0)::text AS hash FROM public.${quoted(name)} AS t`,
    );
    const row = rows[0];
    if (row) tables[name] = { rows: Number(row.rows), hash: row.hash };
  }
  return tables;
}

/** Milliseconds to wait for a moment at which nobody is in the middle of a write. */
const PATIENCE_MS = 30_000;

/**
 * Takes the fingerprint of the database and the WAL position that it belongs to, exactly: a copy recovered to this position
 * holds these rows and no other. `client` may read every table. Rejects with a DatabaseBusy when writes never pause.
 *
 * The snapshot is one without a transaction in progress; the position is read after it; and the transaction number that is drawn
 * after that is the first that the snapshot does not know. So no transaction that the snapshot does not see had even begun to
 * write before the position, and the commit of each that it sees lies before it.
 */
export async function takeFingerprint(
  client: pg.Client,
  { witness, now }: { readonly witness: pg.Client; readonly now: () => number },
): Promise<Fingerprint> {
  await client.query(SESSION);
  const deadline = now() + PATIENCE_MS;
  for (;;) {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const at = new Date(now()).toISOString();
    const { rows } = await client.query<{ quiet: boolean; next: string; lsn: string }>(
      `SELECT pg_snapshot_xmin(s) = pg_snapshot_xmax(s) AS quiet, pg_snapshot_xmax(s)::text AS next, pg_current_wal_insert_lsn()::text AS lsn
       FROM pg_current_snapshot() AS s`,
    );
    const seen = rows[0];
    if (seen?.quiet && (await drawNumber(witness)) === seen.next) {
      const tables = await tablesOf(client);
      await client.query('COMMIT');
      return { at, lsn: seen.lsn, tables };
    }
    await client.query('ROLLBACK');
    if (now() > deadline) throw new DatabaseBusy('The database was never without a write in progress.');
    await sleep(20);
  }
}

/** A transaction number of its own, and a record in the WAL that recovery can stop before. */
async function drawNumber(witness: pg.Client): Promise<string> {
  const { rows } = await witness.query<{ number: string }>(
    `SELECT pg_current_xact_id()::text AS number, pg_logical_emit_message(true, 'sentinel', 'fingerprint')`,
  );
  return rows[0]?.number ?? '';
}

export interface Difference {
  readonly table: string;
  readonly what: 'missing' | 'rows' | 'content';
}

/** What differs between how it was and how a copy is; a table that was not there then is no difference. */
export function differences(then: Fingerprint['tables'], copy: Fingerprint['tables']): Difference[] {
  return Object.entries(then).flatMap(([table, was]): Difference[] => {
    const is = copy[table];
    if (!is) return [{ table, what: 'missing' }];
    if (is.rows !== was.rows) return [{ table, what: 'rows' }];
    return is.hash === was.hash ? [] : [{ table, what: 'content' }];
  });
}

export const prepareSession = (client: pg.Client) => client.query(SESSION);
