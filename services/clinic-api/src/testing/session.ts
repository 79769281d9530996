import { createHash, randomBytes } from 'node:crypto';
import type { Query } from '../database.ts';
import type { Scope } from '../sessions.ts';

/** An access token of a user, without a sign-in. */
export async function sessionOf(query: Query, email: string, scope: Scope = 'full'): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const made = await query(
    `INSERT INTO sessions (token_hash, user_id, scope, expires_at)
     SELECT $1, id, $3, now() + interval '12 hours' FROM users WHERE email = $2 RETURNING user_id`,
    [createHash('sha256').update(token).digest(), email, scope],
  );
  if (made.length !== 1) throw new Error(`There is no user ${email}.`);
  return token;
}
