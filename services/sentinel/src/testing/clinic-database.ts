// @needs postgres
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findPostgres } from '../../../../stack/find-postgres.mjs';
import { openDatabase } from '../../../clinic-api/src/database.ts';
import { migrate } from '../../../clinic-api/src/migrations.ts';
import { freePort } from '../backup/copy.ts';
import { postgresOwner } from '../backup/program.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../clinic-api/migrations');
const PASSWORD = 'password-of-a-test';

/** A server of its own with the clinic's schema, a few made-up rows and the roles that sentinel uses. */
export interface ClinicDatabase {
  readonly bin: string;
  readonly port: number;
  readonly password: string;
  readonly data: string;
  /** The folder that everything of the test may go to. */
  readonly folder: string;
  readonly backup: { readonly url: string; readonly password: string };
  readonly sentinel: { readonly url: string; readonly password: string };
  /** As the owner. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const SEED = `
INSERT INTO users (email, name, role, password_hash, synthetic)
  SELECT 'person' || n || '@clinic.example', 'Person ' || n, 'clinician', 'x', true FROM generate_series(1, 5) AS n;
INSERT INTO clients (given_name, family_name, born_on, email, phone, synthetic)
  SELECT 'Given' || n, 'Family' || n, '1980-01-01', 'client' || n || '@example.org', '0', true FROM generate_series(1, 400) AS n;
INSERT INTO clinical_notes (client_id, author_id, kind, body, signed_at, synthetic)
  SELECT id, 1, 'progress', repeat('synthetic ', 20), now() - interval '1 day', true FROM clients;
INSERT INTO audit_log (actor_id, actor_role, action, outcome) SELECT 1, 'clinician', 'chart_read', 'allowed' FROM generate_series(1, 50);
`;

export async function startClinicDatabase(): Promise<ClinicDatabase> {
  const found = findPostgres();
  if (!found) throw new Error('These tests need PostgreSQL 15 or newer: install it (apt-get install postgresql).');
  const { bin } = found;
  const owner = postgresOwner();
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
  chmodSync(folder, 0o711);
  const home = join(folder, 'postgres');
  mkdirSync(home, { mode: 0o700 });
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, PASSWORD);
  if (owner) for (const path of [home, passwordFile]) chownSync(path, owner.uid, owner.gid);
  const data = join(home, 'data');
  const as = (argv: string[]): [string, string[]] =>
    owner
      ? ['setpriv', ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups', ...argv]]
      : [argv[0]!, argv.slice(1)];
  const [program, args] = as([
    join(bin, 'initdb'),
    ...['-D', data, '-U', 'clinic', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    ...['--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums', '--no-sync'],
  ]);
  const initialised = spawnSync(program, args, { encoding: 'utf8', cwd: home });
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`);
  const port = await freePort();
  const administration = { host: '127.0.0.1', port, user: 'clinic', password: PASSWORD };
  let server: ChildProcess;
  const connect = async (database = 'clinic') => {
    const client = new pg.Client({ ...administration, database });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const start = async () => {
    const settings = [
      `port=${port}`,
      `unix_socket_directories=${home}`,
      'fsync=off',
      'shared_buffers=16MB',
      'listen_addresses=127.0.0.1',
      'autovacuum=off',
    ];
    const [postgres, options] = as([join(bin, 'postgres'), '-D', data, ...settings.flatMap((each) => ['-c', each])]);
    server = spawn(postgres, options, { stdio: 'ignore', cwd: home });
    for (let attempt = 0; ; attempt++) {
      try {
        await (await connect('postgres')).end();
        return;
      } catch (error) {
        if (attempt > 300) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  const stop = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  const query = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
    const client = await connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  await start();
  const administrator = await connect('postgres');
  await administrator.query('CREATE DATABASE clinic');
  await administrator.end();
  const migrator = await connect();
  const clinic = openDatabase({ url: `postgres://clinic@127.0.0.1:${port}/clinic`, password: PASSWORD });
  await migrate(clinic, MIGRATIONS);
  await clinic.close();
  await migrator.query(SEED);
  for (const role of ['clinic_app', 'clinic_sentinel', 'clinic_backup'])
    await migrator.query(`ALTER ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  await migrator.end();
  // As in the stack: the backup's role may replicate.
  const hba = join(data, 'pg_hba.conf');
  writeFileSync(hba, 'host replication clinic_backup all scram-sha-256\nhost all all all scram-sha-256\n');
  await query('SELECT pg_reload_conf()');
  const of = (user: string) => ({ url: `postgres://${user}@127.0.0.1:${port}/clinic`, password: PASSWORD });
  return {
    bin,
    port,
    password: PASSWORD,
    data,
    folder,
    backup: of('clinic_backup'),
    sentinel: of('clinic_sentinel'),
    query,
    signal: (signal) => void server.kill(signal),
    kill: () => stop('SIGQUIT'),
    start,
    close: async () => {
      await stop('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A document as the clinic stores it: a row, and a file of the document's id. */
export async function addDocument(database: ClinicDatabase, store: string, content: Buffer): Promise<string> {
  const id = randomUUID();
  mkdirSync(store, { recursive: true });
  writeFileSync(join(store, id), content);
  await database.query(
    `INSERT INTO documents (id, client_id, uploaded_by, uploaded_at, name, media_type, size_bytes, sha256, synthetic)
     SELECT $1, (SELECT id FROM clients LIMIT 1), 1, now() - interval '1 hour', 'Synthetic', 'text/plain', $2, sha256($3), true`,
    [id, content.length, content],
  );
  return id;
}
