import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Database } from './database.ts';
import { passwordMatches } from './passwords.ts';
import { Problem } from './problem.ts';
import { openSession, SESSION_LIFETIME, type User } from './sessions.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';

const credentials = z.strictObject({
  email: z.string().min(3).max(254).toLowerCase(),
  password: z.string().min(1).max(1000),
});

export interface SignInOptions {
  readonly database: Pick<Database, 'query'>;
  readonly throttle: SignInThrottle;
}

/** `POST /auth`: `{ email, password }` -> `{ access_token, token_type, expires_in (seconds), user }`. */
export function signIn({ database: { query }, throttle }: SignInOptions): RequestHandler {
  return async (req, res) => {
    const { email, password } = credentials.parse(req.body);
    if (!throttle.allows(email)) throw new Problem('sign_in_throttled');
    const [account] = await query<User & { password_hash: string }>(
      'SELECT id, name, role, password_hash FROM users WHERE email = $1',
      [email],
    );
    if (!(await passwordMatches(password, account?.password_hash)) || !account) {
      throttle.failed(email);
      throw new Problem('credentials_wrong');
    }
    throttle.succeeded(email);
    const { id, name, role } = account;
    res.json({
      access_token: await openSession(query, id),
      token_type: 'Bearer',
      expires_in: SESSION_LIFETIME,
      user: { name, role },
    });
  };
}
