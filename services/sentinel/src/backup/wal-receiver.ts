import type { ChildProcess } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type ConnectionOptions, connectionOf } from '../database.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../schedule.ts';
import { ProgramFailed, postgresProgram, start } from './program.ts';

/** The database keeps WAL until the receiver has it, up to max_slot_wal_keep_size. */
export const WAL_SLOT = 'clinic_sentinel';

export interface WalReceiver {
  close(): Promise<void>;
}

export interface WalReceiverOptions {
  readonly connection: ConnectionOptions;
  readonly bin: string;
  /** Where segments arrive, in the clear: one folder per cluster. */
  readonly spool: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The database gave up WAL that had not been received: what is received from now on does not continue the backup. */
  readonly slotLost: () => void;
}

const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export const environmentOf = ({ password }: ConnectionOptions) => ({ PGPASSWORD: password, PGCONNECT_TIMEOUT: '10' });

/** As a connection string, whose values are quoted. */
export function conninfo(options: ConnectionOptions, application: string): string {
  const { host, port, user } = connectionOf(options);
  const quote = (text: string | number) => `'${String(text).replace(/[\\']/g, '\\$&')}'`;
  return `host=${quote(host)} port=${port} user=${quote(user)} application_name=${application}`;
}

/** Drops the slot when the database no longer keeps WAL for it. Resolves with how it was found. */
async function dropLostSlot(connection: ConnectionOptions): Promise<'kept' | 'lost' | 'missing'> {
  const client = new pg.Client({ ...connectionOf(connection), connectionTimeoutMillis: 10_000, query_timeout: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rowCount: dropped } = await client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
       WHERE slot_name = $1 AND NOT active AND wal_status = 'lost'`,
      [WAL_SLOT],
    );
    if (dropped) return 'lost';
    const { rowCount } = await client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [WAL_SLOT]);
    return rowCount ? 'kept' : 'missing';
  } finally {
    await client.end();
  }
}

/** Runs pg_receivewal for as long as sentinel runs, and starts it again when it ends. */
export async function startWalReceiver({
  connection,
  bin,
  spool,
  clock,
  log,
  slotLost,
}: WalReceiverOptions): Promise<WalReceiver> {
  await mkdir(spool, { recursive: true, mode: 0o700 });
  let child: ChildProcess | undefined;
  let closed = false;
  let wake = () => {};
  const program = postgresProgram(bin, 'pg_receivewal');
  const common = ['-d', conninfo(connection, 'pg_receivewal'), '--no-password', '--slot', WAL_SLOT];
  const environment = environmentOf(connection);

  async function once(): Promise<void> {
    const before = await readdir(spool);
    const slot = await dropLostSlot(connection);
    // Without a slot, and without anything received, this is the first start.
    if (slot === 'lost' || (slot === 'missing' && before.length > 0)) {
      // A gap: the segments before it lead nowhere.
      for (const name of before) await rm(join(spool, name), { force: true });
      slotLost();
    }
    await start([program, ...common, '--create-slot', '--if-not-exists'], { environment }).ended;
    if (closed) return;
    // Synchronous: a change counts as received once it is on this disk.
    const running = start([program, ...common, '-D', spool, '--synchronous', '--no-loop', '--status-interval=5'], {
      environment,
    });
    child = running.child;
    child.stdout?.resume();
    await running.ended;
  }

  const loop = (async () => {
    for (let pause = PAUSE_MS; !closed; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const begun = clock.now();
      try {
        await once();
      } catch (error) {
        if (closed) return;
        const code = error instanceof ProgramFailed ? (error.exitCode ?? -1) : -1;
        log('warn', 'wal_receiver_ended', { exit_code: code, again_in_seconds: pause / 1000 });
      }
      child = undefined;
      if (clock.now() - begun > LONGEST_PAUSE_MS) pause = PAUSE_MS;
      if (closed) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(pause, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
  })();

  return {
    async close() {
      closed = true;
      wake();
      child?.kill('SIGINT');
      await loop;
    },
  };
}
