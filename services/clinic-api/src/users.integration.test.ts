import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ask, asking } from './testing/client.ts';
import type { ClinicProcess } from './testing/clinic-process.ts';
import { sessionOf } from './testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

const PASSWORD = 'a long password';
let clinic: TestClinic;
let prepared: Prepared;
let running: ClinicProcess;
let ask: Ask;
let token: string;
beforeAll(async () => {
  clinic = await testClinic();
  prepared = await clinic.prepare('clinic', { clients: 1 });
  running = await clinic.start(prepared.environment);
  ask = asking(running.url);
  token = await sessionOf(prepared.owner.query, 'admin@clinic.example');
}, 60_000);
afterAll(async () => {
  await running?.stop();
  await clinic?.close();
}, 30_000);

const someone = () => ({
  email: `${randomBytes(6).toString('hex')}@clinic.example`,
  name: "Zoë O'Synthetic",
  role: 'frontdesk',
  password: PASSWORD,
});
const create = (change: object = {}) => ask('POST', '/api/users', { token, body: { ...someone(), ...change } });
const change = (id: unknown, body: object) => ask('PATCH', `/api/users/${id}`, { token, body });
const signIn = (email: unknown, password = PASSWORD) => ask('POST', '/auth', { body: { email, password } });
const lastEvent = async () =>
  (
    await prepared.owner.query(
      'SELECT action, outcome, reason, actor_role, resource_id FROM audit_log ORDER BY seq DESC LIMIT 1',
    )
  )[0];

test('an administrator makes a user, who can sign in; both are recorded', async () => {
  const person = someone();
  const { status, body } = await create({ ...person, email: person.email.toUpperCase() });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.any(Number),
    email: person.email,
    name: person.name,
    role: 'frontdesk',
    active: true,
    second_factor: false,
    created_at: expect.any(String),
    synthetic: false,
    locked: false,
  });
  expect(await lastEvent()).toEqual({
    action: 'user_created',
    outcome: 'allowed',
    reason: null,
    actor_role: 'admin',
    resource_id: String(body.id),
  });
  expect((await signIn(person.email)).status).toBe(200);
  const list = await ask('GET', '/api/users', { token });
  expect(list.body.users).toContainEqual(body);
  expect(list.text).not.toMatch(/argon2|totp_secret|password/);
  expect((await create({ email: person.email })).body.code).toBe('user_email_taken');
  expect(await lastEvent()).toMatchObject({ action: 'user_created', outcome: 'refused', reason: 'user_email_taken' });
});

test.each([
  { email: "x' OR 1=1 --@clinic.example" },
  { email: '<script>@clinic.example' },
  { email: 'nobody' },
  { email: 'x@clinic.example\0' },
  { name: '<img src=x onerror=alert(1)>' },
  { name: 'a\u0000b' },
  { name: 'a\u202eb' },
  { name: ' ' },
  { role: 'superuser' },
  { role: "admin'; --" },
  { password: 'short' },
  { password: { $gt: '' } },
  { active: true },
  { id: 1 },
])('what is not a user is refused without an echo, and that is recorded: %j', async (fields) => {
  const users = await prepared.owner.query('SELECT * FROM users ORDER BY id');
  const { status, body, text } = await create(fields);
  expect([status, body.code]).toEqual([400, 'request_invalid']);
  expect(Object.keys(body).sort()).toEqual(['code', 'status', 'title']);
  expect(text).not.toMatch(/script|onerror|OR 1=1/);
  expect(await lastEvent()).toMatchObject({ action: 'user_created', outcome: 'refused', reason: 'request_invalid' });
  expect(await prepared.owner.query('SELECT * FROM users ORDER BY id')).toEqual(users);
});

test('SQL in a name is a name, in a password a password', async () => {
  const name = "Robert'); DROP TABLE users; --";
  const { body } = await create({ name, password: "'; DELETE FROM users; --" });
  expect(body.name).toBe(name);
  expect((await signIn(body.email, "'; DELETE FROM users; --")).status).toBe(200);
});

test.each([
  ['role', { role: 'clinician' }],
  ['active', { active: false }],
  ['password', { password: 'another password' }],
  ['second factor', { reset_second_factor: true }],
])('a change of %s ends the sessions of the user, and of nobody else', async (_, fields) => {
  const { body } = await create();
  const session = String((await signIn(body.email)).body.access_token);
  expect((await ask('GET', '/api/session', { token: session })).status).toBe(200);
  expect((await change(body.id, { name: 'Renamed' })).body.name).toBe('Renamed');
  expect((await ask('GET', '/api/session', { token: session })).status).toBe(200);
  expect((await change(body.id, fields)).status).toBe(200);
  expect(await lastEvent()).toMatchObject({ action: 'user_changed', outcome: 'allowed', resource_id: String(body.id) });
  expect((await ask('GET', '/api/session', { token: session })).status).toBe(401);
  expect((await ask('GET', '/api/session', { token })).status).toBe(200);
});

test('a deactivated user is out, also with a session that was left behind', async () => {
  const { body } = await create();
  const session = await sessionOf(prepared.owner.query, String(body.email));
  await prepared.owner.query('UPDATE users SET active = false WHERE id = $1', [body.id]);
  expect((await ask('GET', '/api/session', { token: session })).status).toBe(401);
  expect((await signIn(body.email)).status).toBe(401);
  expect((await change(body.id, { active: true })).status).toBe(200);
  expect((await signIn(body.email)).status).toBe(200);
});

test('a reset of the second factor takes secret and recovery codes away', async () => {
  const { body } = await create();
  await prepared.owner.query("UPDATE users SET totp_secret = 'x', totp_enrolled_at = now() WHERE id = $1", [body.id]);
  await prepared.owner.query("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, 'x')", [body.id]);
  expect((await change(body.id, { reset_second_factor: true })).body.second_factor).toBe(false);
  const [left] = await prepared.owner.query(
    `SELECT totp_secret, totp_enrolled_at, (SELECT count(*)::int FROM recovery_codes WHERE user_id = users.id) AS codes
     FROM users WHERE id = $1`,
    [body.id],
  );
  expect(left).toEqual({ totp_secret: null, totp_enrolled_at: null, codes: 0 });
});

test('an administrator sees who is locked, and unlocks', async () => {
  const { body } = await create();
  for (let failure = 0; failure < 5; failure++) await signIn(body.email, 'wrong');
  expect((await signIn(body.email)).status).toBe(429);
  const { users } = (await ask('GET', '/api/users', { token })).body as { users: { id: number; locked: boolean }[] };
  expect(users.filter(({ locked }) => locked).map(({ id }) => id)).toEqual([body.id]);
  expect((await change(body.id, { unlock: true })).body.locked).toBe(false);
  expect((await signIn(body.email)).status).toBe(200);
});

test('one active administrator always remains, also when two demote each other at the same moment', async () => {
  const admins = await Promise.all([create({ role: 'admin' }), create({ role: 'admin' })]);
  const [first, second] = admins.map(({ body }) => body);
  await prepared.owner.query("UPDATE users SET active = false WHERE email = 'admin@clinic.example'");
  try {
    const [one, two] = await Promise.all(
      [first, second].map((user) => sessionOf(prepared.owner.query, String(user!.email))),
    );
    const answers = await Promise.all([
      ask('PATCH', `/api/users/${second!.id}`, { token: one!, body: { role: 'clinician' } }),
      ask('PATCH', `/api/users/${first!.id}`, { token: two!, body: { active: false } }),
    ]);
    // Whoever comes second is refused: as the last one, or because they are no administrator any more.
    const codes = answers.map(({ status, body }) => (status === 200 ? 'changed' : body.code)).sort();
    expect([
      ['changed', 'last_admin'],
      ['changed', 'signed_out'],
      ['changed', 'role_refused'],
    ]).toContainEqual(codes);
    const [left] = await prepared.owner.query<{ count: string }>(
      "SELECT count(*) FROM users WHERE role = 'admin' AND active",
    );
    expect(Number(left?.count)).toBeGreaterThan(0);
  } finally {
    await prepared.owner.query("UPDATE users SET active = true WHERE email = 'admin@clinic.example'");
  }
});

test.each([
  ['0', 404, 'user_unknown'],
  ['99999', 404, 'user_unknown'],
  ['4294967297', 404, 'user_unknown'],
  ['1 OR 1=1', 404, 'user_unknown'],
  ['1.0e0', 404, 'user_unknown'],
])('there is no user %s', async (id, status, code) => {
  const answer = await change(encodeURIComponent(id), { name: 'X' });
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  expect(await lastEvent()).toMatchObject({ action: 'user_changed', outcome: 'refused', reason: 'user_unknown' });
});

test.each([{}, { unlock: false }, { email: 'x@clinic.example' }, { totp_secret: 'x' }])(
  'what cannot be changed is refused: %j',
  async (fields) => {
    const { body } = await create();
    expect((await change(body.id, fields)).body.code).toBe('request_invalid');
  },
);
