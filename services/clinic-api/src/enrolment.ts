import { z } from 'zod';
import type { Database } from './database.ts';
import { Problem } from './problem.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { type ExemptRoute, type RecordedRoute, visitorOf } from './route.ts';
import { enrolment, newSecret, stepOf, type TotpSecrets } from './second-factor.ts';
import { endSessionsOf } from './sessions.ts';

export interface EnrolmentOptions {
  readonly secrets: TotpSecrets;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** `POST /api/second-factor` -> `{ otpauth_uri, secret, qr_svg }`; nothing counts until a code confirms it. 409 when there is one. */
export function beginEnrolment({
  database: { query },
  secrets,
}: EnrolmentOptions & { readonly database: Pick<Database, 'query'> }): ExemptRoute['serve'] {
  return async (request, response) => {
    const { id } = visitorOf(request).user;
    const secret = newSecret();
    const [user] = await query<{ email: string }>(
      'UPDATE users SET totp_secret = $2 WHERE id = $1 AND totp_enrolled_at IS NULL RETURNING email',
      [id, secrets.seal(secret, id)],
    );
    if (!user) throw new Problem('second_factor_enrolled');
    response.json(enrolment(secret, user.email));
  };
}

const confirmation = z.strictObject({ code: z.string().max(64) });

/**
 * `POST /api/second-factor/confirmation`: `{ code }` -> `{ recovery_codes }`, which are told this once. The session becomes
 * full; the user's other sessions, which were opened without a second factor, end.
 */
export function confirmEnrolment({ secrets, now = Date.now }: EnrolmentOptions): RecordedRoute['handler'] {
  return ({ request, visitor, answer }) => {
    const { code } = confirmation.parse(request.body);
    const { user, tokenHash } = visitor;
    return answer(async (query) => {
      const [row] = await query<{ totp_secret: Buffer | null; enrolled: boolean }>(
        'SELECT totp_secret, totp_enrolled_at IS NOT NULL AS enrolled FROM users WHERE id = $1 FOR UPDATE',
        [user.id],
      );
      if (row?.enrolled) throw new Problem('second_factor_enrolled');
      if (!row?.totp_secret) throw new Problem('second_factor_not_begun');
      const step = stepOf(code, secrets.open(row.totp_secret, user.id), now());
      if (step === undefined) throw new Problem('second_factor_code_wrong');
      const [codes] = await Promise.all([
        newRecoveryCodes(query, user.id),
        query('UPDATE users SET totp_enrolled_at = now(), totp_last_step = $2 WHERE id = $1', [user.id, step]),
        query("UPDATE sessions SET scope = 'full', second_factor = true WHERE token_hash = $1", [tokenHash]),
        endSessionsOf(query, user.id, tokenHash),
      ]);
      return { body: { recovery_codes: codes }, audit: { resource_id: String(user.id) } };
    });
  };
}
