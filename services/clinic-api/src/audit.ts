import { createHmac } from 'node:crypto';
import type { AUDIT_ACTIONS } from '@clinic/catalogue/vocabulary';
import { trace } from '@opentelemetry/api';
import type { Query } from './database.ts';
import { Problem } from './problem.ts';
import type { Role } from './sessions.ts';

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One row of the audit log. Ids, listed words and keyed hashes only: nothing that a person typed. */
export interface AuditEvent {
  readonly action: AuditAction;
  readonly outcome: 'allowed' | 'refused';
  readonly actor_id?: number | undefined;
  readonly actor_role?: Role | undefined;
  /** A listed word: the code of the problem, or the reason that was chosen. */
  readonly reason?: string | undefined;
  readonly client_id?: string | undefined;
  /** The note, appointment, document, user or session it was about. */
  readonly resource_id?: string | undefined;
  /** Made by {@link AuditHashes}. */
  readonly source?: Buffer | undefined;
  readonly account?: Buffer | undefined;
}

/** Hashes that only the holder of the key can compare with an address or an account. */
export interface AuditHashes {
  /** HMAC-SHA-256 of the network address of a request. */
  source(address: string | undefined): Buffer;
  /** HMAC-SHA-256 of the account name that was typed, in lower case; there may be no such account. */
  account(email: string): Buffer;
}

export function auditHashes(key: string): AuditHashes {
  const hash = (kind: string, text: string) => createHmac('sha256', key).update(`${kind}|${text}`).digest();
  return {
    // IPv4 in the form of IPv6 is the same address.
    source: (address) => hash('source', (address ?? '').replace(/^::ffff:/, '')),
    account: (email) => hash('account', email),
  };
}

/**
 * Writes one event into the audit log, inside the caller's transaction, which it must end: other writers of the log wait
 * until that transaction is over. Rejects with the problem `audit_unavailable` when the row cannot be written; the caller
 * then must neither commit nor show anything.
 */
export async function record(query: Query, event: AuditEvent): Promise<void> {
  const { action, outcome, actor_id, actor_role, reason, client_id, resource_id, source, account } = event;
  try {
    await query(
      `INSERT INTO audit_log
         (actor_id, actor_role, action, outcome, reason, client_id, resource_id, source, account, trace_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [actor_id, actor_role, action, outcome, reason, client_id, resource_id, source, account, traceId()],
    );
  } catch (error) {
    throw new Problem('audit_unavailable', { cause: error });
  }
}

const traceId = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;
