import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AuditRow, auditRows, GENESIS, hashOf, lastAnchor, walk } from './chain.ts';
import { createChainWatch, recordRestore } from './chain-watch.ts';
import { openHeads } from './heads.ts';
import { type Practice, startPractice } from './testing/practice.ts';

let practice: Practice;
let folder: string;
let time = Date.UTC(2026, 2, 2, 8);
beforeAll(async () => {
  practice = await startPractice();
}, 60_000);
afterAll(() => practice.close());

const tick = () => {
  time += 1000;
  return time;
};
const event = () => ({
  at: tick(),
  action: 'chart_read',
  actor: 1,
  role: 'clinician',
  client: '00000000-0000-4000-8000-000000000001',
  account: 'a@clinic.example',
  source: '192.0.2.1',
});
const tell = (count: number) => practice.tell(Array.from({ length: count }, event));
const watch = () => createChainWatch({ query: practice.sentinel, heads: openHeads(folder), now: () => time });

/** Changes the log as somebody would who owns the database: the trigger is off, and so is nobody's notice. */
const tamper = (sql: string) => practice.owner(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`);

/** Writes the whole log anew with right hashes, after `change` of each row. */
async function rewrite(change: (row: AuditRow) => AuditRow, from = 1) {
  let previous = from === 1 ? GENESIS.hash : '';
  const rows: AuditRow[] = [];
  for await (const row of auditRows(practice.owner, 0)) {
    if (Number(row.seq) < from) {
      previous = row.hash;
      continue;
    }
    const changed = { ...change(row), previous_hash: previous };
    previous = hashOf(changed);
    rows.push({ ...changed, hash: previous });
  }
  for (const { seq, action, previous_hash, hash } of rows) {
    await tamper(
      `UPDATE audit_log SET action = '${action}', previous_hash = '\\x${previous_hash}', hash = '\\x${hash}' WHERE seq = ${seq}`,
    );
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clinic-chain-'));
  await practice.owner('TRUNCATE audit_log');
  await tell(30);
  return () => rmSync(folder, { recursive: true, force: true });
});

describe('the chain', () => {
  test('that the trigger writes is the chain that is verified, also with empty and with all columns', async () => {
    await practice.owner("INSERT INTO audit_log (action, outcome) VALUES ('sign_out', 'allowed')");
    await practice.owner(
      `INSERT INTO audit_log (actor_id, actor_role, action, outcome, reason, client_id, resource_id, source, account, trace_id)
       VALUES (7, 'admin', 'user_changed', 'refused', 'role_refused', gen_random_uuid(), '12', sha256('a'), sha256('b'), repeat('ab', 16))`,
    );
    const state = await watch().verify();
    expect(state).toEqual({ breaks: [], length: 32, verifiedAt: time });
  });
  test('that is in order is told so, with the time; one that is not, is not', async () => {
    const told: number[] = [];
    const options = { query: practice.sentinel, heads: openHeads(folder), now: () => time };
    const watching = createChainWatch({ ...options, verified: (at) => told.push(at) });
    await watching.verify();
    await tamper("UPDATE audit_log SET reason = 'x' WHERE seq = 12");
    await watching.verify();
    expect(told).toEqual([time]);
  });
  test('gets one head for one end, however often it is looked at', async () => {
    const watching = watch();
    for (let times = 0; times < 3; times++) await watching.follow();
    expect(readFileSync(join(folder, 'audit-heads.jsonl'), 'utf8').trim().split('\n')).toHaveLength(1);
  });
  test('of an empty log is in order', async () => {
    await practice.owner('TRUNCATE audit_log');
    expect(await watch().verify()).toMatchObject({ breaks: [], length: 0 });
  });
  test('is walked to its end when it is longer than what is read at once', async () => {
    await tell(4100);
    expect(await watch().verify()).toMatchObject({ breaks: [], length: 4130 });
    await tamper("UPDATE audit_log SET reason = 'x' WHERE seq = 4050");
    expect((await watch().verify()).breaks).toEqual([{ kind: 'altered', seq: 4050 }]);
  });

  // Each column that is hashed, and the hashes themselves.
  test.each([
    ["at = at + interval '1 microsecond'", [['altered', 12]]],
    ['actor_id = 2', [['altered', 12]]],
    ['actor_id = NULL', [['altered', 12]]],
    ["actor_role = 'admin'", [['altered', 12]]],
    ["action = 'chart_reae'", [['altered', 12]]],
    ["outcome = 'refused'", [['altered', 12]]],
    ["reason = 'x'", [['altered', 12]]],
    ["client_id = '00000000-0000-4000-8000-000000000002'", [['altered', 12]]],
    ["resource_id = '1'", [['altered', 12]]],
    ["source = sha256('x')", [['altered', 12]]],
    ["account = sha256('x')", [['altered', 12]]],
    ["trace_id = repeat('ab', 16)", [['altered', 12]]],
    [
      "previous_hash = sha256('x')",
      [
        ['unlinked', 12],
        ['altered', 12],
      ],
    ],
    [
      "hash = sha256('x')",
      [
        ['altered', 12],
        ['unlinked', 13],
      ],
    ],
  ] as const)('one row with %s is named', async (change, breaks) => {
    await tamper(`UPDATE audit_log SET ${change} WHERE seq = 12`);
    expect((await watch().verify()).breaks).toEqual(breaks.map(([kind, seq]) => ({ kind, seq })));
  });
  test('one row deleted is named', async () => {
    await tamper('DELETE FROM audit_log WHERE seq = 12');
    expect((await watch().verify()).breaks).toEqual([{ kind: 'missing', seq: 12 }]);
  });
  test('the first row deleted is named', async () => {
    await tamper('DELETE FROM audit_log WHERE seq = 1');
    expect((await watch().verify()).breaks).toEqual([{ kind: 'missing', seq: 1 }]);
  });
  test('a row that takes the place of the one before it is named', async () => {
    await tamper('DELETE FROM audit_log WHERE seq = 12; UPDATE audit_log SET seq = seq - 1 WHERE seq = 13');
    expect((await watch().verify()).breaks.map(({ kind }) => kind)).toEqual(['unlinked', 'altered', 'missing']);
  });
  test('a break does not hide another', async () => {
    await tamper("UPDATE audit_log SET reason = 'x' WHERE seq IN (5, 20)");
    await tamper('DELETE FROM audit_log WHERE seq = 12');
    expect((await watch().verify()).breaks).toEqual([
      { kind: 'altered', seq: 5 },
      { kind: 'missing', seq: 12 },
      { kind: 'altered', seq: 20 },
    ]);
  });
});

describe('what only the signed heads show', () => {
  beforeEach(async () => {
    await watch().follow();
    await tell(10);
    await watch().follow();
  });

  test('the tail cut off', async () => {
    await tamper('DELETE FROM audit_log WHERE seq > 35');
    const follower = watch();
    await follower.follow();
    expect(follower.state.breaks).toEqual([{ kind: 'truncated', seq: 36 }]);
  });
  test('all of it cut off', async () => {
    await practice.owner('TRUNCATE audit_log');
    expect((await watch().verify()).breaks).toEqual([{ kind: 'truncated', seq: 1 }]);
  });
  test('the tail cut off and grown again', async () => {
    await tamper('DELETE FROM audit_log WHERE seq > 35');
    await tell(20);
    const follower = watch();
    await follower.follow();
    expect(follower.state.breaks).toEqual([{ kind: 'rewritten', seq: 40 }]);
  });
  test('the whole chain rewritten, with every hash right', async () => {
    await rewrite((row) => ({ ...row, action: 'chart_list' }));
    const rows = auditRows(practice.sentinel, 0);
    expect((await walk({ rows, from: GENESIS, known: [] })).breaks).toEqual([]);
    const follower = watch();
    await follower.follow();
    expect(follower.state.breaks).toEqual([
      { kind: 'rewritten', seq: 30 },
      { kind: 'rewritten', seq: 40 },
    ]);
  });
  test('its end rewritten since the last head but one', async () => {
    await rewrite((row) => ({ ...row, action: 'chart_list' }), 33);
    expect((await watch().verify()).breaks).toEqual([{ kind: 'rewritten', seq: 40 }]);
  });
  test('a log with a break gets no new head, which would vouch for it, also when it grows', async () => {
    await tamper("UPDATE audit_log SET reason = 'x' WHERE seq = 12");
    await tell(2);
    const follower = watch();
    await follower.verify();
    await tell(3);
    await follower.follow();
    expect(follower.state).toMatchObject({ breaks: [{ kind: 'altered', seq: 12 }], length: 45 });
    expect(openHeads(folder).read().last?.seq).toBe(40);
    expect(follower.state.verifiedAt).toBeUndefined();
  });
  test('a break in what is new is seen without a walk over all of it', async () => {
    await tell(5);
    await tamper("UPDATE audit_log SET reason = 'x' WHERE seq = 43");
    const follower = watch();
    await follower.follow();
    expect(follower.state.breaks).toEqual([{ kind: 'altered', seq: 43 }]);
  });

  const lines = () => readFileSync(join(folder, 'audit-heads.jsonl'), 'utf8').trim().split('\n');
  const write = (changed: readonly string[]) =>
    writeFileSync(join(folder, 'audit-heads.jsonl'), `${changed.join('\n')}\n`);
  test.each([
    ['"seq":40', '"seq":39'],
    ['"kind":"head"', '"kind":"restored"'],
    [/"hash":"./, '"hash":"g'],
    [/"hash":"[0-9a-f]{4}/, '"hash":"0000'],
    ['2026-', '2025-'],
  ] as const)('a head of which %s was changed', async (from, to) => {
    write(lines().map((line, index) => (index === 1 ? line.replace(from, to) : line)));
    expect((await watch().verify()).breaks).toEqual([{ kind: 'heads', seq: 2 }]);
  });
  test('a head that was removed before another', async () => {
    write(lines().slice(1));
    expect((await watch().verify()).breaks).toEqual([{ kind: 'heads', seq: 1 }]);
  });
  test('a head that another key has signed', async () => {
    const other = mkdtempSync(join(tmpdir(), 'clinic-chain-'));
    openHeads(other).append('head', await lastAnchor(practice.sentinel), new Date(time));
    write(readFileSync(join(other, 'audit-heads.jsonl'), 'utf8').trim().split('\n'));
    rmSync(other, { recursive: true, force: true });
    expect((await watch().verify()).breaks).toEqual([{ kind: 'heads', seq: 1 }]);
  });
  test('heads that were changed or removed after they were read in order, by who had read them', () => {
    const heads = openHeads(folder);
    const whole = lines();
    expect(heads.read().breaks).toEqual([]);
    write(whole.map((line, index) => (index === 0 ? line.replace('2026-', '2025-') : line)));
    // The second line holds the hash of the first.
    expect(heads.read().breaks).toEqual([
      { kind: 'heads', seq: 1 },
      { kind: 'heads', seq: 2 },
    ]);
    write(whole.slice(0, 1));
    expect(heads.read()).toMatchObject({ breaks: [], known: [{ seq: 30 }] });
    write(whole);
    expect(heads.read()).toMatchObject({ breaks: [], known: [{ seq: 30 }, { seq: 40 }] });
  });
  test('a line that is no head', async () => {
    write([...lines(), 'no head']);
    expect((await watch().verify()).breaks).toEqual([{ kind: 'heads', seq: 3 }]);
  });
});

describe('after a restore to an earlier time', () => {
  beforeEach(async () => {
    await watch().follow();
    // One head where the record of the restore will stand, and one after that.
    for (const count of [6, 4]) {
      await tell(count);
      await watch().follow();
    }
    await tamper('DELETE FROM audit_log WHERE seq > 35');
  });
  const asRestorer = () => recordRestore({ query: practice.sentinel, heads: openHeads(folder), now: () => time });

  test('the log that was brought back is in order once the restore is recorded, and goes on', async () => {
    await asRestorer();
    await tell(30);
    const follower = watch();
    await follower.follow();
    expect(follower.state).toMatchObject({ breaks: [], length: 66 });
    expect(await practice.owner('SELECT action FROM audit_log WHERE seq = 36')).toEqual([
      { action: 'database_restored' },
    ]);
    expect((await watch().verify()).breaks).toEqual([]);
  });
  test('what was before the restore is held against its heads still', async () => {
    await rewrite((row) => ({ ...row, action: 'chart_list' }));
    await asRestorer();
    expect((await watch().verify()).breaks).toEqual([{ kind: 'rewritten', seq: 30 }]);
  });
  test('who writes the record into the log without the key excuses nothing', async () => {
    await practice.owner("INSERT INTO audit_log (action, outcome) VALUES ('database_restored', 'allowed')");
    expect((await watch().verify()).breaks).toEqual([
      { kind: 'rewritten', seq: 36 },
      { kind: 'truncated', seq: 37 },
    ]);
  });
});

test("the key of the heads and the heads are nobody else's to read", () => {
  const { append } = openHeads(folder);
  append('head', GENESIS, new Date(0));
  expect(readFileSync(join(folder, 'audit-head-key.pem'), 'utf8')).toContain('PRIVATE KEY');
});
