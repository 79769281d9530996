import { isDeepStrictEqual } from 'node:util';
import { MASS_DELETION_ROWS } from '@clinic/catalogue/recovery';
import { INTEGRITY_CHECKS } from '@clinic/catalogue/vocabulary';
import type pg from 'pg';
import type { Memory } from '../memory.ts';
import { damagedDocuments } from './documents-backup.ts';
import { prepareSession, quoted, rowHash } from './fingerprint.ts';

export type IntegrityCheck = (typeof INTEGRITY_CHECKS)[number];

/** Tables that nobody may delete from; of the audit log its last number says as much as a count. */
const KEPT = [
  'users',
  'clients',
  'appointments',
  'clinical_notes',
  'medications',
  'documents',
  'emails',
  'messages',
  'claims',
  'break_glass',
] as const;
const DAY_MS = 86_400_000;
/** What a transaction that is still open wrote may appear behind the line; none lasts longer. */
const SETTLED_MS = 5 * 60_000;

export interface IntegrityOptions {
  /** May read every table. */
  readonly client: pg.Client;
  readonly memory: Pick<Memory, 'get' | 'set'>;
  /** Folder of the documents in use. */
  readonly store: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

type Counts = Readonly<Record<string, number>>;
interface Counted {
  readonly at: number;
  readonly counts: Counts;
}

/** Tables that lost more rows within a day than a person would delete by hand. */
async function massDeletion({ client, memory, now }: IntegrityOptions): Promise<number> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT ${KEPT.map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`).join(', ')},
       (SELECT max(seq) FROM audit_log) AS audit_log`,
  );
  const counts: Record<string, number> = {};
  for (const [table, count] of Object.entries(rows[0] ?? {})) counts[table] = Number(count ?? 0);
  const all = memory.get<Counted[]>('integrity:counts') ?? [];
  const recent = all.filter(({ at }) => now - at <= DAY_MS);
  // Who looked on last long ago compares with that: a weekend without this check must not hide what happened in it.
  const history = recent.length > 0 ? recent : all.slice(-1).map((last) => ({ ...last, at: now }));
  memory.set('integrity:counts', [...history, { at: now, counts }]);
  return Object.entries(counts).filter(([table, count]) => {
    const most = Math.max(...history.map((each) => each.counts[table] ?? 0), 0);
    return most - count > MASS_DELETION_ROWS;
  }).length;
}

interface Line {
  readonly until: string;
  /** A column that was added later is no change of the row. */
  readonly columns: readonly string[];
  readonly hash: string;
}

/** Count and hash of the rows up to each of the lines, read and hashed once; undefined when a column of them is gone. */
async function hashesUpTo(
  client: pg.Client,
  { table, order }: (typeof IMMUTABLE)[number],
  columns: readonly string[],
  lines: readonly string[],
): Promise<readonly string[] | undefined> {
  const row = `ROW(${columns.map((column) => `t.${quoted(column)}`).join(', ')})`;
  const upTo = lines.map((_, index) => `${order} <= $${index + 1}`);
  const hashes = upTo.map(
    (rows) => `count(*) FILTER (WHERE ${rows}) || ':' || coalesce(sum(hash) FILTER (WHERE ${rows}), 0)`,
  );
  const { rows } = await client
    .query<{ hashes: string[] }>(
      // OFFSET 0: else each sum would hash the rows anew.
      `SELECT ARRAY[${hashes.join(', ')}] AS hashes
       FROM (SELECT ${order}, ${rowHash(row)} AS hash FROM ${table} AS t WHERE ${upTo.join(' OR ')} OFFSET 0) AS hashed`,
      [...lines],
    )
    .catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === UNDEFINED_COLUMN) return { rows: [] };
      throw error;
    });
  return rows[0]?.hashes;
}

const UNDEFINED_COLUMN = '42703';
const IMMUTABLE = [
  { table: 'clinical_notes', order: 'signed_at' },
  { table: 'audit_log', order: 'seq' },
] as const;

/** Signed notes, and the audit log, up to a line drawn by the run before: not one row of them may differ. */
async function immutableRows({ client, memory, now }: IntegrityOptions): Promise<number> {
  await prepareSession(client);
  let changed = 0;
  for (const each of IMMUTABLE) {
    const name = `integrity:line:${each.table}`;
    const line = memory.get<Line>(name);
    const { rows } = await client.query<{ seq: string; columns: string[] }>(
      `SELECT (SELECT coalesce(max(seq), 0) FROM audit_log) AS seq, array_agg(attname::text ORDER BY attnum) AS columns
       FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
      [each.table],
    );
    const columns = rows[0]?.columns ?? [];
    const until = each.order === 'seq' ? (rows[0]?.seq ?? '0') : new Date(now - SETTLED_MS).toISOString();
    const same = line && isDeepStrictEqual(line.columns, columns);
    const lines = line && (same ? [line.until, until] : [line.until]);
    const [then, next] = (lines && (await hashesUpTo(client, each, line.columns, lines))) ?? [];
    if (line && then !== line.hash) {
      // The line stays where it was, so that it goes on saying so.
      changed++;
      continue;
    }
    const hash = next ?? (await hashesUpTo(client, each, columns, [until]))?.[0] ?? '';
    memory.set(name, { until, columns, hash } satisfies Line);
  }
  return changed;
}

/** What was seen so far counts no longer: rows and documents are those of another time. */
export function forgetIntegrity(memory: Pick<Memory, 'set'>): void {
  const names = ['counts', 'document', 'damaged', ...IMMUTABLE.map(({ table }) => `line:${table}`)];
  for (const name of names) memory.set(`integrity:${name}`, undefined);
}

async function pageChecksums({ client }: IntegrityOptions): Promise<number> {
  const { rows } = await client.query<{ enabled: boolean; failures: string | null }>(
    `SELECT current_setting('data_checksums')::boolean AS enabled, sum(checksum_failures) AS failures FROM pg_stat_database`,
  );
  if (!rows[0]?.enabled)
    throw new Error('The database has no page checksums: stop it and run pg_checksums --enable on its data folder.');
  return Number(rows[0]?.failures ?? 0);
}

/** Read once in a while, each run another part: at most so many documents. */
const DOCUMENTS_PER_RUN = 200;

async function documentContent({ client, memory, store }: IntegrityOptions): Promise<number> {
  const after = memory.get<string>('integrity:document') ?? '00000000-0000-0000-0000-000000000000';
  const { rows } = await client.query<{ id: string; sha256: string }>(
    `SELECT id, encode(sha256, 'hex') AS sha256 FROM documents WHERE id > $1 AND uploaded_at < now() - interval '1 minute' ORDER BY id LIMIT $2`,
    [after, DOCUMENTS_PER_RUN],
  );
  const known = new Set(memory.get<string[]>('integrity:damaged') ?? []);
  const damaged = new Set(await damagedDocuments(store, rows));
  for (const { id } of rows) {
    if (damaged.has(id)) known.add(id);
    else known.delete(id);
  }
  memory.set('integrity:damaged', [...known]);
  memory.set('integrity:document', rows.length < DOCUMENTS_PER_RUN ? undefined : rows.at(-1)?.id);
  return known.size;
}

const CHECKS: Readonly<Record<IntegrityCheck, (options: IntegrityOptions) => Promise<number>>> = {
  mass_deletion: massDeletion,
  immutable_rows: immutableRows,
  page_checksums: pageChecksums,
  document_content: documentContent,
};

/**
 * Of the database in use: reports how much each check finds wrong. One that cannot run keeps no other from running, since what
 * stops it (a damaged page, say) may be what another is there to find; its error rejects in the end.
 */
export async function checkIntegrity(
  options: IntegrityOptions,
  report: (check: IntegrityCheck, found: number) => void,
): Promise<void> {
  const errors: unknown[] = [];
  for (const check of INTEGRITY_CHECKS) {
    try {
      report(check, await CHECKS[check](options));
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
