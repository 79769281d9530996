// Makes the database ready for the services, and ends: the schema, synthetic people where there are to be any, and the passwords
// of the roles that the services use. Safe to run again at any time.
import { ConfigurationError, configuration, secretFile, wholeNumber } from '@clinic/instrumentation/node/configuration';
import { z } from 'zod';
import { type Database, openDatabase, reasonOf, waitForDatabase } from './database.ts';
import { checkRoles, giveRolesPasswords } from './database-roles.ts';
import { databaseUrl } from './database-url.ts';
import { openDocumentStore } from './document-store.ts';
import { log } from './log.ts';
import { MIGRATIONS, migrate } from './migrations.ts';
import { seed } from './seed.ts';

const variables = {
  /** As the owner of the tables. */
  DATABASE_URL: databaseUrl,
  DATABASE_PASSWORD_FILE: secretFile,
  /** Passwords of clinic_app, clinic_sentinel and clinic_backup. */
  APP_PASSWORD_FILE: secretFile,
  SENTINEL_PASSWORD_FILE: secretFile,
  BACKUP_PASSWORD_FILE: secretFile,
  /** Synthetic clients of an empty database; 0: neither clients nor accounts, for a practice of real people. */
  SEED_CLIENTS: wholeNumber(0, 100_000),
  /** Password of the synthetic accounts, and the folder of their documents; needed when there are to be any. */
  DEMO_PASSWORD_FILE: secretFile.optional(),
  DOCUMENT_STORE: z.string().min(1, 'must name a folder').optional(),
};

type Settings = z.output<z.ZodObject<typeof variables>>;

async function seedIfAsked(database: Database, settings: Settings): Promise<void> {
  const { SEED_CLIENTS: clients, DEMO_PASSWORD_FILE: password, DOCUMENT_STORE: folder } = settings;
  if (clients === 0) return;
  if (password === undefined || folder === undefined) {
    const missing = password === undefined ? 'DEMO_PASSWORD_FILE' : 'DOCUMENT_STORE';
    throw new ConfigurationError(`${missing} is not set. Set it, or set SEED_CLIENTS to 0 for an empty clinic.`);
  }
  const start = performance.now();
  const today = new Date(new Date().setUTCHours(0, 0, 0, 0));
  const counts = await seed(database, { password, clients, store: await openDocumentStore(folder), today });
  if (counts) log('info', 'seeded', { ...counts, ms: Math.round(performance.now() - start) });
}

async function run(): Promise<void> {
  const settings = configuration(variables);
  const { DATABASE_URL: url } = settings;
  const database = openDatabase({ url, password: settings.DATABASE_PASSWORD_FILE });
  try {
    await waitForDatabase(database, {
      waiting: (secondsLeft) => log('warn', 'waiting_for_database', { seconds_left: secondsLeft }),
    });
    const applied = await migrate(database, MIGRATIONS);
    log('info', 'migrated', { migrations: applied.length });
    await seedIfAsked(database, settings);
    const passwords = {
      clinic_app: settings.APP_PASSWORD_FILE,
      clinic_sentinel: settings.SENTINEL_PASSWORD_FILE,
      clinic_backup: settings.BACKUP_PASSWORD_FILE,
    };
    await giveRolesPasswords(database, passwords);
    await checkRoles({ url, passwords });
    log('info', 'ready');
  } finally {
    await database.close();
  }
}

try {
  await run();
} catch (error) {
  // What this says is about configuration and schema, never about a person.
  process.stderr.write(`The database cannot be made ready: ${reasonOf(error)}\n`);
  process.exit(1);
}
