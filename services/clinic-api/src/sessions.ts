import { createHash, randomBytes } from 'node:crypto';
import type { Query } from './database.ts';

/** Seconds. */
export const SESSION_LIFETIME = 8 * 3600;

export interface User {
  readonly id: number;
  readonly name: string;
  readonly role: 'clinician' | 'frontdesk' | 'admin';
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const hashOf = (token: string) => createHash('sha256').update(token).digest();

/** A new access token, 256 random bits; the database keeps only its hash. Sessions that are over are removed. */
export async function openSession(query: Query, userId: number): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await query('DELETE FROM sessions WHERE expires_at < now()');
  await query(
    'INSERT INTO sessions (token_hash, user_id, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))',
    [hashOf(token), userId, SESSION_LIFETIME],
  );
  return token;
}

/** The user of an `Authorization` header, when it carries a token that is not over. */
export async function userOf(query: Query, authorization: string | undefined): Promise<User | undefined> {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined || !TOKEN.test(token)) return undefined;
  const [user] = await query<User>(
    `SELECT users.id, users.name, users.role FROM sessions JOIN users ON users.id = sessions.user_id
     WHERE token_hash = $1 AND expires_at > now()`,
    [hashOf(token)],
  );
  return user;
}
