/** A database that is put back to an earlier state, and a clinic that goes on with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instruments } from '@clinic/instrumentation/node/instruments';
import { openMetricsRegistry } from '@clinic/instrumentation/node/management';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openMemory } from '../memory.ts';
import { createSchedule, type Schedule } from '../schedule.ts';
import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { type Audit, startAudit } from './audit.ts';
import { AUDIT_KEY, type Practice, startPractice } from './testing/practice.ts';

// The record of a restore takes its time from the database itself.
const BEGIN = Date.now();
const MINUTE_MS = 60_000;

let practice: Practice;
let client: string;
let actor: number;
let clock: VirtualClock;
let audit: Audit;
let failed: string[];
let registry: ReturnType<typeof openMetricsRegistry>;
beforeAll(async () => {
  practice = await startPractice();
  client = await practice.client();
  actor = await practice.user('clinician');
}, 60_000);
afterAll(() => practice.close());

const value = async (series: string) => {
  const line = (await registry.metrics()).split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
};
const broken = async () => {
  const kinds = [...(await registry.metrics()).matchAll(/^audit_chain_breaks\{kind="(\w+)"\} [1-9]/gm)];
  return kinds.map(([, kind]) => kind);
};
const opened = () => value('chart_accesses_total{role="clinician",action="chart_read",explanation="unexplained"}');
const tell = (count: number) =>
  practice.tell(
    Array.from({ length: count }, () => ({ at: clock.now(), action: 'chart_read', actor, role: 'clinician', client })),
  );
const tamper = (sql: string) => practice.owner(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`);
/** Until each job has had its turn. */
const later = async (minutes: number) => {
  for (let minute = 0; minute < minutes; minute++) {
    await clock.advance(MINUTE_MS);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
};

beforeEach(async () => {
  await tamper('DELETE FROM audit_log');
  const state = mkdtempSync(join(tmpdir(), 'clinic-restore-'));
  clock = virtualClock(BEGIN);
  failed = [];
  registry = openMetricsRegistry();
  const schedule: Schedule = createSchedule({
    clock,
    memory: { last: () => undefined, remember: () => {} },
    failed: (job, error) => failed.push(`${job}: ${(error as Error).name}`),
  });
  audit = await startAudit({
    database: practice.sentinelPool,
    databaseUrl: practice.urlOf('clinic_sentinel'),
    schedule,
    memory: openMemory(':memory:'),
    now: clock.now,
    instruments: instruments(registry),
    state,
    clinicUrl: 'http://127.0.0.1:9',
    auditKey: AUDIT_KEY,
    proxies: 0,
    openingHours: { timeZone: 'UTC', from: 0, to: 24 },
    log: () => {},
  });
  // Signed at 20, 30 and 40 rows; charts opened in the last quarter of an hour wait for their explanation.
  await tell(20);
  await later(20);
  await tell(10);
  await later(6);
  await tell(10);
  await later(6);
  expect([await value('audit_chain_length'), await opened(), await broken(), failed]).toEqual([40, 20, [], []]);
  return async () => {
    await schedule.close();
    await audit.close();
    rmSync(state, { recursive: true, force: true });
  };
}, 60_000);

/** As the database was at 35 rows. */
const restore = () => tamper('DELETE FROM audit_log WHERE seq > 35');
const restoredAt = () => clock.now() - 6 * MINUTE_MS;

test('is in order again once it is said that it was restored, and everything that was brought back is explained', async () => {
  await restore();
  await later(6);
  expect(await broken()).toEqual(['truncated']);
  expect(failed).toContain('audit_follow: LogReplaced');

  expect(await audit.finishRestore()).toMatchObject({ breaks: [], length: 36 });
  failed.length = 0;
  await tell(5);
  await later(30);
  expect([await value('audit_chain_length'), await broken(), failed]).toEqual([41, [], []]);
  expect(await opened()).toBe(40);
  expect(await practice.owner('SELECT action FROM audit_log WHERE seq = 36')).toEqual([
    { action: 'database_restored' },
  ]);

  await tamper('DELETE FROM audit_log WHERE seq > 38');
  await later(6);
  expect(await broken()).toEqual(['truncated']);
}, 60_000);

test('can be said when the clinic writes again already, with the time to which it was restored', async () => {
  const at = restoredAt();
  await restore();
  await tell(25);
  await later(6);
  expect(await broken()).toEqual(['rewritten']);
  expect(failed).toContain('audit_follow: LogReplaced');

  // Without the time nobody can tell the new rows from forged ones.
  expect((await audit.finishRestore()).breaks).toMatchObject([{ kind: 'rewritten', seq: 40 }]);
  expect(await audit.finishRestore(at)).toMatchObject({ breaks: [] });
  failed.length = 0;
  await later(30);
  expect([await broken(), failed]).toEqual([[], []]);
  await tamper('DELETE FROM audit_log WHERE seq > 50');
  await later(6);
  expect(await broken()).toEqual(['truncated']);
}, 60_000);

test('does not vouch for what was changed before that time', async () => {
  await restore();
  await tamper("UPDATE audit_log SET reason = 'x' WHERE seq = 12");
  expect((await audit.finishRestore(restoredAt())).breaks).toEqual([{ kind: 'altered', seq: 12 }]);
}, 60_000);
