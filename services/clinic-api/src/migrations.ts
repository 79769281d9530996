import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, sqlState } from './database.ts';

/** Any number that no other program uses for an advisory lock in this database. */
export const SCHEMA_LOCK = 7_313_001;

/** Their folder. */
export const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly hash: string;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = String(index + 1).padStart(4, '0');
      if (!name.startsWith(`${number}-`)) {
        throw new Error(`Migration ${name} should be number ${number}: numbers follow one another without a gap.`);
      }
      const sql = await readFile(join(folder, name), 'utf8');
      return { name, sql, hash: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Brings the schema up to date, in one transaction and by one process at a time; returns the names of what was applied.
 * Rejects when an applied migration was changed or is missing: the schema is then not what the code expects.
 */
export async function migrate({ transaction }: Database, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder);
  return transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
    await query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      name text PRIMARY KEY,
      hash text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
    const applied = await query<{ name: string; hash: string }>(
      'SELECT name, hash FROM schema_migrations ORDER BY name',
    );
    for (const [index, { name, hash }] of applied.entries()) {
      if (migrations[index]?.name === name && migrations[index].hash === hash) continue;
      throw new Error(
        `Migration ${name} was applied to this database, but ${folder} now holds another text or order. ` +
          'Restore the file and put the change into a new migration.',
      );
    }
    const pending = migrations.slice(applied.length);
    for (const { name, sql, hash } of pending) {
      await query(sql);
      await query('INSERT INTO schema_migrations (name, hash) VALUES ($1, $2)', [name, hash]);
    }
    return pending.map(({ name }) => name);
  });
}

const UNDEFINED_TABLE = '42P01';

/** Rejects unless the database has the schema that the migrations of the folder make: no older one, no newer one. */
export async function checkSchema({ query }: Pick<Database, 'query'>, folder: string): Promise<void> {
  const [migrations, applied] = await Promise.all([
    readMigrations(folder),
    query<{ name: string; hash: string }>('SELECT name, hash FROM schema_migrations ORDER BY name').catch(
      (error: unknown) => {
        if (sqlState(error) === UNDEFINED_TABLE) return [];
        throw error;
      },
    ),
  ]);
  const same =
    applied.length === migrations.length &&
    migrations.every(({ name, hash }, index) => applied[index]?.name === name && applied[index].hash === hash);
  if (same) return;
  throw new Error(
    `The database of DATABASE_URL has another schema than this version works with: it has ${applied.length} of its ` +
      `${migrations.length} migrations, or others. Run services/clinic-api/src/migrate.ts of this version, then start again.`,
  );
}
