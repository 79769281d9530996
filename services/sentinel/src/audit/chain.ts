/**
 * Walks the audit log's hash chain. Written against the rule that 0002-practice.sql states, not against its trigger: the two must
 * agree, and neither can hide a mistake of the other.
 */
import { createHash } from 'node:crypto';
import type { CHAIN_BREAKS } from '@clinic/catalogue/vocabulary';
import type { Query } from './query.ts';

/** A row of `audit_log`, every value as text in the form that is hashed. */
export interface AuditRow {
  /** Counts from 1 without a gap. */
  readonly seq: string;
  /** Microseconds since 1970. */
  readonly at: string;
  readonly actor_id: string | null;
  readonly actor_role: string | null;
  readonly action: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly client_id: string | null;
  readonly resource_id: string | null;
  /** Hexadecimal, as are the other hashes. */
  readonly source: string | null;
  readonly account: string | null;
  readonly trace_id: string | null;
  readonly previous_hash: string;
  readonly hash: string;
}

/** A place in the chain: a row's number and its hash. */
export interface Anchor {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first row. */
export const GENESIS: Anchor = { seq: 0, hash: createHash('sha256').update('clinic audit log').digest('hex') };

/**
 * What can be wrong. `altered`: a row does not have the hash that it says. `missing`: rows between two others are not there.
 * `unlinked`: a row does not follow the one before it. `truncated`: rows at the end that are known to have been there are gone.
 * `rewritten`: the row is in order, and is not the one that was there. `heads`: the list of signed heads itself was changed.
 */
export interface ChainBreak {
  readonly kind: (typeof CHAIN_BREAKS)[number];
  /** The first row concerned; of `heads`, the line of the list. */
  readonly seq: number;
}

/** The hash that a row should have. */
export function hashOf(row: AuditRow): string {
  const fields = [
    row.previous_hash,
    row.seq,
    row.at,
    row.actor_id,
    row.actor_role,
    row.action,
    row.outcome,
    row.reason,
    row.client_id,
    row.resource_id,
    row.source,
    row.account,
    row.trace_id,
  ];
  return createHash('sha256')
    .update(fields.map((field) => field ?? '').join('|'))
    .digest('hex');
}

export interface Walk {
  readonly breaks: readonly ChainBreak[];
  /** The last row, or where the walk began when there is none after it. */
  readonly end: Anchor;
}

export interface WalkOptions {
  /** Rows after `from`, in order. */
  readonly rows: AsyncIterable<AuditRow>;
  readonly from: Anchor;
  /** What is known to have been in the log, from signed heads: rows that must be there still. */
  readonly known: readonly Anchor[];
}

/** Every break of a stretch of the log; a break does not hide those after it. */
export async function walk({ rows, from, known }: WalkOptions): Promise<Walk> {
  const breaks: ChainBreak[] = [];
  const expected = Map.groupBy(known, ({ seq }) => seq);
  let end = from;
  for await (const row of rows) {
    const seq = Number(row.seq);
    if (seq !== end.seq + 1) breaks.push({ kind: 'missing', seq: end.seq + 1 });
    else if (row.previous_hash !== end.hash) breaks.push({ kind: 'unlinked', seq });
    if (row.hash !== hashOf(row)) breaks.push({ kind: 'altered', seq });
    if (expected.get(seq)?.some(({ hash }) => hash !== row.hash)) breaks.push({ kind: 'rewritten', seq });
    end = { seq, hash: row.hash };
  }
  const beyond = known.filter(({ seq }) => seq > end.seq);
  if (beyond.length > 0) breaks.push({ kind: 'truncated', seq: end.seq + 1 });
  return { breaks, end };
}

const BATCH = 2000;

/** Rows after `seq`, read in batches of their own so that no transaction stays open. */
export async function* auditRows(query: Query, seq: number): AsyncGenerator<AuditRow> {
  for (let after = seq; ; ) {
    const rows = await query<AuditRow>(
      `SELECT seq::text, (extract(epoch FROM at) * 1000000)::bigint::text AS at, actor_id::text, actor_role, action, outcome,
        reason, client_id::text, resource_id, encode(source, 'hex') AS source, encode(account, 'hex') AS account, trace_id,
        encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash
       FROM audit_log WHERE seq > $1 ORDER BY audit_log.seq LIMIT ${BATCH}`,
      [after],
    );
    yield* rows;
    if (rows.length < BATCH) return;
    after = Number(rows.at(-1)!.seq);
  }
}

/** The row at a place, if there is one. */
export async function anchorAt(query: Query, seq: number): Promise<Anchor | undefined> {
  if (seq === GENESIS.seq) return GENESIS;
  const [row] = await query<{ hash: string }>(`SELECT encode(hash, 'hex') AS hash FROM audit_log WHERE seq = $1`, [
    seq,
  ]);
  return row && { seq, hash: row.hash };
}

/** The last row; {@link GENESIS} of an empty log. */
export async function lastAnchor(query: Query): Promise<Anchor> {
  const [row] = await query<{ seq: string; hash: string }>(
    `SELECT seq::text, encode(hash, 'hex') AS hash FROM audit_log ORDER BY audit_log.seq DESC LIMIT 1`,
  );
  return row ? { seq: Number(row.seq), hash: row.hash } : GENESIS;
}
