/** The clinic as a process, with the database role that it has in production. */
import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { auditHashes } from './audit.ts';
import { type Answered, type Ask, asking } from './testing/client.ts';
import type { ClinicProcess } from './testing/clinic-process.ts';
import { sessionOf } from './testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

const CLINICIAN = 'clinician@clinic.example';
const FRONTDESK = 'frontdesk@clinic.example';
const ADMIN = 'admin@clinic.example';
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

let clinic: TestClinic;
let prepared: Prepared;
let running: ClinicProcess;
let ask: Ask;
beforeAll(async () => {
  clinic = await testClinic();
  prepared = await clinic.prepare('clinic', { clients: 20 });
  running = await clinic.start(prepared.environment);
  ask = asking(running.url);
}, 60_000);
afterAll(async () => {
  await running?.stop();
  await clinic?.close();
}, 30_000);
beforeEach(async () => {
  await prepared.owner.query('DELETE FROM sign_in_attempts');
});

const query = <Row extends object>(text: string, values: readonly unknown[] = []) =>
  prepared.owner.query<Row & Record<string, unknown>>(text, values);
const signIn = (
  email: string,
  { password = clinic.secret('demo_password'), ...more }: { password?: unknown; code?: unknown } = {},
) => ask('POST', '/auth', { body: { email, password, ...more } });

interface Event {
  readonly action: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly actor_id: number | null;
  readonly resource_id: string | null;
}
/** What the audit log gained while `work` ran. */
async function recorded(work: () => Promise<unknown>): Promise<Event[]> {
  const [last] = await query<{ seq: string }>('SELECT coalesce(max(seq), 0) AS seq FROM audit_log');
  await work();
  return query<Event>(
    'SELECT action, outcome, reason, actor_id, resource_id FROM audit_log WHERE seq > $1 ORDER BY seq',
    [last!.seq],
  );
}
const idOf = async (email: string) =>
  (await query<{ id: number }>('SELECT id FROM users WHERE email = $1', [email]))[0]!.id;
/** A user of its own for a test that changes one. */
async function newUser(email: string, role = 'clinician'): Promise<number> {
  const [user] = await query<{ id: number }>(
    `INSERT INTO users (email, name, role, password_hash, synthetic)
     SELECT $1, 'Synthetic Newcomer', $2, password_hash, true FROM users WHERE email = $3 RETURNING id`,
    [email, role, CLINICIAN],
  );
  return user!.id;
}
const problem = ({ status, body }: Answered) => [status, body.code];

describe('sign in', () => {
  test('gives a token for twelve hours, of which only the hash is kept, and is recorded', async () => {
    const id = await idOf(CLINICIAN);
    let answer: Answered | undefined;
    const events = await recorded(async () => {
      answer = await signIn('Clinician@Clinic.example');
    });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer!.headers.get('cache-control')).toBe('no-store');
    expect(answer!.body).toEqual({
      access_token: expect.stringMatching(TOKEN),
      token_type: 'Bearer',
      expires_in: 43_200,
      scope: 'full',
      user: { id, name: 'Synthetic Clinician', role: 'clinician' },
    });
    expect(events).toEqual([
      { action: 'sign_in', outcome: 'allowed', reason: null, actor_id: id, resource_id: String(id) },
    ]);
    const stored = JSON.stringify(await query("SELECT encode(token_hash, 'escape') FROM sessions"));
    expect(stored).not.toContain(answer!.body.access_token);
    const hashes = auditHashes(clinic.secret('audit_key'));
    const [row] = await query('SELECT account, source FROM audit_log ORDER BY seq DESC LIMIT 1');
    expect(row).toEqual({ account: hashes.account(CLINICIAN), source: hashes.source('127.0.0.1') });
  });

  test('ends by signing out, which is recorded', async () => {
    const { body } = await signIn(CLINICIAN);
    const token = String(body.access_token);
    const events = await recorded(async () => expect((await ask('DELETE', '/auth', { token })).status).toBe(204));
    expect(events).toMatchObject([{ action: 'sign_out', outcome: 'allowed' }]);
    expect(problem(await ask('GET', '/api/session', { token }))).toEqual([401, 'signed_out']);
  });

  test('says and does the same for an account that nobody has as for a wrong password, until both are locked', async () => {
    const ids = new Map<string, string>();
    const attempt = async (email: string, index: number) => {
      const traceId = randomBytes(16).toString('hex');
      ids.set(`${email} ${index}`, traceId);
      const answer = await ask('POST', '/auth', {
        body: { email, password: `wrong ${index}` },
        headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
      });
      const headers = [...answer.headers].filter(([name]) => name !== 'date');
      return { status: answer.status, headers, text: answer.text };
    };
    for (let index = 0; index < 7; index++) {
      const [known, unknown] = [await attempt(ADMIN, index), await attempt('nobody@clinic.example', index)];
      expect(unknown).toEqual(known);
      expect(known.status).toBe(index < 5 ? 401 : 429);
    }
    // How long it takes: the same statements, and the same work on the password (passwords.test.ts).
    const statements = (email: string, index: number) =>
      clinic.sink
        .spans()
        .filter(({ traceId }) => traceId === ids.get(`${email} ${index}`))
        .map(({ name }) => name)
        .sort();
    await expect.poll(() => statements('nobody@clinic.example', 6), { timeout: 10_000 }).toContain('POST /auth');
    for (let index = 0; index < 7; index++) {
      expect(statements('nobody@clinic.example', index)).toEqual(statements(ADMIN, index));
      expect(statements(ADMIN, index)).toContain('INSERT audit_log');
    }
  }, 30_000);

  test('locks an account after five failures: for the right password too, in every process, after a restart; all is recorded', async () => {
    const id = await idOf(FRONTDESK);
    const events = await recorded(async () => {
      for (let i = 0; i < 5; i++) {
        expect(problem(await signIn(FRONTDESK, { password: `wrong ${i}` }))).toEqual([401, 'credentials_wrong']);
      }
      const locked = await signIn(FRONTDESK);
      expect(problem(locked)).toEqual([429, 'account_locked']);
      expect(locked.headers.get('retry-after')).toBe('60');
    });
    const refused = { outcome: 'refused', actor_id: null, resource_id: String(id) };
    expect(events).toEqual([
      ...Array(5).fill({ action: 'sign_in', reason: 'credentials_wrong', ...refused }),
      { action: 'account_locked', reason: 'credentials_wrong', ...refused },
      { action: 'sign_in', reason: 'account_locked', ...refused },
    ]);
    const other = await clinic.start(prepared.environment);
    const { status } = await asking(other.url)('POST', '/auth', {
      body: { email: FRONTDESK, password: clinic.secret('demo_password') },
    });
    expect(status).toBe(429);
    await other.stop();
    expect((await signIn(CLINICIAN)).status).toBe(200);
    await query("UPDATE sign_in_attempts SET failed_at = failed_at - interval '61 seconds'");
    expect((await signIn(FRONTDESK)).status).toBe(200);
  }, 30_000);

  test('judges five of fifteen guesses at the same moment', async () => {
    const guesses = Array.from({ length: 15 }, (_, index) => signIn(FRONTDESK, { password: `wrong ${index}` }));
    const answers = (await Promise.all(guesses)).map(problem);
    expect(answers.map(([, code]) => code).sort()).toEqual([
      ...Array(10).fill('account_locked'),
      ...Array(5).fill('credentials_wrong'),
    ]);
  }, 30_000);

  test('believes a proxy about where it comes from only where there is one', async () => {
    const source = async (url: string) => {
      const headers = { 'x-forwarded-for': '203.0.113.7, 198.51.100.2' };
      await asking(url)('POST', '/auth', { body: { email: 'nobody@clinic.example', password: 'x' }, headers });
      return (await query('SELECT source FROM audit_log ORDER BY seq DESC LIMIT 1'))[0]!.source;
    };
    const hashes = auditHashes(clinic.secret('audit_key'));
    expect(await source(running.url)).toEqual(hashes.source('127.0.0.1'));
    const behind = await clinic.start({ ...prepared.environment, PROXIES: '1' });
    expect(await source(behind.url)).toEqual(hashes.source('198.51.100.2'));
    await behind.stop();
  }, 20_000);

  test('does not let in whom an administrator has deactivated', async () => {
    await newUser('gone@clinic.example');
    await query("UPDATE users SET active = false WHERE email = 'gone@clinic.example'");
    expect(problem(await signIn('gone@clinic.example'))).toEqual([401, 'credentials_wrong']);
  });

  test.each([
    "' OR '1'='1",
    `${CLINICIAN}' --`,
    "'; DROP TABLE users; --",
    '<script>alert(1)</script>',
    '%',
    `${CLINICIAN}\0`,
    '\ud800',
    '$(id)',
    '../../etc/passwd',
  ])('takes %j for what it is, in every field, and records it', async (injection) => {
    const users = await query('SELECT * FROM users ORDER BY id');
    const attempts: [object, string][] = [
      [{ email: injection, password: 'x' }, 'credentials_wrong'],
      [{ email: CLINICIAN, password: injection }, 'credentials_wrong'],
      [{ email: CLINICIAN, password: 'wrong', code: injection }, 'credentials_wrong'],
    ];
    for (const [body, code] of attempts) {
      const events = await recorded(async () => {
        const answer = await ask('POST', '/auth', { body });
        expect(problem(answer)).toEqual([401, code]);
        expect(answer.text).not.toContain(injection.length > 1 ? injection : 'injection');
      });
      expect(events).toMatchObject([{ action: 'sign_in', outcome: 'refused', reason: code, actor_id: null }]);
    }
    expect(await query('SELECT * FROM users ORDER BY id')).toEqual(users);
  });

  test.each([
    {},
    [],
    { email: CLINICIAN },
    { email: CLINICIAN, password: { $ne: '' } },
    { email: [CLINICIAN], password: 'x' },
    { email: CLINICIAN, password: 'x', role: 'admin' },
    { email: CLINICIAN, password: 'x', __proto__: { code: 1 }, code: 1 },
    { email: CLINICIAN, password: 'x'.repeat(1001) },
  ])('refuses a body of another shape: %j', async (body) => {
    expect(problem(await ask('POST', '/auth', { body }))).toEqual([400, 'request_invalid']);
  });
});

describe('a session', () => {
  test('is over after half an hour without a request: refused, recorded once, gone', async () => {
    const token = await sessionOf(prepared.owner.query, CLINICIAN);
    await query("UPDATE sessions SET last_seen_at = now() - interval '29 minutes'");
    expect((await ask('GET', '/api/session', { token })).status).toBe(200);
    await query("UPDATE sessions SET last_seen_at = now() - interval '31 minutes'");
    const events = await recorded(async () => {
      const late = await Promise.all(Array.from({ length: 4 }, () => ask('GET', '/api/clients', { token })));
      expect(late.map(problem)).toEqual(Array(4).fill([401, 'signed_out']));
    });
    expect(events).toMatchObject([{ action: 'session_expired', outcome: 'refused', actor_id: await idOf(CLINICIAN) }]);
  });

  test('is over after twelve hours, however busy', async () => {
    const token = await sessionOf(prepared.owner.query, CLINICIAN);
    await query('UPDATE sessions SET expires_at = now()');
    expect((await ask('GET', '/api/clients', { token })).status).toBe(401);
    await signIn(CLINICIAN);
    const [session] = await query<{ hours: number }>(
      'SELECT extract(epoch FROM expires_at - now()) / 3600 AS hours FROM sessions ORDER BY expires_at DESC LIMIT 1',
    );
    expect(Number(session!.hours)).toBeGreaterThan(11.9);
    expect(Number(session!.hours)).toBeLessThanOrEqual(12);
  });

  test('notes its use once a minute', async () => {
    const token = await sessionOf(prepared.owner.query, CLINICIAN);
    const seen = async () => {
      await ask('GET', '/api/session', { token });
      const [row] = await query<{ at: Date }>('SELECT max(last_seen_at) AS at FROM sessions');
      return row!.at.getTime();
    };
    const first = await seen();
    expect(await seen()).toBe(first);
    await query("UPDATE sessions SET last_seen_at = last_seen_at - interval '61 seconds'");
    expect(await seen()).toBeGreaterThanOrEqual(first);
  });

  test.each([undefined, 'Bearer', 'Bearer nonsense', `Bearer ${'A'.repeat(43)}`, 'Basic x', "Bearer ' OR 1=1 --"])(
    'is needed: %s',
    async (authorization) => {
      const answer = await ask('GET', '/api/clients', authorization ? { headers: { authorization } } : {});
      expect(problem(answer)).toEqual([401, 'signed_out']);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    },
  );

  test('tells who one is', async () => {
    const token = await sessionOf(prepared.owner.query, FRONTDESK);
    expect((await ask('GET', '/api/session', { token })).body).toEqual({
      user: { id: await idOf(FRONTDESK), name: 'Synthetic Front Desk', role: 'frontdesk' },
      scope: 'full',
      second_factor: false,
      expires_at: expect.stringMatching(/Z$/),
    });
  });
});

/** What an authenticator app would show, so many steps from now. */
const codeOf = (secret: string, steps = 0) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });

async function enrol(email: string, token: string) {
  const begun = await ask('POST', '/api/second-factor', { token });
  expect(begun.status).toBe(200);
  const secret = String(begun.body.secret);
  // The step before, so that the present one and the next can still be used.
  const confirmed = await ask('POST', '/api/second-factor/confirmation', { token, body: { code: codeOf(secret, -1) } });
  expect(confirmed.status).toBe(200);
  return { email, secret, recovery: confirmed.body.recovery_codes as string[] };
}
/** Waits until the present step has some seconds left, so that a test does not run into the next. */
async function insideOfStep(): Promise<void> {
  while (Date.now() % 30_000 > 24_000) await new Promise((resolve) => setTimeout(resolve, 200));
}

describe('the second factor', () => {
  test('has to be enrolled by an administrator before anything else; the session then becomes full', async () => {
    await newUser('new-admin@clinic.example', 'admin');
    const { body } = await signIn('new-admin@clinic.example');
    expect(body.scope).toBe('enrolment');
    const token = String(body.access_token);
    const other = await sessionOf(prepared.owner.query, 'new-admin@clinic.example', 'enrolment');
    const refusals = await recorded(async () => {
      expect(problem(await ask('GET', '/api/users', { token }))).toEqual([403, 'second_factor_enrolment_needed']);
    });
    expect(refusals).toMatchObject([
      { action: 'user_list_read', outcome: 'refused', reason: 'second_factor_enrolment_needed' },
    ]);
    const unbegun = await ask('POST', '/api/second-factor/confirmation', { token, body: { code: '000000' } });
    expect(problem(unbegun)).toEqual([409, 'second_factor_not_begun']);
    const begun = await ask('POST', '/api/second-factor', { token });
    expect(begun.body).toMatchObject({
      otpauth_uri: expect.stringMatching(/^otpauth:\/\/totp\/Clinic:new-admin/),
      qr_svg: expect.stringMatching(/^<svg/),
    });
    const wrong = await ask('POST', '/api/second-factor/confirmation', { token, body: { code: 'x' } });
    expect(problem(wrong)).toEqual([422, 'second_factor_code_wrong']);
    let recovery: unknown;
    const events = await recorded(async () => {
      ({ recovery } = await enrol('new-admin@clinic.example', token));
    });
    expect(events).toMatchObject([{ action: 'second_factor_enrolled', outcome: 'allowed' }]);
    expect(new Set(recovery as string[]).size).toBe(10);
    expect(recovery).toEqual(
      Array(10).fill(expect.stringMatching(/^([0-9a-hj-km-np-tv-z]{4}-){3}[0-9a-hj-km-np-tv-z]{4}$/)),
    );
    expect((await ask('GET', '/api/users', { token })).status).toBe(200);
    expect((await ask('GET', '/api/session', { token })).body).toMatchObject({ scope: 'full', second_factor: true });
    expect((await ask('GET', '/api/session', { token: other })).status).toBe(401);
    expect(problem(await ask('POST', '/api/second-factor', { token }))).toEqual([409, 'second_factor_enrolled']);
  });

  test('is asked for, and each of its codes is accepted once, also at the same moment', async () => {
    await newUser('totp@clinic.example');
    const { secret } = await enrol('totp@clinic.example', await sessionOf(prepared.owner.query, 'totp@clinic.example'));
    await insideOfStep();
    const events = await recorded(async () => {
      expect(problem(await signIn('totp@clinic.example'))).toEqual([401, 'second_factor_needed']);
      expect(problem(await signIn('totp@clinic.example', { code: '000000' }))).toEqual([401, 'second_factor_wrong']);
      const same = { code: codeOf(secret) };
      const answers = await Promise.all(Array.from({ length: 4 }, () => signIn('totp@clinic.example', same)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
      expect(problem(await signIn('totp@clinic.example', same))[0]).not.toBe(200);
    });
    expect(events.filter(({ outcome }) => outcome === 'allowed')).toMatchObject([{ action: 'sign_in' }]);
    expect(events.slice(0, 2)).toMatchObject([
      { action: 'sign_in', outcome: 'refused', reason: 'second_factor_needed', actor_id: null },
      { action: 'sign_in', outcome: 'refused', reason: 'second_factor_wrong', actor_id: null },
    ]);
    await query('DELETE FROM sign_in_attempts');
    // A clock that is half a minute fast; the step before it is then as used as the one that was.
    expect((await signIn('totp@clinic.example', { code: codeOf(secret, 1) })).status).toBe(200);
    expect(problem(await signIn('totp@clinic.example', { code: codeOf(secret, 0) }))).toEqual([
      401,
      'second_factor_wrong',
    ]);
    expect(problem(await signIn('totp@clinic.example', { code: codeOf(secret, 3) }))).toEqual([
      401,
      'second_factor_wrong',
    ]);
  }, 60_000);

  test('can be replaced by a recovery code, once each, also at the same moment', async () => {
    const id = await newUser('recovery@clinic.example');
    const token = await sessionOf(prepared.owner.query, 'recovery@clinic.example');
    const { recovery } = await enrol('recovery@clinic.example', token);
    const stored = JSON.stringify(await query("SELECT encode(code_hash, 'escape') FROM recovery_codes"));
    for (const code of recovery) expect(stored).not.toContain(code.replaceAll('-', ''));
    const events = await recorded(async () => {
      const codes = [recovery[0]!, recovery[0]!.toUpperCase().replaceAll('-', ' '), recovery[0]!.replaceAll('-', '')];
      const answers = await Promise.all(codes.map((code) => signIn('recovery@clinic.example', { code })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
      expect(problem(await signIn('recovery@clinic.example', { code: recovery[0]! }))).toEqual([
        401,
        'second_factor_wrong',
      ]);
    });
    expect(
      events.filter(({ outcome }) => outcome === 'allowed').map(({ action, actor_id }) => [action, actor_id]),
    ).toEqual([
      ['sign_in', id],
      ['recovery_code_used', id],
    ]);
    expect((await signIn('recovery@clinic.example', { code: recovery[1]! })).status).toBe(200);
    const foreign = await newUser('recovery-2@clinic.example');
    await enrol('recovery-2@clinic.example', await sessionOf(prepared.owner.query, 'recovery-2@clinic.example'));
    expect(foreign).not.toBe(id);
    expect((await signIn('recovery-2@clinic.example', { code: recovery[2]! })).status).toBe(401);
  }, 30_000);

  test('wrong codes lock like wrong passwords; asking without a code does not forgive them', async () => {
    await newUser('guessed@clinic.example');
    await enrol('guessed@clinic.example', await sessionOf(prepared.owner.query, 'guessed@clinic.example'));
    for (let guess = 0; guess < 5; guess++) {
      expect(problem(await signIn('guessed@clinic.example'))).toEqual([401, 'second_factor_needed']);
      expect(problem(await signIn('guessed@clinic.example', { code: `00000${guess}` }))).toEqual([
        401,
        'second_factor_wrong',
      ]);
    }
    expect(problem(await signIn('guessed@clinic.example'))).toEqual([429, 'account_locked']);
  }, 30_000);

  test('its secret is not in the database in the clear', async () => {
    await newUser('sealed@clinic.example');
    const { secret } = await enrol(
      'sealed@clinic.example',
      await sessionOf(prepared.owner.query, 'sealed@clinic.example'),
    );
    const [row] = await query<{ totp_secret: Buffer }>(
      "SELECT totp_secret FROM users WHERE email = 'sealed@clinic.example'",
    );
    expect(row!.totp_secret.includes(Buffer.from(Secret.fromBase32(secret).bytes))).toBe(false);
    expect(row!.totp_secret.includes(Buffer.from(secret))).toBe(false);
  });
});

describe('the audit log that cannot be written', () => {
  test('lets nobody in, shows no chart and changes nothing', async () => {
    const token = await sessionOf(prepared.owner.query, CLINICIAN);
    const admin = await sessionOf(prepared.owner.query, ADMIN);
    const [client] = await query<{ id: string; family_name: string }>('SELECT id, family_name FROM clients LIMIT 1');
    const counts = () =>
      query(`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM appointments) AS appointments,
        (SELECT count(*) FROM sessions) AS sessions, (SELECT sum(failures) FROM sign_in_attempts) AS failures`);
    const before = await counts();
    await query('REVOKE INSERT ON audit_log FROM clinic_app');
    try {
      const clinician_id = await idOf(CLINICIAN);
      const answers = [
        await ask('GET', `/api/clients/${client!.id}`, { token }),
        await ask('GET', '/api/clients', { token }),
        await ask('GET', '/api/users', { token }),
        await ask('POST', '/api/appointments', {
          token,
          body: { client_id: client!.id, clinician_id, starts_at: '2099-01-05T10:00:00Z', minutes: 30 },
        }),
        await ask('POST', '/api/users', {
          token: admin,
          body: { email: 'x@clinic.example', name: 'X', role: 'admin', password: 'x'.repeat(12) },
        }),
        await ask('DELETE', '/auth', { token }),
        await signIn(CLINICIAN),
        await signIn(CLINICIAN, { password: 'wrong' }),
      ];
      for (const answer of answers) {
        expect(problem(answer)).toEqual([503, 'audit_unavailable']);
        expect(answer.text).not.toContain(client!.family_name);
      }
      expect(await counts()).toEqual(before);
    } finally {
      await query('GRANT INSERT ON audit_log TO clinic_app');
    }
    expect((await ask('GET', `/api/clients/${client!.id}`, { token })).status).toBe(200);
  });
});

test('what happened is counted, by listed words', async () => {
  const count = async (series: string) => {
    const text = await (await fetch(`${running.managementUrl}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.split(' ')[1]);
  };
  const series = [
    'sign_ins_total{outcome="credentials_wrong"}',
    'audit_events_total{action="sign_in",outcome="refused"}',
    'sign_ins_total{outcome="throttled"}',
    'audit_events_total{action="database_restored",outcome="allowed"}',
  ];
  const before = await Promise.all(series.map(count));
  await signIn(CLINICIAN, { password: 'wrong' });
  expect(await Promise.all(series.map(count))).toEqual([before[0]! + 1, before[1]! + 1, 0, 0]);
});
