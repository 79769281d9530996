import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Database } from './database.ts';
import { migrate } from './migrations.ts';
import { seed, syntheticClient } from './seed.ts';
import { startPostgres, type TestPostgres } from './testing/postgres.ts';

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.close());

function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'clinic-migrations-'));
  cpSync(MIGRATIONS, folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
async function database(name: string): Promise<Database> {
  const created = await postgres.create(name);
  onTestFinished(() => created.close());
  return created;
}
const tables = async ({ query }: Database) =>
  (
    await query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    )
  ).map(({ name }) => name);

test('migrations are applied once, also by two processes at a time', async () => {
  const clinic = await database('once');
  const applied = await Promise.all([migrate(clinic, MIGRATIONS), migrate(clinic, MIGRATIONS)]);
  expect(applied.flat()).toEqual(['0001-clinic.sql']);
  expect(await tables(clinic)).toEqual(['appointments', 'clients', 'schema_migrations', 'sessions', 'users']);
});

test('an applied migration that was changed stops the start', async () => {
  const clinic = await database('changed');
  const folder = copy();
  await migrate(clinic, folder);
  writeFileSync(join(folder, '0001-clinic.sql'), 'SELECT 1');
  await expect(migrate(clinic, folder)).rejects.toThrow(/0001-clinic\.sql was applied .* holds another text/);
});

test('a migration that fails leaves nothing behind', async () => {
  const clinic = await database('failing');
  const folder = copy();
  writeFileSync(join(folder, '0002-broken.sql'), 'CREATE TABLE half (); SELECT nonsense');
  await expect(migrate(clinic, folder)).rejects.toThrow();
  expect(await tables(clinic)).toEqual([]);
});

test('a gap in the numbers is refused', async () => {
  const clinic = await database('gap');
  const folder = copy();
  writeFileSync(join(folder, '0003-late.sql'), 'SELECT 1');
  await expect(migrate(clinic, folder)).rejects.toThrow('0003-late.sql should be number 0002');
});

test('the seed is the same everywhere, marked, and given once', async () => {
  const clinic = await database('seeded');
  await migrate(clinic, MIGRATIONS);
  expect(await seed(clinic, { password: 'x', clients: 30 })).toBe(true);
  expect(await seed(clinic, { password: 'x', clients: 30 })).toBe(false);
  const [counts] = await clinic.query(
    `SELECT (SELECT count(*)::int FROM users WHERE synthetic) AS users, (SELECT count(*)::int FROM clients WHERE synthetic) AS clients,
       (SELECT count(*) > 10 FROM appointments WHERE synthetic) AS appointments`,
  );
  expect(counts).toEqual({ users: 3, clients: 30, appointments: true });
  const [first] = await clinic.query('SELECT given_name, family_name FROM clients WHERE id = $1', [
    syntheticClient(0).id,
  ]);
  expect(first).toEqual({ given_name: syntheticClient(0).given_name, family_name: syntheticClient(0).family_name });
  expect(syntheticClient(0)).toEqual(syntheticClient(0));
  expect(new Set(Array.from({ length: 1000 }, (_, index) => syntheticClient(index).id)).size).toBe(1000);
});
