import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RHYTHM } from '@clinic/catalogue/recovery';
import { instruments } from '@clinic/instrumentation/node/instruments';
import { openMetricsRegistry } from '@clinic/instrumentation/node/management';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Memory, openMemory } from '../memory.ts';
import { createSchedule, type Schedule } from '../schedule.ts';
import { type ClinicDatabase, startClinicDatabase } from '../testing/clinic-database.ts';
import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { type Backups, startBackups } from './backups.ts';

const MINUTE_MS = 60_000;

let database: ClinicDatabase;
let memory: Memory;
let clock: VirtualClock;
let schedule: Schedule;
let backups: Backups;
/** Milliseconds of each pause of the backups. */
let pauses: number[];
beforeAll(async () => {
  database = await startClinicDatabase();
}, 60_000);
afterAll(() => database?.close());
beforeEach(async () => {
  memory = openMemory(':memory:');
  // A second past a full minute: within the next five no WAL is due by the rhythm, which would be there before the first backup waits for it.
  clock = virtualClock(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + 1_000);
  pauses = [];
  schedule = createSchedule({ clock, memory, failed: () => {} });
  const folder = () => mkdtempSync(join(database.folder, 'backups-'));
  backups = await startBackups({
    settings: {
      BACKUP_URL: database.backup.url,
      BACKUP_PASSWORD_FILE: database.backup.password,
      BACKUP_KEY_FILE: 'a secret of a test',
      POSTGRES_BIN: database.bin,
      DOCUMENT_STORE: folder(),
      OFFSITE: folder(),
    },
    schedule,
    clock: {
      now: clock.now,
      after(ms, run) {
        pauses.push(ms);
        return clock.after(ms, run);
      },
    },
    memory,
    instruments: instruments(openMetricsRegistry()),
    state: folder(),
    log: () => {},
  });
  return async () => {
    await schedule.close();
    await backups.close();
    memory.close();
  };
}, 60_000);

/** Lets the check of the tables have its turn. */
async function look() {
  const before = memory.get<Record<string, number>>('backup:integrity')?.document_content ?? 0;
  await clock.advance(15 * MINUTE_MS);
  await expect
    .poll(() => memory.get<Record<string, number>>('backup:integrity')?.document_content, { timeout: 30_000 })
    .toBeGreaterThan(before);
  return backups.state().violations;
}

test('is closed at once, also while the first backup waits for its WAL', async () => {
  await expect.poll(() => pauses).toContain(5_000);
  await clock.advance(5_000);
  await expect.poll(() => pauses, { timeout: 60_000 }).toContain(RHYTHM.wal.every);
  await schedule.close();
  const closed = backups.close().then(() => 'closed');
  expect(await Promise.race([closed, sleep(5_000, 'waits')])).toBe('closed');
}, 90_000);

test('a restore that is finished is no loss of rows, and what happens after it is', async () => {
  const tamper = (sql: string) => database.query(`SET session_replication_role = replica; ${sql}`);
  expect(await look()).toMatchObject({ immutable_rows: 0, mass_deletion: 0 });
  await tamper(
    'DELETE FROM audit_log WHERE seq > 20; DELETE FROM clinical_notes WHERE ctid IN (SELECT ctid FROM clinical_notes LIMIT 60)',
  );
  expect(await look()).toMatchObject({ immutable_rows: 2, mass_deletion: 2 });
  await backups.finishRestore();
  expect(backups.state().violations).toMatchObject({ immutable_rows: 0, mass_deletion: 0 });
  expect(await look()).toMatchObject({ immutable_rows: 0, mass_deletion: 0 });
  await tamper(`UPDATE audit_log SET outcome = 'refused' WHERE seq = 7`);
  expect(await look()).toMatchObject({ immutable_rows: 1 });
}, 120_000);
