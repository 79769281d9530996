/** Why somebody opened a chart, from what the clinic itself knows. */
import { createHmac } from 'node:crypto';
import { SIGN_IN_OUTCOMES } from '@clinic/catalogue/vocabulary';
import type { Anchor } from './chain.ts';
import {
  type Access,
  type Explanation,
  type Findings,
  type Review,
  type SignIn,
  type SignInOutcome,
  type Stream,
  VERDICTS,
  type Verdict,
} from './notebook.ts';
import type { Query } from './query.ts';

/**
 * A reason may be written this long after the access that it explains: who books by telephone opens the chart first. What
 * is written later explains nothing, so the answer is the same whenever it is asked. Milliseconds.
 */
export const SETTLE_MS = 15 * 60_000;

/** Rows of the log that are read at once. */
const BATCH = 1000;

/**
 * The first reason that holds. A clinician's reason is an appointment of their own; the front desk looks after everybody's.
 */
const EXPLAINED = `CASE
  WHEN EXISTS (SELECT FROM appointments p WHERE p.client_id = a.client AND p.created_at <= a.at + a.settle
    AND p.starts_at BETWEEN a.at - interval '7 days' AND a.at + interval '7 days'
    AND (a.actor_role = 'frontdesk' OR (p.clinician_id = a.actor_id AND p.state <> 'cancelled'))) THEN 'appointment'
  WHEN EXISTS (SELECT FROM clients c WHERE c.id = a.client AND c.primary_clinician_id = a.actor_id)
    OR EXISTS (SELECT FROM appointments p WHERE p.client_id = a.client AND p.clinician_id = a.actor_id
      AND p.state <> 'cancelled' AND p.created_at <= a.at + a.settle) THEN 'treating_clinician'
  WHEN EXISTS (SELECT FROM clinical_notes n WHERE n.client_id = a.client AND n.author_id = a.actor_id
    AND n.written_at <= a.at + a.settle) THEN 'note_author'
  WHEN EXISTS (SELECT FROM messages m WHERE m.client_id = a.client AND m.user_id = a.actor_id
    AND m.sent_at BETWEEN a.at - interval '30 days' AND a.at + a.settle) THEN 'message'
  WHEN EXISTS (SELECT FROM claims b WHERE b.client_id = a.client AND b.prepared_by = a.actor_id
    AND b.prepared_at BETWEEN a.at - interval '30 days' AND a.at + a.settle) THEN 'billing'
  WHEN EXISTS (SELECT FROM users u WHERE u.supervisor_id = a.actor_id AND (
    EXISTS (SELECT FROM clients c WHERE c.id = a.client AND c.primary_clinician_id = u.id)
    OR EXISTS (SELECT FROM appointments p WHERE p.client_id = a.client AND p.clinician_id = u.id
      AND p.state <> 'cancelled' AND p.created_at <= a.at + a.settle))) THEN 'supervisor'
  WHEN EXISTS (SELECT FROM break_glass g WHERE g.client_id = a.client AND g.user_id = a.actor_id
    AND a.at BETWEEN g.begun_at AND g.ends_at) THEN 'break_glass'
  ELSE 'unexplained' END`;

/** Rows after `$1` up to the first that has not settled at `$2`; each with the columns that its stream needs. */
const stretch = (more: string) => `WITH stretch AS MATERIALIZED (
  SELECT * FROM audit_log WHERE seq > $1
    AND seq < coalesce((SELECT min(seq) FROM audit_log WHERE seq > $1 AND at > $2::timestamptz - $3::interval), 9223372036854775807)
  ORDER BY seq LIMIT ${BATCH}
), accesses AS MATERIALIZED (
  SELECT s.*, s.client_id AS client, $3::interval AS settle FROM stretch s
)
SELECT a.seq::text, (extract(epoch FROM a.at) * 1000)::bigint::text AS at, a.actor_id, a.actor_role, a.action, a.outcome, a.reason,
  a.resource_id, a.client, encode(a.source, 'hex') AS source, encode(a.account, 'hex') AS account, encode(a.hash, 'hex') AS hash, ${more}
FROM accesses a ORDER BY a.seq`;

const STRETCHES: Readonly<Record<Stream, string>> = {
  accesses: stretch(`CASE WHEN a.action IN ('chart_read', 'note_read', 'document_read') AND a.outcome = 'allowed'
    AND a.actor_role IN ('clinician', 'frontdesk') AND a.client IS NOT NULL THEN ${EXPLAINED} END AS explanation,
  (SELECT g.reason FROM break_glass g WHERE g.client_id = a.client AND g.user_id = a.actor_id
    AND a.at BETWEEN g.begun_at AND g.ends_at ORDER BY g.begun_at DESC LIMIT 1) AS glass`),
  events: stretch('NULL AS explanation, NULL AS glass'),
};

interface Row {
  readonly seq: string;
  readonly at: string;
  readonly actor_id: number | null;
  readonly actor_role: string | null;
  readonly action: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly resource_id: string | null;
  readonly client: string | null;
  readonly source: string | null;
  readonly account: string | null;
  readonly hash: string;
  readonly explanation: Explanation | null;
  readonly glass: string | null;
}

export interface StretchOptions {
  readonly query: Query;
  readonly stream: Stream;
  readonly after: Anchor;
  /** Epoch milliseconds; rows of accesses younger than `settleMs` are left for later. */
  readonly now: number;
  readonly settleMs?: number;
  /** What the clinic hashes account names with. */
  readonly auditKey: string;
}

/** What the next rows of the log hold; undefined when there are none yet that have settled. */
export async function nextStretch(options: StretchOptions): Promise<Findings | undefined> {
  const { query, stream, after, now, settleMs = SETTLE_MS, auditKey } = options;
  const settle = stream === 'accesses' ? settleMs : 0;
  const rows = await query<Row>(STRETCHES[stream], [after.seq, new Date(now).toISOString(), `${settle} milliseconds`]);
  if (rows.length === 0) return undefined;
  const last = rows.at(-1)!;
  const end = { seq: Number(last.seq), hash: last.hash };
  if (stream === 'accesses')
    return { stream, accesses: rows.flatMap((row) => accessOf(row) ?? []), signIns: [], reviews: [], end };
  const emails = rows.some(({ action }) => action === 'sign_in')
    ? await query<{ email: string }>('SELECT email FROM users')
    : [];
  const accounts = new Set(emails.map(({ email }) => keyedHash(auditKey, 'account', email)));
  return {
    stream,
    accesses: [],
    signIns: rows.flatMap((row) => signInOf(row, accounts) ?? []),
    reviews: rows.flatMap((row) => reviewOf(row) ?? []),
    end,
  };
}

/** The hash that the audit log holds in place of an account's name or a network address; hexadecimal. */
export const keyedHash = (key: string, kind: 'account' | 'source', text: string): string =>
  createHmac('sha256', key).update(`${kind}|${text}`).digest('hex');

function accessOf({ seq, at, actor_id, actor_role, action, client, explanation, glass }: Row): Access | undefined {
  if (explanation === null || actor_id === null || actor_role === null || client === null) return undefined;
  return {
    seq: Number(seq),
    at: Number(at),
    actor: actor_id,
    role: actor_role,
    action,
    client,
    explanation,
    reason: explanation === 'break_glass' ? glass : null,
  };
}

function signInOf(row: Row, accounts: ReadonlySet<string>): SignIn | undefined {
  const outcome = outcomeOf(row);
  if (!outcome) return undefined;
  const { seq, at, account, source } = row;
  return {
    seq: Number(seq),
    at: Number(at),
    outcome,
    account: account ?? '',
    source: source ?? '',
    known: account !== null && accounts.has(account) ? 1 : 0,
  };
}

function outcomeOf({ action, outcome, reason }: Row): SignInOutcome | undefined {
  if (action !== 'sign_in') return undefined;
  if (outcome === 'allowed') return 'accepted';
  const word = { account_locked: 'locked', sign_in_throttled: 'throttled' }[reason ?? ''] ?? reason;
  return SIGN_IN_OUTCOMES.find((each) => each === word) ?? 'credentials_wrong';
}

function reviewOf({ action, outcome, reason, resource_id, actor_id, actor_role, at }: Row): Review | undefined {
  if (action !== 'access_reviewed' || outcome !== 'allowed') return undefined;
  if (actor_id === null || actor_role !== 'admin') return undefined;
  const verdict = VERDICTS.find((each): each is Verdict => each === reason);
  if (!verdict || !/^\d+$/.test(resource_id ?? '')) return undefined;
  return { seq: Number(resource_id), reviewer: actor_id, at: Number(at), verdict };
}
