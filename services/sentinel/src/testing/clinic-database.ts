import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { MIGRATIONS, migrate } from '../../../clinic-api/src/migrations.ts';
import { type ServerTemplate, startPostgres } from '../../../clinic-api/src/testing/postgres.ts';

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

/** A server with the clinic in it, to be copied. */
const CLINIC: ServerTemplate = {
  name: 'clinic',
  async fill(server) {
    const clinic = await server.create('clinic');
    await migrate(clinic, MIGRATIONS);
    await clinic.pool.query(SEED);
    for (const role of ['clinic_app', 'clinic_sentinel', 'clinic_backup'])
      await clinic.query(`ALTER ROLE ${role} LOGIN PASSWORD '${server.password}'`);
    await clinic.close();
    // As in the stack: the backup's role may replicate.
    const rules = 'host replication clinic_backup all scram-sha-256\nhost all all all scram-sha-256\n';
    writeFileSync(join(server.data, 'pg_hba.conf'), rules);
  },
};

export async function startClinicDatabase(): Promise<ClinicDatabase> {
  const server = await startPostgres({ settings: ['listen_addresses=127.0.0.1', 'autovacuum=off'], template: CLINIC });
  const { bin, port, password, data } = server;
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
  // PostgreSQL's user passes through it.
  chmodSync(folder, 0o711);
  const of = (user: string) => ({ url: `postgres://${user}@127.0.0.1:${port}/clinic`, password });
  return {
    bin,
    port,
    password,
    data,
    folder,
    backup: of('clinic_backup'),
    sentinel: of('clinic_sentinel'),
    async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'clinic', password, database: 'clinic' });
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query<Row>(text, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    signal: server.signal,
    kill: server.kill,
    start: server.restart,
    close: async () => {
      await server.close();
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
