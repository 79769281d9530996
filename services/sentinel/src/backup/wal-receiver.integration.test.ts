import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../schedule.ts';
import { type ClinicDatabase, startClinicDatabase } from '../testing/clinic-database.ts';
import { startWalReceiver, WAL_SLOT, type WalReceiver } from './wal-receiver.ts';

let database: ClinicDatabase;
let spool: string;
let lost = 0;
let files = 0;

const receive = () =>
  startWalReceiver({
    connection: database.backup,
    bin: database.bin,
    spool,
    clock: systemClock,
    log: () => {},
    slotLost: () => {
      lost++;
      files = readdirSync(spool).length;
    },
  });

/** Everything written so far is in the spool. */
async function received(): Promise<void> {
  const [row] = await database.query<{ written: string }>(
    `SELECT pg_logical_emit_message(true, 'test', 'until here')::text AS written`,
  );
  for (;;) {
    const [slot] = await database.query<{ arrived: boolean }>(
      'SELECT restart_lsn >= $1::pg_lsn AS arrived FROM pg_replication_slots WHERE slot_name = $2 AND active',
      [row!.written, WAL_SLOT],
    );
    if (slot?.arrived) return;
    await sleep(50);
  }
}

/** Three segments, and the database lets go of what nobody needs. */
async function letGo(): Promise<void> {
  for (let segment = 0; segment < 3; segment++) {
    await database.query(`SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()`);
  }
  await database.query('CHECKPOINT');
}

async function once(run: () => Promise<void>): Promise<void> {
  const receiver: WalReceiver = await receive();
  try {
    await received();
    await run();
  } finally {
    await receiver.close();
    // The server notices a little later.
    while ((await database.query('SELECT FROM pg_replication_slots WHERE active')).length > 0) await sleep(20);
  }
}

beforeAll(async () => {
  database = await startClinicDatabase();
  await database.query(`ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'`);
  await database.query('SELECT pg_reload_conf()');
});
afterAll(() => database?.close());
beforeEach(async () => {
  lost = 0;
  spool = join(database.folder, 'spools', crypto.randomUUID());
  await database.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
});

test('a first start, and a restart after which nothing is missing, lose nothing', async () => {
  await once(async () => {});
  const first = readdirSync(spool);
  expect(first).toHaveLength(1);
  // Within what the database keeps.
  await database.query(`SELECT pg_logical_emit_message(true, 'test', 'while nobody received')`);
  await once(async () => {
    expect(lost).toBe(0);
    expect(readdirSync(spool)).toEqual(first);
  });
});

test('WAL that the database gave up is noticed: the spool begins anew, and goes on by itself', async () => {
  await once(async () => {});
  const before = readdirSync(spool);
  await letGo();
  expect(await database.query('SELECT wal_status FROM pg_replication_slots')).toEqual([{ wal_status: 'lost' }]);
  await once(async () => {
    expect({ lost, files }).toEqual({ lost: 1, files: 0 });
    for (const name of before) expect(readdirSync(spool)).not.toContain(name);
    expect(await database.query('SELECT wal_status, active FROM pg_replication_slots')).toEqual([
      { wal_status: 'reserved', active: true },
    ]);
  });
});

test('a slot that was lost is a gap, also when nothing lies in the spool', async () => {
  await once(async () => {});
  await letGo();
  spool = join(database.folder, 'spools', crypto.randomUUID());
  await once(async () => expect(lost).toBe(1));
});

test('a slot that somebody dropped is a gap as well, and does not stop the receiver for good', async () => {
  await once(async () => {});
  await database.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
  await letGo();
  await once(async () => expect({ lost, files }).toEqual({ lost: 1, files: 0 }));
});
