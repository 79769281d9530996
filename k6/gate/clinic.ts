import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../services/clinic-api/src/database.ts';
import { freePortOffset } from '../../stack/port-offset.ts';
import { type Stack, startStack } from '../../stack/run.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { openTraceSink, type TraceSink } from './trace-sink.ts';
import type { Tree } from './tree.ts';

/** A clinic that runs from a tree, with a database of its own that tells what each statement did. */
export interface Clinic {
  readonly tree: Tree;
  readonly stack: Stack;
  readonly url: string;
  /** Of the demo accounts. */
  readonly password: string;
  /** Holds it. */
  readonly passwordFile: string;
  /** As the database's superuser. */
  readonly database: Database;
  readonly traces: TraceSink;
  /** Of what the database holds at first: two clinics of the same seed have the same. */
  readonly seed: string;
  /** Starts the clinic's process anew; the database stays. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClinicOptions {
  readonly tree: Tree;
  /** Synthetic clients. */
  readonly clients: number;
  /** Default: one at which all ports are free. */
  readonly portOffset?: number | undefined;
  /** Of clinic-api's process, besides what the compose file says. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Every row that the seed makes, by what identifies it. */
const SEEDED = `SELECT string_agg(part, ',' ORDER BY part) AS rows FROM (
  SELECT 'clients:' || md5(string_agg(id::text, ',' ORDER BY id)) AS part FROM clients
  UNION ALL SELECT 'appointments:' || md5(string_agg(client_id::text || starts_at || state, ',' ORDER BY client_id, starts_at)) FROM appointments
  UNION ALL SELECT 'notes:' || md5(string_agg(client_id::text || kind, ',' ORDER BY client_id, written_at)) FROM clinical_notes
  UNION ALL SELECT 'medications:' || md5(string_agg(client_id::text || name || dose, ',' ORDER BY client_id, name, dose, started_on)) FROM medications
  UNION ALL SELECT 'documents:' || md5(string_agg(client_id::text || size_bytes, ',' ORDER BY client_id, uploaded_at)) FROM documents
) AS parts`;

/**
 * Starts PostgreSQL, the migration with its seed, and the clinic of a tree. The database flushes at its leisure and does not
 * vacuum by itself: the disk and its timing say nothing of the code.
 */
export async function startClinic({ tree, clients, portOffset, environment = {} }: ClinicOptions): Promise<Clinic> {
  const { path: state, remove } = temporaryFolder('clinic-gate-state-');
  const traces = await openTraceSink();
  let stack: Stack | undefined;
  let database: Database | undefined;
  const stop = async () => {
    await database?.close();
    await stack?.stop();
    await traces.close();
    remove();
  };
  try {
    stack = await startStack({
      root: tree.root,
      state,
      portOffset: portOffset ?? (await freePortOffset(tree.root)),
      services: ['clinic-api'],
      environment: {
        'clinic-api': { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url, TRACE_SAMPLE_RATIO: '1', ...environment },
        migrate: { SEED_CLIENTS: String(clients) },
      },
    });
    const secretFile = (name: string) => join(state, 'secrets', name);
    const secret = (name: string) => readFileSync(secretFile(name), 'utf8').trim();
    const url = `postgres://clinic@127.0.0.1:${stack.port(5433)}/clinic`;
    const open = () => openDatabase({ url, password: secret('postgres_password'), max: 2, statementTimeout: 60_000 });
    database = open();
    for (const setting of [
      "shared_preload_libraries = 'pg_stat_statements'",
      'autovacuum = off',
      'synchronous_commit = off',
      // A checkpoint would write in the middle of one side's measurement.
      "checkpoint_timeout = '1h'",
    ]) {
      await database.query(`ALTER SYSTEM SET ${setting}`);
    }
    await database.close();
    database = undefined;
    await stack.stopService('clinic-api');
    await stack.stopService('postgres');
    await stack.startService('postgres');
    await stack.startService('clinic-api');
    database = open();
    await database.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    await database.query('VACUUM ANALYZE');
    const [seeded] = await database.query<{ rows: string }>(SEEDED);
    const running = stack;
    return {
      tree,
      stack,
      url: stack.url('clinic-api'),
      password: secret('demo_password'),
      passwordFile: secretFile('demo_password'),
      database,
      traces,
      seed: createHash('sha256').update(seeded!.rows).digest('hex').slice(0, 16),
      async restart() {
        await running.stopService('clinic-api');
        traces.clear();
        await running.startService('clinic-api');
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
