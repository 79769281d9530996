import { MASS_DELETION_ROWS } from '@clinic/catalogue/recovery';
import type { INTEGRITY_CHECKS } from '@clinic/catalogue/vocabulary';
import type pg from 'pg';
import type { Memory } from '../memory.ts';
import { damagedDocuments } from './documents-backup.ts';
import { prepareSession } from './fingerprint.ts';

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
  const history = (memory.get<Counted[]>('integrity:counts') ?? []).filter(({ at }) => now - at <= DAY_MS);
  memory.set('integrity:counts', [...history, { at: now, counts }]);
  return Object.entries(counts).filter(([table, count]) => {
    const most = Math.max(...history.map((each) => each.counts[table] ?? 0), 0);
    return most - count > MASS_DELETION_ROWS;
  }).length;
}

interface Line {
  readonly notesUntil: string;
  readonly notes: string;
  readonly auditUntil: string;
  readonly audit: string;
}

const HASHES = `
SELECT
  (SELECT count(*) || ':' || coalesce(sum(('x' || encode(substring(sha256(convert_to(n::text, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint::numeric), 0)
   FROM clinical_notes AS n WHERE signed_at <= $1) AS notes,
  (SELECT count(*) || ':' || coalesce(sum(('x' || encode(substring(sha256(convert_to(a::text, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint::numeric), 0)
   FROM audit_log AS a WHERE seq <= $2) AS audit`;

/** Signed notes, and the audit log, up to a line drawn by the run before: not one row of them may differ. */
async function immutableRows({ client, memory, now }: IntegrityOptions): Promise<number> {
  await prepareSession(client);
  const hashes = async (notesUntil: string, auditUntil: string) =>
    (await client.query<{ notes: string; audit: string }>(HASHES, [notesUntil, auditUntil])).rows[0];
  const line = memory.get<Line>('integrity:line');
  if (line) {
    const is = await hashes(line.notesUntil, line.auditUntil);
    const changed = Number(is?.notes !== line.notes) + Number(is?.audit !== line.audit);
    // The line stays where it was, so that it goes on saying so.
    if (changed > 0) return changed;
  }
  const notesUntil = new Date(now - SETTLED_MS).toISOString();
  const { rows } = await client.query<{ seq: string }>('SELECT coalesce(max(seq), 0) AS seq FROM audit_log');
  const auditUntil = rows[0]?.seq ?? '0';
  const next = await hashes(notesUntil, auditUntil);
  if (next) memory.set('integrity:line', { notesUntil, auditUntil, ...next } satisfies Line);
  return 0;
}

async function pageChecksums({ client }: IntegrityOptions): Promise<number> {
  const { rows } = await client.query<{ failures: string }>(
    'SELECT coalesce(sum(checksum_failures), 0) AS failures FROM pg_stat_database',
  );
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

/** Of the database in use: how much each check finds wrong. */
export const integrityChecks: Readonly<Record<IntegrityCheck, (options: IntegrityOptions) => Promise<number>>> = {
  mass_deletion: massDeletion,
  immutable_rows: immutableRows,
  page_checksums: pageChecksums,
  document_content: documentContent,
};
