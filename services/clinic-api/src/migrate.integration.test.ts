import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { scramVerifier } from './database-roles.ts';
import { startPostgres } from './testing/postgres.ts';
import { type TestClinic, testClinic } from './testing/test-clinic.ts';

let all: TestClinic;
beforeAll(async () => {
  // The roles of the database, which are to be made, are the server's.
  all = await testClinic(await startPostgres());
}, 60_000);
afterAll(() => all?.close(), 30_000);

function migrate(name: string, change: Readonly<Record<string, string | undefined>> = {}) {
  const environment: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    DATABASE_URL: all.postgres.urlOf(name),
    DATABASE_PASSWORD_FILE: all.secretFile('postgres_password'),
    APP_PASSWORD_FILE: all.secretFile('app_password'),
    SENTINEL_PASSWORD_FILE: all.secretFile('sentinel_password'),
    BACKUP_PASSWORD_FILE: all.secretFile('backup_password'),
    DEMO_PASSWORD_FILE: all.secretFile('demo_password'),
    DOCUMENT_STORE: join(all.folder, 'documents-of-migrate'),
    SEED_CLIENTS: '12',
    ...change,
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'migrate.ts')], {
    env: Object.fromEntries(
      Object.entries(environment).filter(([, value]) => value !== undefined),
    ) as NodeJS.ProcessEnv,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, output: stdout + stderr };
}

test('makes an empty database ready, and may be run again', async () => {
  const database = await all.postgres.create('ready');
  const first = migrate('ready');
  expect([first.status, first.output]).toEqual([0, expect.stringContaining('"event":"seeded"')]);
  expect(first.output).not.toMatch(/of-a-test|clinic\.example/);
  const again = migrate('ready');
  expect([again.status, again.output]).toEqual([0, expect.stringContaining('"migrations":0')]);
  expect(again.output).not.toContain('seeded');
  const stored = await database.query<{ name: string; login: boolean; replication: boolean; super: boolean }>(
    `SELECT rolname AS name, rolcanlogin AS login, rolreplication AS replication, rolsuper AS super FROM pg_roles
     WHERE rolname LIKE 'clinic\\_%' ORDER BY rolname`,
  );
  expect(stored).toEqual([
    { name: 'clinic_app', login: true, replication: false, super: false },
    { name: 'clinic_backup', login: true, replication: true, super: false },
    { name: 'clinic_sentinel', login: true, replication: false, super: false },
  ]);
  await database.close();
}, 60_000);

test.each([
  [
    'clinic_app',
    'app_password',
    [
      'UPDATE audit_log SET outcome = outcome',
      'DELETE FROM clients',
      'DROP TABLE claims',
      'CREATE TABLE x ()',
      "UPDATE clinical_notes SET body = 'x'",
      'TRUNCATE emails',
      "INSERT INTO schema_migrations VALUES ('x', 'x')",
    ],
  ],
  [
    'clinic_sentinel',
    'sentinel_password',
    [
      'SELECT password_hash FROM users',
      'SELECT totp_secret FROM users',
      'SELECT body FROM clinical_notes',
      'SELECT body FROM messages',
      'SELECT * FROM sessions',
      'UPDATE emails SET state = state',
      'DELETE FROM audit_log',
    ],
  ],
] as const)('%s may not do what it has no need to', async (role, secret, statements) => {
  const url = new URL(all.postgres.urlOf('ready'));
  url.username = role;
  const database = openDatabase({ url: url.href, password: all.secret(secret) });
  for (const statement of statements)
    await expect(database.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
  await database.query('SELECT count(*) FROM users');
  await database.query('SELECT id, client_id, signed_at FROM clinical_notes');
  await database.close();
});

test('a role that may do more than it should stops it', async () => {
  const database = await all.postgres.create('loose');
  expect(migrate('loose', { SEED_CLIENTS: '0' }).status).toBe(0);
  await database.query('GRANT DELETE ON audit_log TO clinic_app');
  const { status, output } = migrate('loose', { SEED_CLIENTS: '0' });
  expect([status, output]).toEqual([1, expect.stringContaining('clinic_app may change more than it should')]);
  await database.close();
}, 60_000);

test('a disk that refuses is not told as the database', async () => {
  const database = await all.postgres.create('no_disk');
  const folder = join(all.folder, 'documents-without-a-disk');
  mkdirSync(folder);
  // Nothing can be made in there, not even by root.
  symlinkSync('/proc', join(folder, 'incoming'));
  const { status, output } = migrate('no_disk', { DOCUMENT_STORE: folder });
  expect([status, output]).toEqual([1, expect.stringContaining('cannot be made ready: storage_unavailable')]);
  await database.close();
}, 60_000);

test('of what PostgreSQL refuses, the code is told and nothing of a row', async () => {
  const database = await all.postgres.create('refusing');
  await database.query("CREATE TABLE users (email text CHECK (email = 'canary'))");
  const { status, output } = migrate('refusing');
  expect([status, output]).toEqual([1, expect.stringContaining('the database refused (42P07)')]);
  expect(output).not.toMatch(/canary|users/);
  await database.close();
}, 60_000);

test.each([
  ['DEMO_PASSWORD_FILE', undefined, 'DEMO_PASSWORD_FILE is not set'],
  ['DOCUMENT_STORE', undefined, 'DOCUMENT_STORE is not set'],
  ['DOCUMENT_STORE', '/dev/null/canary', 'DOCUMENT_STORE: the folder cannot be'],
  ['SEED_CLIENTS', '-1', 'SEED_CLIENTS'],
  ['DATABASE_URL', 'postgres://clinic:canary@127.0.0.1:1/clinic', 'DATABASE_URL'],
  ['APP_PASSWORD_FILE', '/nowhere/canary', 'APP_PASSWORD_FILE'],
  [
    'DATABASE_PASSWORD_FILE',
    'app_password',
    'DATABASE_PASSWORD_FILE holds a password that the database does not accept',
  ],
])(
  'a wrong %s stops it and is named: %s',
  async (key, value, message) => {
    const name = `wrong_${key.toLowerCase()}_${value === undefined ? 'unset' : 'set'}`;
    await (await all.postgres.create(name)).close();
    const { status, output } = migrate(name, { [key]: value === 'app_password' ? all.secretFile(value) : value });
    expect([status, output]).toEqual([1, expect.stringContaining(message)]);
    expect(output).not.toContain('canary');
  },
  30_000,
);

test('a verifier is what PostgreSQL would have made, and holds no password', () => {
  // RFC 7677, section 3: password "pencil", salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 iterations.
  const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
  expect(verifier).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
  expect(() => scramVerifier('pass word')).toThrow('printable ASCII');
});
