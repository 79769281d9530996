import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Manifest } from './manifest.ts';
import { postgresOwner, postgresProgram, run, start } from './program.ts';

/** How far a copy is taken forward from its base backup. */
export type Recovery =
  /** To a WAL position; it then waits there and can be read. */
  | { readonly to: 'position'; readonly lsn: string }
  /** To the last transaction committed at or before a moment (ISO 8601); it then can be written. */
  | { readonly to: 'time'; readonly at: string }
  /** As far as there is WAL; it then can be written. */
  | { readonly to: 'end' };

/** A restored database that runs on its own: it listens on this machine only, to one account with a password that nobody knows. */
export interface Copy {
  readonly port: number;
  readonly password: string;
  /** A connection as the cluster's superuser. */
  connect(database?: string): Promise<pg.Client>;
  /** Of PostgreSQL's programs: where it is reached, without a password. */
  readonly socket: string;
  /** When the last transaction that it holds was committed; undefined when there was none after the base backup. */
  lastCommit(): Promise<Date | undefined>;
  stop(): Promise<void>;
}

/** The copy did not come up. */
export class CopyFailed extends Error {
  override readonly name = 'CopyFailed';
}

export interface CopyOptions {
  readonly bin: string;
  /** Data folder. */
  readonly data: string;
  /** Folder of WAL segments, in the clear. */
  readonly wal: string;
  readonly manifest: Pick<Manifest, 'owner' | 'database'>;
  readonly recovery: Recovery;
  /** Milliseconds. */
  readonly deadline: number;
}

/** A port of this machine on which nothing listens now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** A file that PostgreSQL's user can read. */
export function give(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600 });
  const owner = postgresOwner();
  if (owner) chownSync(path, owner.uid, owner.gid);
}

/** A folder that PostgreSQL's user owns. */
export function giveFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const owner = postgresOwner();
  if (owner) chownSync(path, owner.uid, owner.gid);
}

const AT_LEAST: Readonly<Record<string, string>> = {
  max_connections: 'max_connections',
  max_worker_processes: 'max_worker_processes',
  max_wal_senders: 'max_wal_senders',
  max_prepared_xacts: 'max_prepared_transactions',
  max_locks_per_xact: 'max_locks_per_transaction',
};

/** A server that recovers must allow at least as much as the one that wrote the WAL. */
async function limitsOf(bin: string, data: string): Promise<string[]> {
  const said = await run([postgresProgram(bin, 'pg_controldata'), '-D', data]);
  return Object.entries(AT_LEAST).flatMap(([name, setting]) => {
    const value = new RegExp(`^${name} setting:\\s+(\\d+)$`, 'm').exec(said)?.[1];
    return value === undefined ? [] : [`${setting}=${value}`];
  });
}

function targetOf(recovery: Recovery): string[] {
  switch (recovery.to) {
    case 'position':
      return [`recovery_target_lsn=${recovery.lsn}`, 'recovery_target_inclusive=off', 'recovery_target_action=pause'];
    case 'time':
      return [
        `recovery_target_time=${recovery.at.replace('T', ' ').replace('Z', '+00')}`,
        'recovery_target_action=promote',
      ];
    case 'end':
      return [];
  }
}

const shell = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;

/** Starts a server on a restored data folder. Resolves once it has recovered as far as it was asked to. */
export async function startCopy({ bin, data, wal, manifest, recovery, deadline }: CopyOptions): Promise<Copy> {
  const owner = postgresOwner();
  // Short: the path of a socket may have 107 bytes.
  const socket = mkdtempSync(join(tmpdir(), 'copy-'));
  if (owner) chownSync(socket, owner.uid, owner.gid);
  const port = await freePort();
  const password = randomBytes(18).toString('base64url');
  const hba = join(socket, 'hba.conf');
  // The socket's folder is its user's alone.
  give(hba, 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
  const configuration = join(socket, 'postgresql.conf');
  give(configuration, '');
  give(join(data, 'recovery.signal'), '');
  rmSync(join(data, 'postmaster.pid'), { force: true });
  const settings = [
    ...(await limitsOf(bin, data)),
    ...targetOf(recovery),
    `config_file=${configuration}`,
    `data_directory=${data}`,
    `hba_file=${hba}`,
    `ident_file=${hba}`,
    `unix_socket_directories=${socket}`,
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `restore_command=cp ${shell(wal)}/%f "%p"`,
    'recovery_target_timeline=current',
    'hot_standby=on',
    'shared_buffers=16MB',
    'shared_preload_libraries=',
    'archive_mode=off',
    'logging_collector=off',
    'log_destination=stderr',
    'primary_conninfo=',
    'max_logical_replication_workers=0',
    'jit=off',
    'ssl=off',
    'cluster_name=clinic-copy',
  ];
  const program = start([postgresProgram(bin, 'postgres'), ...settings.flatMap((setting) => ['-c', setting])], {
    as: owner,
    cwd: socket,
    reach: [data, wal],
  });
  program.child.stdout?.resume();
  let over: Error | undefined;
  const ended = program.ended.then(
    (said) => {
      over = new CopyFailed(`The copy ended: ${said.slice(-500)}`);
    },
    (error: Error) => {
      over = new CopyFailed(error.message, { cause: error });
    },
  );
  const connect = async (database = manifest.database) => {
    const client = new pg.Client({ host: socket, port, user: manifest.owner, database, connectionTimeoutMillis: 5000 });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const ask = async <Row extends pg.QueryResultRow>(question: string): Promise<Row | undefined> => {
    const client = await connect('postgres');
    try {
      return (await client.query<Row>(question)).rows[0];
    } finally {
      await client.end();
    }
  };
  const stop = async () => {
    program.child.kill('SIGINT');
    const stubborn = setTimeout(() => program.child.kill('SIGQUIT'), 30_000);
    await ended;
    clearTimeout(stubborn);
    rmSync(socket, { recursive: true, force: true });
  };

  const late = performance.now() + deadline;
  for (;;) {
    if (over) {
      rmSync(socket, { recursive: true, force: true });
      throw over;
    }
    const state = await ask<{ recovering: boolean; paused: boolean }>(
      `SELECT pg_is_in_recovery() AS recovering,
         CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'paused' ELSE false END AS paused`,
    ).catch(() => undefined);
    if (state && (recovery.to === 'position' ? state.paused : !state.recovering)) break;
    if (performance.now() > late) {
      await stop();
      throw new CopyFailed(`The copy was not up after ${deadline / 1000} s.`);
    }
    await sleep(50);
  }
  return {
    port,
    password,
    socket,
    connect,
    lastCommit: async () =>
      (await ask<{ at: Date | null }>('SELECT pg_last_xact_replay_timestamp() AS at'))?.at ?? undefined,
    stop,
  };
}
