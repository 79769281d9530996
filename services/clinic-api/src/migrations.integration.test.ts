import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TABLES } from '@clinic/catalogue/vocabulary';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Database } from './database.ts';
import { MIGRATIONS, migrate } from './migrations.ts';
import { startPostgres, type TestPostgres } from './testing/postgres.ts';

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
  expect(applied.flat()).toEqual(['0001-clinic.sql', '0002-practice.sql']);
  expect(await tables(clinic)).toEqual([...TABLES].sort());
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
  writeFileSync(join(folder, '0003-broken.sql'), 'CREATE TABLE half (); SELECT nonsense');
  await expect(migrate(clinic, folder)).rejects.toThrow();
  expect(await tables(clinic)).toEqual([]);
});

test('a gap in the numbers is refused', async () => {
  const clinic = await database('gap');
  const folder = copy();
  writeFileSync(join(folder, '0004-late.sql'), 'SELECT 1');
  await expect(migrate(clinic, folder)).rejects.toThrow('0004-late.sql should be number 0003');
});
