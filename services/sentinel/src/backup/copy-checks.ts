import type pg from 'pg';
import { differences, prepareSession, tablesOf } from './fingerprint.ts';
import type { Fingerprint } from './manifest.ts';

/** Each throws when a restored copy is not what it should be; the message names tables and numbers, never a row's content. */

/** Counts, and then content, of each table against how they were at this very position of the WAL. */
export async function compareTables(
  client: pg.Client,
  then: Fingerprint['tables'],
): Promise<{ rows: string[]; content: string[] }> {
  await prepareSession(client);
  const found = differences(then, await tablesOf(client));
  return {
    rows: found
      .filter(({ what }) => what !== 'content')
      .map(({ table, what }) => (what === 'missing' ? `${table} is missing` : `${table} has another number of rows`)),
    content: found.filter(({ what }) => what === 'content').map(({ table }) => `${table} has other rows`),
  };
}

interface ForeignKey {
  readonly name: string;
  readonly question: string;
}

/** Counts rows whose foreign key leads nowhere: recovery does not check it, and a restored index may hide it. */
export async function danglingReferences(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<ForeignKey>(`
    SELECT c.conrelid::regclass || '.' || c.conname AS name,
      format('SELECT count(*) AS n FROM %s AS a WHERE %s AND NOT EXISTS (SELECT FROM %s AS b WHERE %s)',
        c.conrelid::regclass,
        (SELECT string_agg(format('a.%I IS NOT NULL', attname), ' AND ') FROM pg_attribute
         WHERE attrelid = c.conrelid AND attnum = ANY (c.conkey)),
        c.confrelid::regclass,
        (SELECT string_agg(format('b.%I = a.%I', f.attname, l.attname), ' AND ')
         FROM unnest(c.conkey, c.confkey) AS k (here, there)
         JOIN pg_attribute AS l ON l.attrelid = c.conrelid AND l.attnum = k.here
         JOIN pg_attribute AS f ON f.attrelid = c.confrelid AND f.attnum = k.there)) AS question
    FROM pg_constraint AS c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conparentid = 0`);
  // An index of the other side could be what is broken.
  await client.query('SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off');
  const dangling: string[] = [];
  for (const { name, question } of rows) {
    const { rows: counted } = await client.query<{ n: string }>(question);
    if (Number(counted[0]?.n) > 0) dangling.push(`${name}: ${counted[0]?.n} rows lead nowhere`);
  }
  await client.query('RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan');
  return dangling;
}

/** Sequences that would give a number that is already taken. */
export async function sequencesBehind(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; question: string }>(`
    SELECT s.oid::regclass::text AS name,
      format('SELECT coalesce((SELECT max(%I) FROM %s), 0) > (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM %s) AS behind',
        a.attname, d.refobjid::regclass, s.oid::regclass) AS question
    FROM pg_class AS s
    JOIN pg_depend AS d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE s.relkind = 'S'`);
  const behind: string[] = [];
  for (const { name, question } of rows) {
    const { rows: answers } = await client.query<{ behind: boolean }>(question);
    if (answers[0]?.behind) behind.push(`${name} is behind its column`);
  }
  return behind;
}

/** Rows of the audit log that do not follow from the row before: see chain_audit_log in the clinic's migrations. */
export async function brokenLinks(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ broken: string }>(`
    SELECT count(*) AS broken FROM (
      SELECT seq, hash, previous_hash, row_number() OVER w AS position,
        coalesce(lag(hash) OVER w, sha256('clinic audit log')) AS before,
        sha256(convert_to(concat_ws('|', encode(previous_hash, 'hex'), seq, (extract(epoch FROM at) * 1000000)::bigint,
          coalesce(actor_id::text, ''), coalesce(actor_role, ''), action, outcome, coalesce(reason, ''),
          coalesce(client_id::text, ''), coalesce(resource_id, ''), coalesce(encode(source, 'hex'), ''),
          coalesce(encode(account, 'hex'), ''), coalesce(trace_id, '')), 'UTF8')) AS computed
      FROM audit_log WINDOW w AS (ORDER BY seq)
    ) AS chain
    WHERE seq <> position OR previous_hash <> before OR hash <> computed`);
  return Number(rows[0]?.broken ?? 0);
}
