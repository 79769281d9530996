/**
 * Whether what is written into the clinic's tables is in the audit log too. Row by row: counters of the server, such as n_tup_ins,
 * also count what was rolled back.
 */
import type { Query } from './query.ts';

/** Tables whose every new row comes with an event that names it, or its client. */
const WRITES = [
  {
    table: 'appointments',
    id: 'id::text',
    client: 'client_id',
    at: 'created_at',
    seeded: true,
    actions: ['appointment_created'],
  },
  {
    table: 'clinical_notes',
    id: 'id::text',
    client: 'client_id',
    at: 'written_at',
    seeded: true,
    actions: ['note_written'],
  },
  {
    table: 'clinical_notes',
    id: 'id::text',
    client: 'client_id',
    at: 'signed_at',
    seeded: true,
    actions: ['note_signed'],
  },
  {
    table: 'documents',
    id: 'id::text',
    client: 'client_id',
    at: 'uploaded_at',
    seeded: true,
    actions: ['document_stored'],
  },
  { table: 'users', id: 'id::text', client: 'NULL::uuid', at: 'created_at', seeded: true, actions: ['user_created'] },
  {
    table: 'users',
    id: 'id::text',
    client: 'NULL::uuid',
    at: 'totp_enrolled_at',
    seeded: false,
    actions: ['second_factor_enrolled'],
  },
  {
    table: 'break_glass',
    id: 'id::text',
    client: 'client_id',
    at: 'begun_at',
    seeded: false,
    actions: ['break_glass'],
  },
] as const;

export interface Coverage {
  readonly writes: number;
  readonly audited: number;
}

/** An event is written in the same transaction; its time is that of its statement, the row's that of the transaction's begin. */
const APART = "interval '2 minutes'";

/** What was written within the hour before `now` (epoch milliseconds), and how much of it the audit log names. */
export async function auditCoverage(query: Query, now: number): Promise<Coverage> {
  const parts = WRITES.map(
    ({ table, id, client, at, seeded, actions }) => `SELECT EXISTS (
      SELECT FROM audit_log l WHERE l.outcome = 'allowed' AND l.action IN (${actions.map((action) => `'${action}'`).join(', ')})
      AND (l.resource_id = w.id OR (l.resource_id IS NULL AND l.client_id = w.client)
        OR (l.resource_id IS NULL AND l.client_id IS NULL AND l.actor_id::text = w.id))
      AND l.at BETWEEN w.at - ${APART} AND w.at + ${APART}) AS audited
    FROM (SELECT ${id} AS id, ${client} AS client, ${at} AS at FROM ${table}
      WHERE ${at} > $1::timestamptz - interval '1 hour' AND ${at} <= $1::timestamptz - ${APART}
      ${seeded ? 'AND NOT synthetic' : ''}) AS w`,
  );
  const [row] = await query<{ writes: number; audited: number }>(
    `SELECT count(*)::int AS writes, (count(*) FILTER (WHERE audited))::int AS audited FROM (${parts.join(' UNION ALL ')}) AS each`,
    [new Date(now).toISOString()],
  );
  return row!;
}

/** Share of the writes that are audited; 1 when nothing was written: nothing is missing. */
export const coverageRatio = ({ writes, audited }: Coverage): number => (writes === 0 ? 1 : audited / writes);
