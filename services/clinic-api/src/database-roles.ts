import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type Database, openDatabase } from './database.ts';

export interface RolePasswords {
  readonly clinic_app: string;
  readonly clinic_sentinel: string;
  readonly clinic_backup: string;
}

/** PostgreSQL's own choice. */
const ITERATIONS = 4096;

/**
 * What PostgreSQL keeps of a password (SCRAM-SHA-256, RFC 5802): made here, so that no password is ever in a statement, and so
 * in no log of the server. ASCII only, which needs no normalisation.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  if (!/^[\x21-\x7e]+$/.test(password))
    throw new Error('A password of a database role must be printable ASCII without spaces.');
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}

/** Lets the roles of the services sign in, each with its password. */
export async function giveRolesPasswords({ transaction }: Database, passwords: RolePasswords): Promise<void> {
  await transaction(async (query) => {
    for (const [role, password] of Object.entries(passwords)) {
      // A role is altered by a statement without parameters; the verifier is base64 and punctuation that needs no quoting.
      await query(`ALTER ROLE ${role} LOGIN PASSWORD '${scramVerifier(password)}'`);
    }
  });
}

/**
 * Signs in as the roles that serve people, and asks what they may do. Rejects when one cannot sign in, or could rewrite what is
 * meant to stay.
 */
export async function checkRoles({ url, passwords }: { url: string; passwords: RolePasswords }): Promise<void> {
  for (const role of ['clinic_app', 'clinic_sentinel'] as const) {
    const own = new URL(url);
    own.username = role;
    const database = openDatabase({ url: own.href, password: passwords[role], max: 1 });
    try {
      const [may] = await database.query<{ rewrite: boolean; create: boolean; superuser: boolean }>(
        `SELECT bool_or(has_table_privilege('audit_log', privilege)) AS rewrite,
           has_schema_privilege('public', 'CREATE') AS create,
           (SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS superuser
         FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege`,
      );
      if (!may || may.rewrite || may.create || may.superuser) {
        throw new Error(
          `The database role ${role} may change more than it should. Revoke what was granted besides the migrations.`,
        );
      }
    } finally {
      await database.close();
    }
  }
}
