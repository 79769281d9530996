import { z } from 'zod';
import type { AuditHashes } from './audit.ts';
import { type Query, sqlState } from './database.ts';
import { hashPassword } from './passwords.ts';
import { Problem } from './problem.ts';
import type { RecordedRoute } from './route.ts';
import { endSessionsOf, type Role } from './sessions.ts';
import { lockedAmong, unlock } from './sign-in-attempts.ts';

const UNIQUE_VIOLATION = '23505';

/** No markup and no control characters. */
const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^<>\p{C}]+$/u);
const email = z.email().max(254).toLowerCase();
const role = z.enum(['clinician', 'frontdesk', 'admin']);
/** Long rather than complicated, as NIST SP 800-63B advises. */
const password = z.string().min(12).max(1000);

const userId = z
  .string()
  .regex(/^[1-9]\d{0,8}$/)
  .transform(Number);

/** What a new user needs. */
export const newUser = z.strictObject({ email, name, role, password });

const change = z
  .strictObject({
    name: name.optional(),
    role: role.optional(),
    active: z.boolean().optional(),
    password: password.optional(),
    /** Forgets failed sign-ins. */
    unlock: z.literal(true).optional(),
    /** The user has to enrol anew: for a lost phone, once it is certain who asks. */
    reset_second_factor: z.literal(true).optional(),
  })
  .refine((fields) => Object.keys(fields).length > 0);

interface ListedUser {
  readonly id: number;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly active: boolean;
  readonly second_factor: boolean;
  readonly created_at: Date;
  readonly synthetic: boolean;
}
const COLUMNS = 'id, email, name, role, active, totp_enrolled_at IS NOT NULL AS second_factor, created_at, synthetic';

/** Inserts a user; rejects with the problem `user_email_taken`. */
export async function insertUser(
  query: Query,
  { email, name, role, passwordHash }: { email: string; name: string; role: Role; passwordHash: string },
): Promise<ListedUser> {
  try {
    const [user] = await query<ListedUser>(
      `INSERT INTO users (email, name, role, password_hash) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
      [email, name, role, passwordHash],
    );
    return user!;
  } catch (error) {
    throw sqlState(error) === UNIQUE_VIOLATION ? new Problem('user_email_taken') : error;
  }
}

/** `GET /api/users` -> `{ users }`, each with `second_factor` (enrolled) and `locked`, by name. */
export function listUsers(hashes: AuditHashes): RecordedRoute['handler'] {
  return ({ answer }) =>
    answer(async (query) => {
      const users = await query<ListedUser>(`SELECT ${COLUMNS} FROM users ORDER BY name, id`);
      const accountOf = ({ email }: ListedUser) => hashes.account(email);
      const locked = await lockedAmong(query, users.map(accountOf));
      return {
        body: { users: users.map((user) => ({ ...user, locked: locked.has(accountOf(user).toString('hex')) })) },
      };
    });
}

/** `POST /api/users`: `{ email, name, role, password }` -> 201 and the user. */
export const createUser: RecordedRoute['handler'] = async ({ request, answer }) => {
  const { password, ...fields } = newUser.parse(request.body);
  const passwordHash = await hashPassword(password);
  return answer(async (query) => {
    const user = await insertUser(query, { ...fields, passwordHash });
    return { status: 201, body: { ...user, locked: false }, audit: { resource_id: String(user.id) } };
  });
};

/**
 * `PATCH /api/users/:id`: `{ name?, role?, active?, password?, unlock?: true, reset_second_factor?: true }` -> the user. All but a
 * name and an unlock end the user's sessions. 409 `last_admin` when no active administrator would be left.
 */
export function changeUser(hashes: AuditHashes): RecordedRoute['handler'] {
  return async ({ request, answer }) => {
    const id = userId.safeParse(request.params.id);
    if (!id.success) throw new Problem('user_unknown');
    const { name, role, active, password, unlock: forgive, reset_second_factor: reset } = change.parse(request.body);
    const passwordHash = password === undefined ? undefined : await hashPassword(password);
    return answer(async (query) => {
      // All administrators at once: two of them who demote each other must not both succeed.
      const rows = await query<{ id: number; role: Role; active: boolean; email: string }>(
        "SELECT id, role, active, email FROM users WHERE id = $1 OR role = 'admin' ORDER BY id FOR UPDATE",
        [id.data],
      );
      const before = rows.find((row) => row.id === id.data);
      if (!before) throw new Problem('user_unknown');
      const after = { role: role ?? before.role, active: active ?? before.active };
      const isAdmin = (user: { role: Role; active: boolean }) => user.role === 'admin' && user.active;
      if (isAdmin(before) && !isAdmin(after) && !rows.some((row) => row.id !== id.data && isAdmin(row))) {
        throw new Problem('last_admin');
      }
      const [user] = await query<ListedUser>(
        `UPDATE users SET name = coalesce($2, name), role = $3, active = $4, password_hash = coalesce($5, password_hash),
           totp_secret = CASE WHEN $6 THEN NULL ELSE totp_secret END,
           totp_enrolled_at = CASE WHEN $6 THEN NULL ELSE totp_enrolled_at END
         WHERE id = $1 RETURNING ${COLUMNS}`,
        [id.data, name, after.role, after.active, passwordHash, reset ?? false],
      );
      const accountHash = hashes.account(before.email);
      const ends = after.role !== before.role || after.active !== before.active || passwordHash !== undefined || reset;
      const [, , , locked] = await Promise.all([
        ends ? endSessionsOf(query, id.data) : undefined,
        reset ? query('DELETE FROM recovery_codes WHERE user_id = $1', [id.data]) : undefined,
        forgive ? unlock(query, accountHash) : undefined,
        lockedAmong(query, [accountHash]),
      ]);
      return { body: { ...user!, locked: locked.size > 0 }, audit: { resource_id: String(id.data) } };
    });
  };
}
