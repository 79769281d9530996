/** The whole security audit beside a clinic that runs, with its own database roles. */
import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import { instruments } from '@clinic/instrumentation/node/instruments';
import { openMetricsRegistry } from '@clinic/instrumentation/node/management';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditHashes } from '../../../clinic-api/src/audit.ts';
import { type Ask, asking } from '../../../clinic-api/src/testing/client.ts';
import type { ClinicProcess } from '../../../clinic-api/src/testing/clinic-process.ts';
import { readRoutes } from '../../../clinic-api/src/testing/route-table.ts';
import { sessionOf } from '../../../clinic-api/src/testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from '../../../clinic-api/src/testing/test-clinic.ts';
import { openPool } from '../database.ts';
import { openMemory } from '../memory.ts';
import { createSchedule, type Schedule, systemClock } from '../schedule.ts';
import { type Audit, startAudit } from './audit.ts';
import { databaseChecks } from './database-checks.ts';
import { openNotebook } from './notebook.ts';
import { createReviewSite } from './review-site.ts';
import { webChecks } from './web-checks.ts';

let clinic: TestClinic;
let prepared: Prepared;
let running: ClinicProcess;
let ask: Ask;
let pool: Pool;
let asSentinel: string;
const tokens: Record<string, string> = {};
let recovery: string[];

/** RFC 6238, of a secret in base 32. */
function codeOf(secret: string): string {
  const bits = [...secret].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  );
  const key = Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1)! & 15) & 0x7fffffff;
  return String(number % 1e6).padStart(6, '0');
}

beforeAll(async () => {
  clinic = await testClinic();
  prepared = await clinic.prepare('clinic', { clients: 20 });
  running = await clinic.start(prepared.environment);
  ask = asking(running.url);
  asSentinel = clinic.postgres.urlOf('clinic').replace('clinic@', 'clinic_sentinel@');
  pool = openPool({ url: asSentinel, password: clinic.secret('sentinel_password') });
  for (const role of ['clinician', 'frontdesk', 'admin'])
    tokens[role] = await sessionOf(prepared.owner.query, `${role}@clinic.example`);
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await running?.stop();
  await clinic?.close();
}, 30_000);

/** Every route that is recorded, asked for as it is meant to be, by somebody who may: what it leaves in the audit log. */
describe('census of routes', () => {
  test('each route that is recorded leaves an event with its action, and whose chart it was', async () => {
    const { query } = prepared.owner;
    const stranger = async () => {
      const [row] = await query<{ id: string }>(
        `INSERT INTO clients (given_name, family_name, born_on, email, phone, synthetic)
         VALUES ('Synthetic', 'Stranger', '1980-01-01', 'nobody@clinic.example', '+1-202-555-0100', true) RETURNING id`,
      );
      return row!.id;
    };
    const client = await stranger();
    const [doctor] = await query<{ id: number }>("SELECT id FROM users WHERE email = 'clinician@clinic.example'");
    const made: Record<string, string> = {};
    const json = (role: string, method: string, path: string, body?: unknown) =>
      ask(method, path, { token: tokens[role]!, ...(body === undefined ? {} : { body }) });
    const signIn = () =>
      ask('POST', '/auth', { body: { email: 'frontdesk@clinic.example', password: clinic.secret('demo_password') } });
    const keep = (name: string, answer: { body: Readonly<Record<string, unknown>>; status: number }) => {
      made[name] = String(answer.body.id);
      return answer;
    };
    const starts = new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000 + 40 * 86_400_000);
    const drive: Readonly<Record<string, () => Promise<{ status: number; text?: string }>>> = {
      'POST /auth': signIn,
      'DELETE /auth': async () => ask('DELETE', '/auth', { token: String((await signIn()).body.access_token) }),
      'POST /api/second-factor/confirmation': async () => {
        const { body } = await json('admin', 'POST', '/api/second-factor', {});
        const confirmed = await json('admin', 'POST', '/api/second-factor/confirmation', {
          code: codeOf(String(body.secret)),
        });
        recovery = confirmed.body.recovery_codes as string[];
        return confirmed;
      },
      'GET /api/users': () => json('admin', 'GET', '/api/users'),
      'POST /api/users': async () =>
        keep(
          'user',
          await json('admin', 'POST', '/api/users', {
            email: 'newcomer@clinic.example',
            name: 'Synthetic Newcomer',
            role: 'clinician',
            password: 'a long password of a test',
          }),
        ),
      'PATCH /api/users/:id': () => json('admin', 'PATCH', `/api/users/${made.user}`, { active: false }),
      'GET /api/dashboard': () => json('clinician', 'GET', '/api/dashboard'),
      'GET /api/clients': () => json('clinician', 'GET', '/api/clients'),
      'GET /api/clients/:id': () => json('clinician', 'GET', `/api/clients/${client}`),
      'POST /api/clients/:id/break-glass': () =>
        json('clinician', 'POST', `/api/clients/${client}/break-glass`, { reason: 'emergency' }),
      'GET /api/appointments': () =>
        json(
          'clinician',
          'GET',
          `/api/appointments?from=${starts.toISOString()}&to=${new Date(+starts + 86_400_000).toISOString()}`,
        ),
      'POST /api/appointments': async () =>
        keep(
          'appointment',
          await json('frontdesk', 'POST', '/api/appointments', {
            client_id: client,
            clinician_id: doctor!.id,
            starts_at: starts.toISOString(),
            minutes: 30,
          }),
        ),
      'PATCH /api/appointments/:id': () =>
        json('frontdesk', 'PATCH', `/api/appointments/${made.appointment}`, { state: 'cancelled' }),
      'POST /api/clinical-notes': async () =>
        keep(
          'note',
          await json('clinician', 'POST', '/api/clinical-notes', {
            client_id: client,
            kind: 'phone',
            body: 'synthetic',
          }),
        ),
      'GET /api/clinical-notes': () => json('clinician', 'GET', '/api/clinical-notes'),
      'GET /api/clinical-notes/:id': () => json('clinician', 'GET', `/api/clinical-notes/${made.note}`),
      'POST /api/clinical-notes/:id/signature': () =>
        json('clinician', 'POST', `/api/clinical-notes/${made.note}/signature`, {}),
      'POST /api/clients/:id/documents': async () =>
        keep(
          'document',
          await ask('POST', `/api/clients/${client}/documents`, {
            token: tokens.clinician!,
            body: 'synthetic',
            headers: { 'content-type': 'text/plain', 'x-document-name': 'synthetic.txt' },
          }),
        ),
      'GET /api/documents': () => json('frontdesk', 'GET', '/api/documents'),
      'GET /api/documents/:id': () => json('clinician', 'GET', `/api/documents/${made.document}`),
    };
    const recorded = readRoutes().filter(({ audit }) => typeof audit === 'string');
    expect(Object.keys(drive).sort()).toEqual(recorded.map(({ method, path }) => `${method} ${path}`).sort());
    for (const [route, request] of Object.entries(drive)) {
      const [before] = await query<{ seq: string }>('SELECT coalesce(max(seq), 0) AS seq FROM audit_log');
      const { status, text } = await request();
      expect([route, status < 300 ? 'served' : `${status} ${text}`]).toEqual([route, 'served']);
      const { audit } = recorded.find(({ method, path }) => `${method} ${path}` === route)!;
      const events = await query<{ actor_id: number | null; client_id: string | null; source: Buffer | null }>(
        "SELECT actor_id, client_id, source FROM audit_log WHERE seq > $1 AND action = $2 AND outcome = 'allowed'",
        [before!.seq, audit],
      );
      expect([route, events.length]).toEqual([route, 1]);
      expect([route, events[0]!.actor_id !== null, events[0]!.source !== null]).toEqual([route, true, true]);
      if (['chart_read', 'note_read', 'document_read', 'note_written', 'document_stored'].includes(String(audit)))
        expect([route, events[0]!.client_id]).toEqual([route, client]);
    }
    expect((await json('clinician', 'GET', `/api/clients/${await stranger()}`)).status).toBe(200);
  }, 60_000);
});

describe('the audit', () => {
  let audit: Audit;
  let schedule: Schedule;
  let server: Server;
  let url: string;
  const registry = openMetricsRegistry();
  beforeAll(async () => {
    const state = join(clinic.folder, 'audit');
    mkdirSync(state);
    schedule = createSchedule({
      clock: systemClock,
      memory: { last: () => undefined, remember: () => {} },
      failed: () => {},
    });
    audit = await startAudit({
      database: pool,
      databaseUrl: asSentinel,
      schedule,
      memory: openMemory(':memory:'),
      // Three quarters of an hour on, so that what was opened has settled.
      now: () => Date.now() + 2_700_000,
      instruments: instruments(registry),
      state,
      clinicUrl: running.url,
      auditKey: clinic.secret('audit_key'),
      proxies: 0,
      openingHours: { timeZone: 'UTC', from: 0, to: 24 },
      log: () => {},
    });
    server = createServer((request, response) => {
      if (!audit.handle(request.url!.split('?', 1)[0]!, request, response)) response.writeHead(404).end();
    });
    url = `http://127.0.0.1:${await listenOn(server, { host: '127.0.0.1', port: 0 })}`;
  });
  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await schedule.close();
    await audit.close();
  });

  const metric = async (name: string) => {
    const line = (await registry.metrics())
      .split('\n')
      .find((each) => each.startsWith(`${name} `) || (each.startsWith(`${name}{`) && each.includes(name)));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  };
  const form = (path: string, fields: Readonly<Record<string, string>> | URLSearchParams, cookie = '', origin = url) =>
    fetch(url + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin, cookie },
      body: new URLSearchParams(fields),
    });
  const events = (action: string) =>
    prepared.owner.query<{
      outcome: string;
      reason: string | null;
      resource_id: string | null;
      actor_role: string | null;
    }>('SELECT outcome, reason, resource_id, actor_role FROM audit_log WHERE action = $1 ORDER BY seq', [action]);
  let cookie: string;

  test('finds chain, coverage and second factors in order, from its start', async () => {
    await expect.poll(() => metric('configuration_findings'), { timeout: 60_000 }).toBeDefined();
    expect(await metric('audit_coverage_ratio')).toBe(1);
    expect(await metric('audit_chain_length')).toBeGreaterThan(20);
    expect(await metric('privileged_accounts_without_second_factor')).toBe(0);
    const text = await registry.metrics();
    expect(text).toMatch(/audit_chain_breaks\{kind="altered"\} 0/);
    expect(text).toMatch(/audit_chain_last_verified_timestamp_seconds \d/);
    // Of the three that were read, one is of somebody whom the clinician has nothing to do with.
    expect(text).toMatch(/chart_accesses_total\{role="clinician",action="chart_read",explanation="unexplained"\} 1/);
    expect(text).toMatch(/chart_accesses_total\{role="clinician",action="chart_read",explanation="note_author"\} 1/);
    expect(text).toMatch(/access_reviews_pending 1/);
  }, 90_000);

  test('shows no queue to somebody who has not signed in, nor to a clinician', async () => {
    const before = (await events('access_queue_read')).length;
    expect(await (await fetch(`${url}/access-review`)).text()).toContain('sign in');
    const clinician = { email: 'clinician@clinic.example', password: clinic.secret('demo_password'), code: '' };
    expect((await form('/access-review/sign-in', clinician)).status).toBe(403);
    expect((await events('access_queue_read')).slice(before)).toMatchObject([
      { outcome: 'refused', reason: 'role_refused' },
    ]);
    expect((await form('/access-review/sign-off', { seq: '1', verdict: 'legitimate' })).status).toBe(401);
  });
  test('tells the clinic, and records, where a browser is: of its proxy the last word, and the first of nobody', async () => {
    const hashes = auditHashes(clinic.secret('audit_key'));
    const trusting = await clinic.start({ ...prepared.environment, PROXIES: '1' });
    const guess = async (proxies: number, clinicUrl: string) => {
      const site = createReviewSite({
        database: pool,
        notebook: openNotebook(':memory:'),
        clinicUrl,
        auditKey: clinic.secret('audit_key'),
        proxies,
        now: Date.now,
        reviewed: async () => {},
      });
      const page = createServer((request, response) => void site(request.url!, request, response));
      const address = `http://127.0.0.1:${await listenOn(page, { host: '127.0.0.1', port: 0 })}`;
      await fetch(`${address}/access-review/sign-in`, {
        method: 'POST',
        headers: { origin: address, 'x-forwarded-for': '203.0.113.7, 198.51.100.2' },
        body: new URLSearchParams({ email: 'nobody@clinic.example', password: 'x' }),
      });
      page.close();
      page.closeAllConnections();
      const [row] = await prepared.owner.query<{ source: Buffer }>(
        "SELECT source FROM audit_log WHERE action = 'sign_in' ORDER BY seq DESC LIMIT 1",
      );
      return row!.source;
    };
    expect(await guess(1, trusting.url)).toEqual(hashes.source('198.51.100.2'));
    expect(await guess(0, trusting.url)).toEqual(hashes.source('127.0.0.1'));
    expect(await guess(1, running.url)).toEqual(hashes.source('127.0.0.1'));
    await trusting.stop();
  }, 30_000);
  test('refuses forms of other sites', async () => {
    expect((await form('/access-review/sign-in', {}, '', 'https://elsewhere.example')).status).toBe(403);
  });
  test('lets an administrator in with a second factor, and records that the queue was looked at', async () => {
    const admin = { email: 'admin@clinic.example', password: clinic.secret('demo_password') };
    expect((await form('/access-review/sign-in', { ...admin, code: '' })).status).toBe(401);
    const answer = await form('/access-review/sign-in', { ...admin, code: recovery[0]! });
    expect(answer.status).toBe(303);
    cookie = answer.headers.getSetCookie()[0]!;
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    cookie = cookie.split(';')[0]!;
    const before = (await events('access_queue_read')).length;
    const page = await fetch(`${url}/access-review`, { headers: { cookie } });
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(await page.text()).toContain('Synthetic Clinician');
    expect((await events('access_queue_read')).slice(before)).toMatchObject([
      { outcome: 'allowed', actor_role: 'admin' },
    ]);
  });
  test('keeps a sign-off in the audit log, once, and takes the access off the queue', async () => {
    const page = await (await fetch(`${url}/access-review`, { headers: { cookie } })).text();
    const seqs = [...page.matchAll(/name="seq" value="(\d+)"/g)].map(([, seq]) => seq!);
    expect(seqs.length).toBeGreaterThan(0);
    const fields = new URLSearchParams([...seqs.map((seq) => ['seq', seq]), ['verdict', 'legitimate']] as [
      string,
      string,
    ][]);
    expect((await form('/access-review/sign-off', fields, cookie)).status).toBe(303);
    expect(await events('access_reviewed')).toMatchObject(
      seqs.map((seq) => ({ outcome: 'allowed', reason: 'legitimate', resource_id: seq, actor_role: 'admin' })),
    );
    expect((await form('/access-review/sign-off', fields, cookie)).status).toBe(422);
    expect(await metric('access_reviews_pending')).toBe(0);
    expect(await (await fetch(`${url}/access-review`, { headers: { cookie } })).text()).toContain('Nothing waits');
  });
  test('shows nothing when that cannot be recorded', async () => {
    await prepared.owner.query('REVOKE INSERT ON audit_log FROM clinic_sentinel');
    const page = await fetch(`${url}/access-review`, { headers: { cookie } });
    await prepared.owner.query('GRANT INSERT ON audit_log TO clinic_sentinel');
    expect([page.status, (await page.text()).includes('Synthetic')]).toEqual([503, false]);
  });
  test('names no client and no member in its metrics', async () => {
    const ids = await prepared.owner.query<{ id: string }>('SELECT id::text FROM clients');
    const text = await registry.metrics();
    for (const { id } of ids) expect(text).not.toContain(id);
    expect(text).not.toMatch(/Synthetic|@clinic/);
  });
});

describe('the configuration', () => {
  const query = async <Row>(text: string, values: readonly unknown[] = []) =>
    (await pool.query(text, [...values])).rows as Row[];
  const look = async () =>
    (await databaseChecks({ query, url: asSentinel })).findings.map(({ rule, subject }) => `${rule}: ${subject}`);

  test('of the clinic as it is shipped breaks no rule about roles, privileges and passwords', async () => {
    const { findings, unchecked } = await databaseChecks({ query, url: asSentinel });
    // A server of a test runs without fsync.
    expect(findings.filter(({ rule }) => rule !== 'database_setting')).toEqual([]);
    expect(unchecked).toEqual([]);
    expect((await webChecks({ url: running.url })).findings).toEqual([]);
  });
  test.each([
    [
      'GRANT DELETE ON audit_log TO clinic_app',
      'REVOKE DELETE ON audit_log FROM clinic_app',
      'audit_writable: clinic_app: DELETE on audit_log',
    ],
    [
      'GRANT UPDATE ON users TO clinic_sentinel',
      'REVOKE UPDATE ON users FROM clinic_sentinel',
      'privilege_excess: clinic_sentinel: UPDATE on users',
    ],
    [
      'GRANT SELECT (body) ON clinical_notes TO clinic_sentinel',
      'REVOKE SELECT (body) ON clinical_notes FROM clinic_sentinel',
      'privilege_excess: clinic_sentinel: reads clinical_notes.body',
    ],
    ['GRANT SELECT ON claims TO PUBLIC', 'REVOKE SELECT ON claims FROM PUBLIC', 'privilege_excess: everybody: claims'],
    ['ALTER ROLE clinic_app CREATEROLE', 'ALTER ROLE clinic_app NOCREATEROLE', 'role_powerful: clinic_app: CREATEROLE'],
    [
      'GRANT pg_write_all_data TO clinic_backup',
      'REVOKE pg_write_all_data FROM clinic_backup',
      'role_powerful: clinic_backup: member of pg_write_all_data',
    ],
    [
      'ALTER TABLE audit_log DISABLE TRIGGER audit_log_chain',
      'ALTER TABLE audit_log ENABLE TRIGGER audit_log_chain',
      'audit_writable: the trigger audit_log_chain is missing or off',
    ],
    [
      "ALTER ROLE clinic_backup PASSWORD 'changeme'",
      `ALTER ROLE clinic_backup PASSWORD 'backup-password-of-a-test'`,
      'password_default: clinic_backup of the database',
    ],
  ])('%s is found', async (change, back, found) => {
    await prepared.owner.query(change);
    try {
      expect(await look()).toContain(found);
    } finally {
      await prepared.owner.query(back);
    }
  });
});
