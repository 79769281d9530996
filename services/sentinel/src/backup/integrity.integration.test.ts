import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MASS_DELETION_ROWS } from '@clinic/catalogue/recovery';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Memory, openMemory } from '../memory.ts';
import { addDocument, type ClinicDatabase, startClinicDatabase } from '../testing/clinic-database.ts';
import { connect } from './base-backup.ts';
import { checkIntegrity, type IntegrityCheck } from './integrity.ts';
import { postgresOwner, run } from './program.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SOUND = { mass_deletion: 0, immutable_rows: 0, page_checksums: 0, document_content: 0 };

let database: ClinicDatabase;
let client: pg.Client;
let store: string;
let memory: Memory;
let now: number;

/** What the checks find, this long after the run before. */
async function look(later = 15 * MINUTE): Promise<Partial<Record<IntegrityCheck, number>>> {
  now += later;
  const found: Partial<Record<IntegrityCheck, number>> = {};
  await checkIntegrity({ client, memory, store, now }, (check, violations) => {
    found[check] = violations;
  });
  return found;
}

/** As the owner who switched the guards off. */
const unguarded = async (text: string) => {
  await database.query(`SET session_replication_role = replica; ${text}`);
};
const addMessages = (count: number) =>
  database.query(
    `INSERT INTO messages (client_id, user_id, body, synthetic) SELECT id, 1, 'synthetic', true FROM clients LIMIT $1`,
    [count],
  );
const deleteMessages = (count: number) =>
  database.query('DELETE FROM messages WHERE id IN (SELECT id FROM messages LIMIT $1)', [count]);

beforeAll(async () => {
  database = await startClinicDatabase();
  // The role that sentinel looks with: what it may not read, it cannot find.
  client = await connect(database.backup);
});
afterAll(async () => {
  await client?.end();
  await database?.close();
});
beforeEach(async () => {
  memory = openMemory(':memory:');
  now = Date.now();
  store = join(database.folder, crypto.randomUUID());
  await database.query('TRUNCATE documents, messages');
  await addMessages(100);
});

test('a clinic that works is sound', async () => {
  expect(await look()).toEqual(SOUND);
  for (let round = 0; round < 3; round++) {
    await addMessages(1);
    await addDocument(database, store, randomBytes(100));
    await database.query(`INSERT INTO audit_log (action, outcome) VALUES ('sign_in', 'allowed')`);
    const [note] = await database.query<{ id: string }>(
      `INSERT INTO clinical_notes (client_id, author_id, kind, body, synthetic)
       SELECT id, 1, 'progress', 'synthetic', true FROM clients LIMIT 1 RETURNING id`,
    );
    // What is not signed yet may be changed, and even go.
    await database.query(`UPDATE clinical_notes SET body = 'synthetic, corrected' WHERE id = $1`, [note!.id]);
    if (round === 0) await database.query('DELETE FROM clinical_notes WHERE id = $1', [note!.id]);
    else await database.query('UPDATE clinical_notes SET signed_at = $2 WHERE id = $1', [note!.id, new Date(now)]);
    expect(await look()).toEqual(SOUND);
  }
});

test('rows that are gone: more than a person deletes by hand, at once or little by little, for a day', async () => {
  await look();
  await deleteMessages(MASS_DELETION_ROWS);
  expect(await look()).toEqual(SOUND);
  await deleteMessages(1);
  expect(await look()).toEqual({ ...SOUND, mass_deletion: 1 });
  expect(await look(DAY - 60 * MINUTE)).toEqual({ ...SOUND, mass_deletion: 1 });
  expect(await look(2 * 60 * MINUTE)).toEqual(SOUND);
});

test('rows that went while nobody looked are missed all the same', async () => {
  await look();
  await deleteMessages(50);
  expect(await look(3 * DAY)).toEqual({ ...SOUND, mass_deletion: 1 });
  expect(await look()).toEqual({ ...SOUND, mass_deletion: 1 });
});

test('each table that lost rows counts; the audit log by its last number', async () => {
  await look();
  await unguarded('DELETE FROM messages; DELETE FROM audit_log WHERE seq > 30');
  expect(await look()).toMatchObject({ mass_deletion: 2 });
  // As it was, for those who come next.
  await database.query(
    `INSERT INTO audit_log (action, outcome) SELECT 'sign_in', 'allowed' FROM generate_series(1, 20)`,
  );
});

test.each([
  [
    'one letter of a signed note',
    `UPDATE clinical_notes SET body = overlay(body PLACING 'S' FROM 1) WHERE ctid IN (SELECT ctid FROM clinical_notes WHERE signed_at < now() - interval '1 hour' LIMIT 1)`,
  ],
  [
    'two signed notes that changed places',
    `WITH two AS (SELECT id, row_number() OVER () AS n FROM clinical_notes WHERE signed_at < now() - interval '1 hour' LIMIT 2)
     UPDATE clinical_notes SET client_id = (SELECT client_id FROM clinical_notes JOIN two AS other USING (id) WHERE other.n <> two.n)
     FROM two WHERE two.id = clinical_notes.id`,
  ],
  [
    'a signed note deleted',
    `DELETE FROM clinical_notes WHERE ctid IN (SELECT ctid FROM clinical_notes WHERE signed_at < now() - interval '1 hour' LIMIT 1)`,
  ],
  [
    'a note slipped in as if signed long ago',
    `INSERT INTO clinical_notes (client_id, author_id, kind, body, signed_at, synthetic)
     SELECT id, 1, 'progress', 'synthetic', now() - interval '1 day', true FROM clients LIMIT 1`,
  ],
  [
    'a signature taken back',
    `UPDATE clinical_notes SET signed_at = NULL WHERE ctid IN (SELECT ctid FROM clinical_notes WHERE signed_at < now() - interval '1 hour' LIMIT 1)`,
  ],
  ['one word of the audit log', `UPDATE audit_log SET outcome = 'refused' WHERE seq = 7`],
  ['one row of the audit log deleted', 'DELETE FROM audit_log WHERE seq = 9'],
  ['the end of the audit log cut off', 'DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)'],
])('%s is seen, and goes on being seen', async (_what, change) => {
  expect(await look()).toEqual(SOUND);
  await unguarded(change);
  expect(await look()).toEqual({ ...SOUND, immutable_rows: 1 });
  expect(await look()).toEqual({ ...SOUND, immutable_rows: 1 });
});

test('of the notes and the audit log, each counts', async () => {
  await look();
  await unguarded(`UPDATE clinical_notes SET kind = 'phone'; UPDATE audit_log SET action = 'sign_in'`);
  expect(await look()).toEqual({ ...SOUND, immutable_rows: 2 });
});

test('a note that was signed since the last run is guarded from the next one on', async () => {
  const [note] = await database.query<{ id: string }>(
    `INSERT INTO clinical_notes (client_id, author_id, kind, body, signed_at, synthetic)
     SELECT id, 1, 'progress', 'synthetic', now(), true FROM clients LIMIT 1 RETURNING id`,
  );
  await look(0);
  await look();
  await unguarded(`UPDATE clinical_notes SET body = 'other' WHERE id = '${note!.id}'`);
  expect(await look()).toEqual({ ...SOUND, immutable_rows: 1 });
});

test('a column that a new version adds is no change of a row, and one that is gone is', async () => {
  await look();
  await database.query('ALTER TABLE clinical_notes ADD COLUMN later text');
  expect(await look()).toEqual(SOUND);
  // From then on the new column counts as well.
  await unguarded(`UPDATE clinical_notes SET later = 'x'`);
  expect(await look()).toEqual({ ...SOUND, immutable_rows: 1 });
  memory = openMemory(':memory:');
  await look();
  await database.query('ALTER TABLE clinical_notes DROP COLUMN later');
  expect(await look()).toEqual({ ...SOUND, immutable_rows: 1 });
});

test('a document that has another content, or is gone, until it is back', async () => {
  const content = randomBytes(500);
  const [first, second] = [
    await addDocument(database, store, content),
    await addDocument(database, store, randomBytes(500)),
  ];
  expect(await look()).toEqual(SOUND);
  const damaged = Buffer.from(content);
  damaged[250] = (damaged[250]! + 1) & 0xff;
  writeFileSync(join(store, first), damaged);
  rmSync(join(store, second));
  expect(await look()).toEqual({ ...SOUND, document_content: 2 });
  writeFileSync(join(store, first), content);
  expect(await look()).toEqual({ ...SOUND, document_content: 1 });
});

test('of many documents each has its turn, and what was found in another part stays found', async () => {
  const content = Buffer.from('synthetic');
  mkdirSync(store);
  const rows = await database.query<{ id: string }>(
    `INSERT INTO documents (client_id, uploaded_by, uploaded_at, name, media_type, size_bytes, sha256, synthetic)
     SELECT (SELECT id FROM clients LIMIT 1), 1, now() - interval '1 hour', 'Synthetic', 'text/plain', 9, sha256($1), true
     FROM generate_series(1, 450) RETURNING id`,
    [content],
  );
  const ids = rows.map(({ id }) => id).sort();
  for (const [index, id] of ids.entries()) {
    if (index !== 10 && index !== 449) writeFileSync(join(store, id), content);
  }
  const found = [];
  for (let run = 0; run < 3; run++) found.push((await look()).document_content);
  expect(found).toEqual([1, 1, 2]);
  writeFileSync(join(store, ids[10]!), content);
  expect(await look()).toEqual({ ...SOUND, document_content: 1 });
});

test('a damaged page is counted, although it keeps the rows on it from being read', async () => {
  await look();
  const [row] = await database.query<{ path: string }>(`SELECT pg_relation_filepath('messages') AS path`);
  await database.query('CHECKPOINT');
  await client.end();
  await database.kill();
  const file = openSync(join(database.data, row!.path), 'r+');
  writeSync(file, randomBytes(64), 0, 64, 4000);
  closeSync(file);
  await database.start();
  client = await connect(database.backup);
  const found: string[] = [];
  const looking = checkIntegrity({ client, memory, store, now }, (check, violations) => {
    if (violations > 0) found.push(check);
  });
  // The count of the rows cannot be taken, and says so; it must not hide why.
  await expect(looking).rejects.toMatchObject({ code: 'XX001' });
  expect(found).toEqual(['page_checksums']);
});

test('a cluster without page checksums is not said to be sound', async () => {
  await client.end();
  database.signal('SIGINT');
  while (existsSync(join(database.data, 'postmaster.pid'))) await sleep(20);
  await database.kill();
  await run([join(database.bin, 'pg_checksums'), '--disable', '--no-sync', '-D', database.data], {
    as: postgresOwner(),
    cwd: '/',
  });
  await database.start();
  client = await connect(database.backup);
  const checked: string[] = [];
  const looking = checkIntegrity({ client, memory, store, now }, (check) => checked.push(check));
  await expect(looking).rejects.toThrow('no page checksums');
  expect(checked).toEqual(['mass_deletion', 'immutable_rows', 'document_content']);
});
