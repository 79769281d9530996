/** Who may do what: every route of the table for every role, against a matrix that is written by hand. */
import { API_ROUTES } from '@clinic/catalogue/routes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ask, asking } from './testing/client.ts';
import type { ClinicProcess } from './testing/clinic-process.ts';
import { readRoutes, servedRoutes } from './testing/route-table.ts';
import { sessionOf } from './testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

const CLINICIAN = 'clinician';
const FRONTDESK = 'frontdesk';
const ADMIN = 'admin';
/** An administrator who has not enrolled a second factor yet. */
const ENROLLING = 'enrolling';
const NOBODY = 'nobody';
const EVERYBODY = [CLINICIAN, FRONTDESK, ADMIN, ENROLLING, NOBODY];
const SIGNED_IN = [CLINICIAN, FRONTDESK, ADMIN, ENROLLING];

/** By hand, from what each role is for: a change of the table has to be made here as well. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'POST /telemetry': EVERYBODY,
  'POST /email-events': EVERYBODY,
  'GET /api/health/database': EVERYBODY,
  'GET /api/health/email': EVERYBODY,
  'GET /api/health/storage': EVERYBODY,
  'POST /auth': EVERYBODY,
  'DELETE /auth': SIGNED_IN,
  'GET /api/session': SIGNED_IN,
  'POST /api/second-factor': SIGNED_IN,
  'POST /api/second-factor/confirmation': SIGNED_IN,
  'GET /api/users': [ADMIN],
  'POST /api/users': [ADMIN],
  'PATCH /api/users/:id': [ADMIN],
  'GET /api/dashboard': [CLINICIAN, FRONTDESK, ADMIN],
  'GET /api/clients': [CLINICIAN, FRONTDESK],
  'GET /api/clients/:id': [CLINICIAN, FRONTDESK],
  'POST /api/clients/:id/break-glass': [CLINICIAN],
  'POST /api/clients/:id/documents': [CLINICIAN],
  'GET /api/appointments': [CLINICIAN, FRONTDESK],
  'POST /api/appointments': [CLINICIAN, FRONTDESK],
  'PATCH /api/appointments/:id': [CLINICIAN, FRONTDESK],
  'GET /api/clinical-notes': [CLINICIAN],
  'POST /api/clinical-notes': [CLINICIAN],
  'GET /api/clinical-notes/:id': [CLINICIAN],
  'POST /api/clinical-notes/:id/signature': [CLINICIAN],
  'GET /api/documents': [CLINICIAN, FRONTDESK],
  'GET /api/documents/:id': [CLINICIAN],
};

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

const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

test('the table has the routes of the matrix, and the clinic serves the routes of the table', () => {
  const table = readRoutes().map(nameOf);
  expect([...table].sort()).toEqual(Object.keys(ALLOWED).sort());
  expect(servedRoutes()).toEqual(table);
  expect(new Set(table.map((name) => name.split(' ')[1]))).toEqual(
    new Set([...API_ROUTES, '/telemetry', '/email-events']),
  );
});

test('every route is recorded, or says in a sentence why not', () => {
  for (const route of readRoutes()) {
    if (typeof route.audit === 'string') continue;
    expect([nameOf(route), route.audit.exempt]).toEqual([nameOf(route), expect.stringMatching(/^[A-Z].{20,}\.$/)]);
  }
});

const ID = '11111111-2222-4333-8444-555555555555';
const tokenOf = (role: string) =>
  role === NOBODY
    ? undefined
    : role === ENROLLING
      ? sessionOf(prepared.owner.query, 'admin@clinic.example', 'enrolment')
      : sessionOf(prepared.owner.query, `${role}@clinic.example`);

test.each(Object.entries(ALLOWED))(
  '%s is for those of the matrix; whoever else tries is recorded',
  async (name, allowed) => {
    const [method = '', path = ''] = name.split(' ');
    for (const role of EVERYBODY) {
      const token = await tokenOf(role);
      const [last] = await prepared.owner.query<{ seq: string }>('SELECT coalesce(max(seq), 0) AS seq FROM audit_log');
      const { status, body } = await ask(method, path.replace(':id', ID), {
        ...(token ? { token } : {}),
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: {} }),
      });
      const codes = ['role_refused', 'second_factor_enrolment_needed', 'signed_out'];
      if (allowed.includes(role)) {
        expect([name, role, codes.includes(String(body.code)), status < 500 || path.startsWith('/api/health')]).toEqual(
          [name, role, false, true],
        );
        continue;
      }
      const expected: Readonly<Record<string, readonly unknown[]>> = {
        [NOBODY]: [401, 'signed_out'],
        [ENROLLING]: [403, 'second_factor_enrolment_needed'],
      };
      expect([name, role, status, body.code]).toEqual([name, role, ...(expected[role] ?? [403, 'role_refused'])]);
      const events = await prepared.owner.query(
        'SELECT actor_role, outcome, reason, client_id, resource_id FROM audit_log WHERE seq > $1',
        [last!.seq],
      );
      const id = path.includes(':id') ? ID : null;
      const [client_id, resource_id] = path.startsWith('/api/clients/') ? [id, null] : [null, id];
      expect(events).toEqual(
        role === NOBODY
          ? []
          : [
              {
                actor_role: role === ENROLLING ? 'admin' : role,
                outcome: 'refused',
                reason: body.code,
                client_id,
                resource_id,
              },
            ],
      );
    }
  },
);

test.each([
  ['GET', '/api/nowhere'],
  ['GET', '/api'],
  ['DELETE', '/api/clients'],
  ['PUT', '/api/users'],
  ['POST', '/api/clients'],
  ['GET', '/api/clients/../users'],
])('%s %s does not exist, for nobody', async (method, path) => {
  const token = await sessionOf(prepared.owner.query, 'admin@clinic.example');
  const { status } = await ask(method, path, { token });
  // What a client makes of dots is another route, with its own roles.
  expect(status).toBe(path.includes('..') ? 200 : 404);
});
