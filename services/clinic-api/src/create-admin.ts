// Makes the first administrator of a clinic that has none, since nobody could make that one by signing in:
//   node services/clinic-api/src/create-admin.ts --email ada@practice.example --name 'Ada Example' < password
// The password is the first line of standard input, or of the file that --password-file names; it never is an argument, which
// every process of the machine could read. With the environment of the clinic.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { configuration, secretFile } from '@clinic/instrumentation/node/configuration';
import { record } from './audit.ts';
import { openDatabase, reasonOf } from './database.ts';
import { databaseUrl } from './database-url.ts';
import { hashPassword } from './passwords.ts';
import { insertUser, newUser } from './users.ts';

const USAGE =
  "Usage: create-admin.ts --email ADDRESS --name 'NAME' [--password-file FILE], the password on standard input.";

/** Any number that no other program uses for an advisory lock in this database. */
const FIRST_ADMIN_LOCK = 7_313_004;

/** Thrown with what is wrong and what to do; holds nothing that was typed. */
class Refused extends Error {
  override readonly name = 'Refused';
}

function argumentsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { email: { type: 'string' }, name: { type: 'string' }, 'password-file': { type: 'string' } },
    });
    return values;
  } catch {
    throw new Refused(USAGE);
  }
}

async function passwordOf(file: string | undefined): Promise<string> {
  if (file === undefined) {
    if (process.stdin.isTTY) process.stderr.write('Password (at least 12 characters, it will be visible): ');
    for await (const line of createInterface({ input: process.stdin })) return line;
    return '';
  }
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch {
    throw new Refused('--password-file names a file that cannot be read.');
  }
}

async function run(): Promise<void> {
  const { email, name, 'password-file': file } = argumentsOf(process.argv.slice(2));
  const settings = configuration({ DATABASE_URL: databaseUrl, DATABASE_PASSWORD_FILE: secretFile });
  const user = newUser.safeParse({ email, name, role: 'admin', password: await passwordOf(file) });
  if (!user.success) {
    const wrong = [...new Set(user.error.issues.map(({ path }) => path.join('.')))].join(', ');
    throw new Refused(`This cannot be used: ${wrong}. A password has at least 12 characters. ${USAGE}`);
  }
  const { password, ...fields } = user.data;
  const passwordHash = await hashPassword(password);
  const database = openDatabase({ url: settings.DATABASE_URL, password: settings.DATABASE_PASSWORD_FILE, max: 1 });
  try {
    const id = await database.pooled(
      async (query) => {
        await query('SELECT pg_advisory_xact_lock($1)', [FIRST_ADMIN_LOCK]);
        const [admin] = await query("SELECT FROM users WHERE role = 'admin' AND active LIMIT 1");
        if (admin) throw new Refused('This clinic has an administrator, who can make more: nothing was done.');
        return (await insertUser(query, { ...fields, passwordHash })).id;
      },
      (query, created) => record(query, { action: 'user_created', outcome: 'allowed', resource_id: String(created) }),
    );
    process.stdout.write(`User ${id} is an administrator, and sets up a second factor at the first sign-in.\n`);
  } finally {
    await database.close();
  }
}

try {
  await run();
} catch (error) {
  process.stderr.write(`No administrator was made: ${reasonOf(error)}\n`);
  process.exitCode = 1;
}
