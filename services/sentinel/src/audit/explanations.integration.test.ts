import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { followLog } from './audit.ts';
import { nextStretch } from './explanations.ts';
import { type Explanation, type Notebook, openNotebook } from './notebook.ts';
import { AUDIT_KEY, type Practice, startPractice } from './testing/practice.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const AT = Date.UTC(2026, 3, 15, 10);
const iso = (at: number) => new Date(at).toISOString();

let practice: Practice;
let notebook: Notebook;
let clinician: number;
let colleague: number;
let client: string;
beforeAll(async () => {
  practice = await startPractice();
}, 60_000);
afterAll(() => practice.close());
beforeEach(async () => {
  await practice.owner('BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM audit_log; COMMIT');
  notebook = openNotebook(':memory:');
  clinician = await practice.user('clinician');
  colleague = await practice.user('clinician');
  client = await practice.client();
  return () => notebook.close();
});

const follow = (now = AT + HOUR_MS) =>
  followLog({ query: practice.sentinel, notebook, now: () => now, auditKey: AUDIT_KEY });

/** Why a chart was opened at AT. */
async function explained(
  actor = clinician,
  role = 'clinician',
  action = 'chart_read',
): Promise<Explanation | undefined> {
  await practice.tell([{ at: AT, action, actor, role, client }]);
  await follow();
  return notebook.get<{ explanation: Explanation }>('SELECT explanation FROM accesses ORDER BY seq DESC LIMIT 1')
    ?.explanation;
}
const appointment = (of: number, at: number, { state = 'booked', created = AT - 30 * DAY_MS } = {}) =>
  practice.owner(
    `INSERT INTO appointments (client_id, clinician_id, starts_at, ends_at, state, created_at)
     VALUES ($1, $2, $3::timestamptz, $3::timestamptz + interval '30 minutes', $4, $5)`,
    [client, of, iso(at), state, iso(created)],
  );

test('nothing explains it', async () => expect(await explained()).toBe('unexplained'));
test.each([
  [-7 * DAY_MS, 'appointment'],
  [7 * DAY_MS, 'appointment'],
  [-7 * DAY_MS - 60_000, 'treating_clinician'],
  [7 * DAY_MS + 60_000, 'treating_clinician'],
] as const)('an own appointment %d ms away', async (away, explanation) => {
  await appointment(clinician, AT + away);
  expect(await explained()).toBe(explanation);
});
test('an appointment of a colleague explains nothing to a clinician, and everything to the front desk', async () => {
  await appointment(colleague, AT);
  expect(await explained()).toBe('unexplained');
  expect(await explained(await practice.user('frontdesk'), 'frontdesk')).toBe('appointment');
});
test('an own appointment that was cancelled explains nothing', async () => {
  await appointment(clinician, AT, { state: 'cancelled' });
  expect(await explained()).toBe('unexplained');
});
test('an appointment booked a quarter of an hour later explains it, one booked after that does not', async () => {
  await appointment(clinician, AT, { created: AT + 15 * 60_000 + 1000 });
  expect(await explained()).toBe('unexplained');
  await appointment(clinician, AT + HOUR_MS, { created: AT + 14 * 60_000 });
  expect(await explained()).toBe('appointment');
});
test('treating clinician', async () => {
  await practice.owner('UPDATE clients SET primary_clinician_id = $1 WHERE id = $2', [clinician, client]);
  expect(await explained()).toBe('treating_clinician');
  expect(await explained(colleague)).toBe('unexplained');
});
test('author of a note', async () => {
  await practice.owner(
    "INSERT INTO clinical_notes (client_id, author_id, written_at, kind, body) VALUES ($1, $2, $3, 'phone', 'synthetic')",
    [client, clinician, iso(AT - 300 * DAY_MS)],
  );
  expect(await explained(clinician, 'clinician', 'note_read')).toBe('note_author');
  expect(await explained(colleague)).toBe('unexplained');
});
test.each([
  ['message', "INSERT INTO messages (client_id, user_id, sent_at, body) VALUES ($1, $2, $3, 'synthetic')"],
  ['billing', 'INSERT INTO claims (client_id, prepared_by, prepared_at, amount_cents) VALUES ($1, $2, $3, 1)'],
] as const)('%s, within a month', async (explanation, sql) => {
  await practice.owner(sql, [client, colleague, iso(AT - 31 * DAY_MS)]);
  expect(await explained(colleague)).toBe('unexplained');
  await practice.owner(sql, [client, clinician, iso(AT - 29 * DAY_MS)]);
  expect(await explained()).toBe(explanation);
  expect(await explained(colleague)).toBe('unexplained');
});
test('supervisor of who treats', async () => {
  const trainee = await practice.user('clinician', { supervisor: clinician });
  await practice.owner('UPDATE clients SET primary_clinician_id = $1 WHERE id = $2', [trainee, client]);
  expect(await explained()).toBe('supervisor');
  expect(await explained(colleague)).toBe('unexplained');
});
test('broken glass, for as long as it holds, with its reason', async () => {
  const glass = (begun: number) =>
    practice.owner(
      "INSERT INTO break_glass (user_id, client_id, reason, begun_at, ends_at) VALUES ($1, $2, 'emergency', $3, $4)",
      [clinician, client, iso(begun), iso(begun + HOUR_MS)],
    );
  await glass(AT + 60_000);
  await glass(AT - HOUR_MS - 60_000);
  expect(await explained()).toBe('unexplained');
  await glass(AT - 60_000);
  expect(await explained()).toBe('break_glass');
  expect(notebook.all('SELECT reason FROM accesses ORDER BY seq')).toEqual([{ reason: null }, { reason: 'emergency' }]);
  expect(await explained(colleague)).toBe('unexplained');
});
test('the first reason that holds is the one', async () => {
  await appointment(clinician, AT);
  await practice.owner('UPDATE clients SET primary_clinician_id = $1 WHERE id = $2', [clinician, client]);
  expect(await explained()).toBe('appointment');
});

test('what is refused, or is not a chart, is no access', async () => {
  await practice.tell([
    {
      at: AT,
      action: 'chart_read',
      outcome: 'refused',
      reason: 'role_refused',
      actor: clinician,
      role: 'clinician',
      client,
    },
    { at: AT, action: 'client_list_read', actor: clinician, role: 'clinician' },
    { at: AT, action: 'chart_read', actor: clinician, role: 'admin', client },
  ]);
  await follow();
  expect(notebook.all('SELECT * FROM accesses')).toEqual([]);
  expect(notebook.position('accesses').seq).toBe(3);
});
test('an access younger than a quarter of an hour waits, a sign-in does not', async () => {
  await practice.tell([
    { at: AT, action: 'chart_read', actor: clinician, role: 'clinician', client },
    {
      at: AT + 1,
      action: 'sign_in',
      account: 'nobody@clinic.example',
      source: '192.0.2.1',
      outcome: 'refused',
      reason: 'account_locked',
    },
  ]);
  await follow(AT + 14 * 60_000);
  expect([notebook.position('accesses').seq, notebook.position('events').seq]).toEqual([0, 2]);
  expect(notebook.all('SELECT outcome, known FROM sign_ins')).toEqual([{ outcome: 'locked', known: 0 }]);
  await follow();
  expect(notebook.position('accesses').seq).toBe(2);
});
test('a row that is younger than its successor, after a clock was put back, is not passed over', async () => {
  await practice.tell([
    { at: AT + HOUR_MS, action: 'chart_read', actor: clinician, role: 'clinician', client },
    { at: AT, action: 'chart_read', actor: clinician, role: 'clinician', client },
  ]);
  await follow(AT + HOUR_MS);
  expect(notebook.position('accesses').seq).toBe(0);
  await follow(AT + 2 * HOUR_MS);
  expect(notebook.all('SELECT seq FROM accesses ORDER BY seq')).toEqual([{ seq: 1 }, { seq: 2 }]);
});
test('the same stretch twice counts once', async () => {
  await explained();
  const stretch = await nextStretch({
    query: practice.sentinel,
    stream: 'accesses',
    after: { seq: 0, hash: '' },
    now: AT + HOUR_MS,
    auditKey: AUDIT_KEY,
  });
  notebook.add(stretch!);
  expect(notebook.all('SELECT role, action, explanation, count FROM totals')).toEqual([
    { role: 'clinician', action: 'chart_read', explanation: 'unexplained', count: 1 },
  ]);
});
test('a log that is another one is not read', async () => {
  await explained();
  await practice.owner('BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM audit_log; COMMIT');
  await practice.tell([{ at: AT, action: 'sign_out', actor: clinician }]);
  await expect(follow()).rejects.toThrow('not the one');
});
test('only administrators sign off, and their finding is kept', async () => {
  await explained();
  const review = { at: AT + HOUR_MS, action: 'access_reviewed', resource: '1', actor: colleague };
  await practice.tell([
    { ...review, role: 'clinician', reason: 'legitimate' },
    { ...review, role: 'admin', reason: 'violation' },
    { ...review, role: 'admin', reason: 'no_such_word' },
  ]);
  await follow(AT + 2 * HOUR_MS);
  expect(notebook.all('SELECT seq, reviewer, verdict FROM reviews')).toEqual([
    { seq: 1, reviewer: colleague, verdict: 'violation' },
  ]);
});

test('a restore takes back what was read beyond it, and leaves what is still to be read', async () => {
  const at = AT + 40 * 60_000;
  await practice.tell([
    { at: AT, action: 'chart_read', actor: clinician, role: 'clinician', client },
    { at, action: 'chart_read', actor: clinician, role: 'clinician', client },
    { at, action: 'sign_in', source: '192.0.2.1', account: 'a@clinic.example' },
    { at, action: 'sign_in', source: '192.0.2.1', account: 'a@clinic.example' },
  ]);
  await follow(at);
  expect([notebook.position('accesses').seq, notebook.position('events').seq]).toEqual([1, 4]);
  notebook.forgetFrom({ seq: 3, hash: 'x' });
  expect([notebook.position('accesses').seq, notebook.position('events').seq]).toEqual([1, 3]);
});

test('accesses are kept for as long as a habit is learnt from; what nobody has looked into yet, longer', async () => {
  const [reviewed, waiting, explained_] = [1, 2, 3].map((seq) => ({
    seq,
    at: AT,
    actor: clinician,
    role: 'clinician',
    action: 'chart_read',
    client,
    explanation: seq === 3 ? ('appointment' as const) : ('unexplained' as const),
    reason: null,
  }));
  notebook.add({
    stream: 'accesses',
    accesses: [reviewed!, waiting!, explained_!],
    signIns: [],
    reviews: [{ seq: 1, reviewer: colleague, at: AT, verdict: 'legitimate' }],
    end: { seq: 3, hash: 'x' },
  });
  const kept = (now: number) => {
    notebook.prune(now);
    return notebook.all<{ seq: number }>('SELECT seq FROM accesses ORDER BY seq').map(({ seq }) => seq);
  };
  expect(kept(AT + 34 * DAY_MS)).toEqual([1, 2, 3]);
  expect(kept(AT + 36 * DAY_MS)).toEqual([2]);
  expect(notebook.all('SELECT seq FROM reviews')).toEqual([]);
});
