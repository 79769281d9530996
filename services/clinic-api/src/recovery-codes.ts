import { createHash, randomBytes } from 'node:crypto';
import type { Query } from './database.ts';

const COUNT = 10;
/** Without the letters that are read as digits (Crockford's base 32). */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 16;
const FORM = new RegExp(`^[${LETTERS}]{${LENGTH}}$`);

/** 80 random bits are not guessed from a hash, so it needs neither salt nor time. */
const hashOf = (code: string) => createHash('sha256').update(code).digest();

const plain = (typed: string) => typed.toLowerCase().replace(/[\s-]/g, '');

/** Whether the text has the form of a recovery code. */
export const isRecoveryCode = (typed: string): boolean => FORM.test(plain(typed));

/** Ten new codes, `xxxx-xxxx-xxxx-xxxx`, of 80 random bits each; those from before are void. Only hashes are kept. */
export async function newRecoveryCodes(query: Query, userId: number): Promise<string[]> {
  const codes = Array.from({ length: COUNT }, () =>
    Array.from(randomBytes(LENGTH), (byte) => LETTERS[byte % LETTERS.length]).join(''),
  );
  await Promise.all([
    query('DELETE FROM recovery_codes WHERE user_id = $1', [userId]),
    query('INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])', [
      userId,
      codes.map(hashOf),
    ]),
  ]);
  return codes.map((code) => code.replace(/(.{4})(?=.)/g, '$1-'));
}

/** Uses a code up; false when it is not one of the user's, or was used before. */
export async function useRecoveryCode(query: Query, userId: number, typed: string): Promise<boolean> {
  const used = await query(
    'UPDATE recovery_codes SET used_at = now() WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL RETURNING user_id',
    [userId, hashOf(plain(typed))],
  );
  return used.length > 0;
}
