import { createHash, randomBytes } from 'node:crypto';
import type { ROLES } from '@clinic/catalogue/vocabulary';
import type { Query } from './database.ts';

/** Seconds from sign-in until a session is over, whatever is done with it. */
export const SESSION_LIFETIME = 12 * 3600;
/** Seconds without a request after which a session is over. */
export const SESSION_IDLE = 30 * 60;
/** Seconds: how exactly the last request is known. */
const SEEN_PRECISION = 60;
/** Seconds that a session which is over is remembered, so that its late use is recorded. */
const REMEMBERED = 86_400;

/** What a member of the practice is. */
export type Role = Exclude<(typeof ROLES)[number], 'none'>;

export interface User {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
}

/** `enrolment`: may do nothing but enrol a second factor. */
export type Scope = 'full' | 'enrolment';

/** Somebody who has signed in. */
export interface Visitor {
  readonly user: User;
  readonly scope: Scope;
  /** Whether this session was opened with a second factor. */
  readonly secondFactor: boolean;
  /** When the session is over at the latest. */
  readonly expiresAt: Date;
  readonly tokenHash: Buffer;
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const hashOf = (token: string) => createHash('sha256').update(token).digest();

export interface NewSession {
  readonly userId: number;
  readonly scope: Scope;
  readonly secondFactor: boolean;
}

/** A new access token, 256 random bits; the database keeps only its hash. Sessions long over are removed. */
export async function openSession(query: Query, { userId, scope, secondFactor }: NewSession): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await Promise.all([
    query('DELETE FROM sessions WHERE expires_at < now() - make_interval(secs => $1)', [REMEMBERED]),
    query(
      `INSERT INTO sessions (token_hash, user_id, scope, second_factor, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
      [hashOf(token), userId, scope, secondFactor, SESSION_LIFETIME],
    ),
  ]);
  return token;
}

interface Row extends User {
  readonly scope: Scope;
  readonly second_factor: boolean;
  readonly expires_at: Date;
  readonly over: boolean;
  readonly stale: boolean;
}

/** What an `Authorization` header says: nobody, somebody, or somebody whose session is over. */
export type Presence = { readonly visitor?: Visitor; readonly over: boolean };
const NOBODY: Presence = { over: false };

/** Looks the token of an `Authorization` header up: one indexed query, and once a minute another that notes the use. */
export async function presenceOf(query: Query, authorization: string | undefined): Promise<Presence> {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined || !TOKEN.test(token)) return NOBODY;
  const tokenHash = hashOf(token);
  const [row] = await query<Row>(
    `SELECT users.id, users.name, users.role, scope, second_factor, expires_at,
       expires_at <= now() OR last_seen_at <= now() - make_interval(secs => $2) AS over,
       last_seen_at <= now() - make_interval(secs => $3) AS stale
     FROM sessions JOIN users ON users.id = sessions.user_id
     WHERE token_hash = $1 AND users.active`,
    [tokenHash, SESSION_IDLE, SEEN_PRECISION],
  );
  if (!row) return NOBODY;
  const { id, name, role, scope, second_factor: secondFactor, expires_at: expiresAt, over, stale } = row;
  if (stale && !over) await query('UPDATE sessions SET last_seen_at = now() WHERE token_hash = $1', [tokenHash]);
  return { visitor: { user: { id, name, role }, scope, secondFactor, expiresAt, tokenHash }, over };
}

/** Ends one session; false when it had ended already. */
export async function endSession(query: Query, tokenHash: Buffer): Promise<boolean> {
  const ended = await query('DELETE FROM sessions WHERE token_hash = $1 RETURNING user_id', [tokenHash]);
  return ended.length > 0;
}

/** Ends every session of a user, or all but one. */
export async function endSessionsOf(query: Query, userId: number, except: Buffer | null = null): Promise<void> {
  await query('DELETE FROM sessions WHERE user_id = $1 AND token_hash IS DISTINCT FROM $2', [userId, except]);
}
