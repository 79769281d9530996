/** A clinic's database on a real PostgreSQL, with the shipped migrations, whose audit log takes its time from the test. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { openDatabase } from '../../../../clinic-api/src/database.ts';
import { MIGRATIONS, migrate } from '../../../../clinic-api/src/migrations.ts';
import { sharedPostgres } from '../../../../clinic-api/src/testing/postgres.ts';
import { openPool } from '../../database.ts';
import { keyedHash } from '../explanations.ts';
import { type Query, queryOf } from '../query.ts';

export const AUDIT_KEY = 'a key of a test, with 32 characters';

/** What is told to the audit log. Times in epoch milliseconds. */
export interface Told {
  readonly at: number;
  readonly action: string;
  readonly outcome?: 'allowed' | 'refused';
  readonly actor?: number;
  readonly role?: string;
  readonly reason?: string;
  readonly client?: string;
  readonly resource?: string;
  readonly account?: string;
  readonly source?: string;
}

export interface Practice {
  /** As the owner of the database, who may do anything. */
  readonly owner: Query;
  /** As clinic_sentinel. */
  readonly sentinel: Query;
  readonly sentinelPool: pg.Pool;
  urlOf(role: string): string;
  readonly password: string;
  /** Writes events, in order, through the log's own trigger. */
  tell(events: readonly Told[]): Promise<void>;
  user(
    role: string,
    more?: { readonly supervisor?: number; readonly secondFactor?: boolean; readonly email?: string },
  ): Promise<number>;
  client(more?: { readonly primary?: number; readonly familyName?: string }): Promise<string>;
  close(): Promise<void>;
}

export async function startPractice(): Promise<Practice> {
  const postgres = await sharedPostgres();
  await postgres.template('migrated', async (url) => {
    const empty = openDatabase({ url, password: postgres.password });
    await migrate(empty, MIGRATIONS);
    await empty.close();
  });
  const database = await postgres.create('clinic', 'migrated');
  const pool = database.pool;
  const owner = queryOf(pool);
  const password = 'password-of-a-test-role';
  for (const role of ['clinic_app', 'clinic_sentinel', 'clinic_backup'])
    await owner(`ALTER ROLE ${role} LOGIN PASSWORD '${password}'`);
  // The trigger stays as it is; the clock that it asks is the one of the test, when there is one.
  await owner(`CREATE SCHEMA replay;
    CREATE FUNCTION replay.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
      $$ SELECT coalesce(nullif(current_setting('replay.at', true), '')::timestamptz, pg_catalog.clock_timestamp()) $$;
    GRANT USAGE ON SCHEMA replay TO PUBLIC;
    ALTER FUNCTION chain_audit_log() SET search_path = replay, pg_catalog, public`);
  const urlOf = (role: string) => postgres.urlOf('clinic').replace('clinic@', `${role}@`);
  const sentinelPool = openPool({ url: urlOf('clinic_sentinel'), password });
  let names = 0;
  return {
    owner,
    sentinel: queryOf(sentinelPool),
    sentinelPool,
    urlOf,
    password,
    async tell(events) {
      const rows = events.map(({ at, account, source, outcome = 'allowed', ...event }) => ({
        ...event,
        outcome,
        told_at: new Date(at).toISOString(),
        account: account && keyedHash(AUDIT_KEY, 'account', account),
        source: source && keyedHash(AUDIT_KEY, 'source', source),
      }));
      await owner(
        `INSERT INTO audit_log (actor_id, actor_role, action, outcome, reason, client_id, resource_id, account, source)
         SELECT CASE WHEN set_config('replay.at', told_at, false) <> '' THEN actor END, role, action, outcome, reason, client, resource,
           decode(account, 'hex'), decode(source, 'hex')
         FROM json_to_recordset($1) AS event (actor integer, role text, action text, outcome text, reason text, client uuid,
           resource text, account text, source text, told_at text)`,
        [JSON.stringify(rows)],
      );
      await owner("SELECT set_config('replay.at', '', false)");
    },
    async user(role, { supervisor, secondFactor = false, email } = {}) {
      const [row] = await owner<{ id: number }>(
        `INSERT INTO users (email, name, role, password_hash, supervisor_id, totp_enrolled_at)
         VALUES ($1, $2, $3, 'none', $4, $5) RETURNING id`,
        [
          email ?? `user-${++names}@clinic.example`,
          `Synthetic Member ${names}`,
          role,
          supervisor,
          secondFactor ? new Date() : null,
        ],
      );
      return row!.id;
    },
    async client({ primary, familyName } = {}) {
      const id = randomUUID();
      await owner(
        `INSERT INTO clients (id, given_name, family_name, born_on, email, phone, synthetic, primary_clinician_id)
         VALUES ($1, 'Synthetic', $2, '1980-01-01', 'nobody@clinic.example', '+1-202-555-0100', true, $3)`,
        [id, familyName ?? `Testcase-${++names}`, primary],
      );
      return id;
    },
    async close() {
      await sentinelPool.end();
      await database.close();
      await postgres.close();
    },
  };
}
