import type { SIGN_IN_OUTCOMES } from '@clinic/catalogue/vocabulary';
import { z } from 'zod';
import type { AuditEvent, AuditHashes } from './audit.ts';
import type { Database, Query } from './database.ts';
import { passwordMatches } from './passwords.ts';
import { Problem } from './problem.ts';
import { isRecoveryCode, useRecoveryCode } from './recovery-codes.ts';
import type { Answer, OpenRoute } from './route.ts';
import { stepOf, type TotpSecrets } from './second-factor.ts';
import { openSession, SESSION_LIFETIME, type User } from './sessions.ts';
import { type Attempt, failed, locked, lockedAlone, succeeded } from './sign-in-attempts.ts';

export type SignInOutcome = (typeof SIGN_IN_OUTCOMES)[number];

/** What a body may ask for; PostgreSQL's text holds no NUL, so no account has one in its name. */
const credentials = z.strictObject({
  email: z
    .string()
    .min(1)
    .max(254)
    .transform((text) => text.toLowerCase().replaceAll('\0', '\uFFFD')),
  password: z.string().min(1).max(1000),
  /** Of an authenticator app, or a recovery code. */
  code: z.string().max(64).optional(),
});

/** Passwords that are checked or wait to be, at most: each takes 19 MiB and a core for some 40 ms. */
const MAX_CHECKS = 40;

export interface SignInOptions {
  readonly database: Pick<Database, 'query'>;
  readonly hashes: AuditHashes;
  readonly secrets: TotpSecrets;
  readonly counted: (outcome: SignInOutcome) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

interface Account extends User {
  readonly password_hash: string;
  /** Null unless a second factor is enrolled. */
  readonly totp_secret: Buffer | null;
}

/**
 * `POST /auth`: `{ email, password, code? }` -> `{ access_token, token_type, expires_in (seconds), scope, user }`. What is
 * answered, and how long it takes, is the same for an account that does not exist as for a wrong password, locks included.
 */
export function signIn({ database, hashes, secrets, counted, now = Date.now }: SignInOptions): OpenRoute['handler'] {
  let checks = 0;
  /** The last attempt of each account that is under way. */
  const turns = new Map<string, Promise<unknown>>();

  /** One attempt of an account after the other. They would wait for one another in the database, each with a connection. */
  async function inTurn<Result>(account: Buffer, work: () => Promise<Result>): Promise<Result> {
    const key = account.toString('hex');
    const turn = (turns.get(key) ?? Promise.resolve()).then(work);
    const over = turn.catch(() => {});
    turns.set(key, over);
    try {
      return await turn;
    } finally {
      if (turns.get(key) === over) turns.delete(key);
    }
  }

  /** What was accepted as second factor; undefined when it is wrong or was used before. */
  async function secondFactor(
    query: Query,
    { id, totp_secret }: Account,
    code: string,
  ): Promise<'totp' | 'recovery' | undefined> {
    if (isRecoveryCode(code)) return (await useRecoveryCode(query, id, code)) ? 'recovery' : undefined;
    const step = stepOf(code, secrets.open(totp_secret!, id), now());
    if (step === undefined) return undefined;
    const taken = await query(
      'UPDATE users SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2 RETURNING id',
      [id, step],
    );
    return taken.length > 0 ? 'totp' : undefined;
  }

  async function decide(
    query: Query,
    {
      account,
      attempt,
      matches,
      code,
    }: { account: Account | undefined; attempt: Attempt; matches: boolean; code: string | undefined },
  ): Promise<Answer & { readonly outcome: SignInOutcome }> {
    const about = { account: attempt.account, ...(account ? { resource_id: String(account.id) } : {}) };
    const failure = async (problem: 'credentials_wrong' | 'second_factor_wrong') => {
      const lock = await failed(query, attempt);
      const event: AuditEvent = {
        action: 'account_locked',
        outcome: 'refused',
        reason: problem,
        source: attempt.source,
        ...about,
      };
      return { problem, outcome: problem, audit: about, also: lock ? [event] : [] } as const;
    };
    if (!account || !matches) return failure('credentials_wrong');
    const { id, name, role } = account;
    let factor: 'totp' | 'recovery' | undefined;
    if (account.totp_secret) {
      if (code === undefined) return { problem: 'second_factor_needed', outcome: 'second_factor_needed', audit: about };
      factor = await secondFactor(query, account, code);
      if (!factor) return failure('second_factor_wrong');
    }
    await succeeded(query, attempt);
    const scope = role === 'admin' && !factor ? 'enrolment' : 'full';
    const token = await openSession(query, { userId: id, scope, secondFactor: factor !== undefined });
    const actor = { ...about, actor_id: id, actor_role: role };
    return {
      outcome: 'accepted',
      body: {
        access_token: token,
        token_type: 'Bearer',
        expires_in: SESSION_LIFETIME,
        scope,
        user: { id, name, role },
      },
      audit: actor,
      also:
        factor === 'recovery'
          ? [{ ...actor, source: attempt.source, action: 'recovery_code_used', outcome: 'allowed' }]
          : [],
    };
  }

  return async ({ request, answer }) => {
    const { email, password, code } = credentials.parse(request.body);
    if (checks >= MAX_CHECKS) {
      counted('throttled');
      throw new Problem('sign_in_throttled');
    }
    checks++;
    try {
      const attempt = { account: hashes.account(email), source: hashes.source(request.ip) };
      const [account] = await database.query<Account>(
        `SELECT id, name, role, password_hash, CASE WHEN totp_enrolled_at IS NOT NULL THEN totp_secret END AS totp_secret
         FROM users WHERE email = $1 AND active`,
        [email],
      );
      // Locked already: the password is not even looked at.
      const matches = (await locked(database.query, attempt))
        ? undefined
        : await passwordMatches(password, account?.password_hash);
      let outcome: SignInOutcome = 'locked';
      const judge = async (query: Query): Promise<Answer> => {
        // Again and alone, so that of many guesses at the same moment no more are judged than one after the other would be.
        if (matches === undefined || (await lockedAlone(query, attempt))) {
          const resource = account ? { resource_id: String(account.id) } : {};
          return { problem: 'account_locked', audit: { account: attempt.account, ...resource } };
        }
        const decided = await decide(query, { account, attempt, matches, code });
        outcome = decided.outcome;
        return decided;
      };
      const answered = await inTurn(attempt.account, () => answer(judge));
      counted(outcome);
      return answered;
    } finally {
      checks--;
    }
  };
}
