import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CANARY, CANARY_CLIENT_ID } from '@clinic/catalogue/canary';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from './database.ts';
import { openDocumentStore } from './document-store.ts';
import { seed, syntheticClient } from './seed.ts';
import { type TestClinic, testClinic } from './testing/test-clinic.ts';

const TODAY = new Date('2031-05-14T00:00:00Z');
const CLIENTS = 130;
let all: TestClinic;
let clinics: { readonly owner: Database; readonly folder: string }[];

beforeAll(async () => {
  all = await testClinic();
  clinics = [];
  for (const name of ['first', 'second']) {
    const { owner, environment } = await all.prepare(name, { clients: 0 });
    const folder = environment.DOCUMENT_STORE!;
    const store = await openDocumentStore(folder);
    const counts = await seed(owner, { password: 'x', clients: CLIENTS, store, today: TODAY });
    expect(counts).toMatchObject({ clients: CLIENTS, appointments: CLIENTS * 20, users: 15, documents: 40 });
    expect(await seed(owner, { password: 'x', clients: CLIENTS, store, today: TODAY })).toBeUndefined();
    clinics.push({ owner, folder });
  }
}, 120_000);
afterAll(() => all?.close(), 30_000);

const TABLES = [
  'users',
  'clients',
  'appointments',
  'clinical_notes',
  'medications',
  'documents',
  'emails',
  'messages',
  'claims',
];

test('the same day and size give the same clinic, row by row', async () => {
  const contents = await Promise.all(
    clinics.map(({ owner }) =>
      Promise.all(
        TABLES.map(async (table) => {
          // Of an account, the password's salt and the moment of its making are its own.
          const row = `(to_jsonb(${table}) - 'password_hash' ${['users', 'clients'].includes(table) ? "- 'created_at'" : ''})::text`;
          const [hash] = await owner.query(
            `SELECT count(*)::int, md5(string_agg(${row}, '|' ORDER BY ${row})) FROM ${table}`,
          );
          return [table, hash];
        }),
      ),
    ),
  );
  expect(contents[0]).toEqual(contents[1]);
});

test('every row says that it is synthetic, and refers to rows that are there', async () => {
  const { query } = clinics[0]!.owner;
  for (const table of TABLES) {
    expect(await query(`SELECT 1 FROM ${table} WHERE NOT synthetic`)).toEqual([]);
  }
  const keys = await query<{ name: string; source: string; target: string; column: string; key: string }>(
    `SELECT conname AS name, conrelid::regclass::text AS source, confrelid::regclass::text AS target,
       a.attname AS column, b.attname AS key
     FROM pg_constraint JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
     JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1] WHERE contype = 'f'`,
  );
  expect(keys.length).toBeGreaterThan(15);
  for (const { name, source, target, column, key } of keys) {
    const lost = await query(
      `SELECT 1 FROM ${source} AS s WHERE s.${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${target} AS t WHERE t.${key} = s.${column})`,
    );
    expect([name, lost.length]).toEqual([name, 0]);
  }
  const [next] = await query<{ id: number; max: number }>(
    `INSERT INTO users (email, name, role, password_hash) VALUES ('next@clinic.example', 'x', 'admin', 'x')
     RETURNING id, (SELECT max(id) FROM users) AS max`,
  );
  expect(next!.id).toBe(next!.max + 1);
  await query("DELETE FROM users WHERE email = 'next@clinic.example'");
});

test('it is a clinic at work: a past, a day today, two weeks ahead, notes to sign, mails told apart', async () => {
  const { query } = clinics[0]!.owner;
  const [facts] = await query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM appointments WHERE starts_at::date = $1::date) AS today,
       (SELECT count(*)::int FROM appointments WHERE starts_at > $1 AND state IN ('completed', 'missed')) AS done_too_early,
       (SELECT count(*)::int FROM appointments WHERE starts_at < $1 AND state = 'booked') AS forgotten,
       (SELECT extract(day FROM max(starts_at) - $1)::int FROM appointments) AS ahead,
       (SELECT count(*)::int FROM clinical_notes WHERE signed_at IS NULL) AS unsigned,
       (SELECT count(*)::int FROM clinical_notes) AS notes,
       (SELECT count(DISTINCT state)::int FROM emails) AS email_states,
       (SELECT count(*)::int FROM emails WHERE next_attempt_at < 'infinity') AS to_send,
       (SELECT count(*)::int FROM users WHERE supervisor_id IS NOT NULL) AS supervised`,
    [TODAY],
  );
  expect(facts).toMatchObject({ done_too_early: 0, forgotten: 0, ahead: 13, to_send: 0, supervised: 10 });
  expect(facts!.today).toBeGreaterThan(5);
  expect(facts!.unsigned).toBeGreaterThan(0);
  expect(facts!.notes).toBeGreaterThan(CLIENTS * 9);
  expect(facts!.email_states).toBeGreaterThanOrEqual(3);
});

test('documents are files that hold what their rows say', async () => {
  const { owner, folder } = clinics[0]!;
  const rows = await owner.query<{ id: string; size_bytes: number; sha256: Buffer }>(
    'SELECT id, size_bytes, sha256 FROM documents',
  );
  for (const { id, size_bytes, sha256 } of rows) {
    const content = readFileSync(join(folder, id));
    expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([
      size_bytes,
      sha256.toString('hex'),
    ]);
  }
});

test('the canary has a word of its own in every field', async () => {
  const { owner, folder } = clinics[0]!;
  const [all_fields] = await owner.query<{ text: string; document: string }>(
    `SELECT concat_ws('|', to_jsonb(clients), (SELECT jsonb_agg(body) FROM clinical_notes WHERE client_id = $1),
       (SELECT jsonb_agg(body) FROM messages WHERE client_id = $1), (SELECT jsonb_agg(name) FROM documents WHERE client_id = $1),
       (SELECT jsonb_agg(recipient) FROM emails WHERE client_id = $1),
       (SELECT jsonb_agg(name) FROM medications WHERE client_id = $1)) AS text,
       (SELECT id FROM documents WHERE client_id = $1) AS document
     FROM clients WHERE id = $1`,
    [CANARY_CLIENT_ID],
  );
  const everything = all_fields!.text + readFileSync(join(folder, all_fields!.document), 'utf8');
  expect(Object.values(CANARY).filter((word) => !everything.includes(word))).toEqual([]);
  const [others] = await owner.query<{ count: number }>(
    "SELECT count(*)::int FROM clients WHERE id <> $1 AND to_jsonb(clients)::text ILIKE '%zqcanary%'",
    [CANARY_CLIENT_ID],
  );
  expect(others!.count).toBe(0);
});

test('clients are the same everywhere, each with an id of their own', () => {
  expect(syntheticClient(0)).toEqual(syntheticClient(0));
  expect(new Set(Array.from({ length: 1000 }, (_, index) => syntheticClient(index).id)).size).toBe(1000);
});
