/** The clinic's API as a load test uses it; runs inside k6. */
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import http, { type RefinedResponse } from 'k6/http';
import { STEPS, type Step } from '../steps.ts';

const URL = __ENV.CLINIC_URL ?? '';
const PASSWORD = open(__ENV.PASSWORD_FILE ?? '').trim();

const DAY_MS = 86_400_000;
/** The seeded practice has twelve clinicians at least. */
const CLINICIANS = 12;
/** An appointment within so many days explains why its clinician opens the chart. */
const EXPLAINED_DAYS = 6;
const MINUTES = 5;
/** So far away that they are in nobody's way. Each run has times of its own, so that what a killed one left is in no other's. */
const FIRST_SLOT = Date.UTC(2094, 0, 1) + (Number(__ENV.STARTED_AT ?? 0) % (4 * 365 * DAY_MS));

const hex = (length: number) => {
  let text = '';
  while (text.length < length)
    text += Math.floor(Math.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return text.slice(0, length);
};

export interface Ask {
  readonly step: Step;
  readonly path: string;
  readonly token?: string;
  readonly body?: object;
  readonly status: number;
}

/**
 * One request on a trace of its own, marked as synthetic. It writes a line for each to the log, from which the report is made:
 * k6 itself keeps no trace id. The answer is undefined when it was not the one that was expected.
 */
export function ask<Answer>({ step, path, token, body, status }: Ask): Answer | undefined {
  const trace = hex(32);
  const method = STEPS[step].route.split(' ')[0]!;
  const response: RefinedResponse<'text'> = http.request(method, `${URL}${path}`, body ? JSON.stringify(body) : null, {
    headers: {
      traceparent: `00-${trace}-${hex(16)}-01`,
      'x-synthetic': '1',
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    tags: { step, name: STEPS[step].route },
    responseCallback: http.expectedStatuses(status),
    responseType: 'text',
    timeout: '15s',
    // Elsewhere nobody allowed it.
    redirects: 0,
  });
  const good = check(response, { [`${STEPS[step].title}: answered ${status}`]: (r) => r.status === status }, { step });
  const answer = good ? ((response.json() ?? undefined) as Answer | undefined) : undefined;
  console.log(
    JSON.stringify({
      at: Date.now(),
      step,
      ms: Math.round(response.timings.duration * 1000) / 1000,
      status: response.status,
      good,
      bytes: response.body?.length ?? 0,
      trace,
      users: exec.instance.vusActive,
      ...(step.endsWith('_appointment') ? { appointment: (answer as { id?: string } | undefined)?.id } : {}),
    }),
  );
  return answer;
}

/** Somebody whose work is played. */
export interface Clinician {
  readonly email: string;
  readonly id: number;
  /** Clients whom they see this week: opening their charts is explained. */
  readonly clients: readonly string[];
}

interface Session {
  readonly access_token: string;
  readonly user: { readonly id: number };
}

const signIn = (email: string) =>
  ask<Session>({ step: 'sign_in', path: '/auth', body: { email, password: PASSWORD }, status: 200 });

const emailOf = (index: number) =>
  index === 0 ? 'clinician@clinic.example' : `clinician-${String(index + 1).padStart(2, '0')}@clinic.example`;

const period = (from: number, to: number) =>
  `from=${encodeURIComponent(new Date(from).toISOString())}&to=${encodeURIComponent(new Date(to).toISOString())}`;

/** Who can be played. Ends the test when an account cannot be used: a second attempt would only lock it. */
export function clinicians(): readonly Clinician[] {
  return Array.from({ length: CLINICIANS }, (_, index) => {
    const email = emailOf(index);
    const session = signIn(email);
    if (!session) {
      return exec.test.abort(
        `The seeded account ${email} cannot sign in. Is this a seeded demo clinic, and the password file its own?`,
      ) as never;
    }
    const { access_token: token, user } = session;
    const around = period(Date.now() - EXPLAINED_DAYS * DAY_MS, Date.now() + EXPLAINED_DAYS * DAY_MS);
    const listed = ask<{ appointments: { client_id: string; state: string }[] }>({
      step: 'list_appointments',
      path: `/api/appointments?${around}&clinician_id=${user.id}`,
      token,
      status: 200,
    });
    const clients = (listed?.appointments ?? [])
      .filter(({ state }) => state !== 'cancelled')
      .map(({ client_id }) => client_id);
    if (clients.length === 0) {
      return exec.test.abort(
        `${email} has no appointments this week, so that no chart may be opened. Start with fresh data: npm start -- --fresh`,
      ) as never;
    }
    return { email, id: user.id, clients: [...new Set(clients)] };
  });
}

/** One to three seconds, as somebody who reads. They do not shrink with the time of the test: that would be more users. */
export const think = () => sleep(1 + Math.random() * 2);

/** The user that this VU plays, and the session that it keeps for as long as it is accepted. */
let token: string | undefined;

export interface Visit {
  readonly me: Clinician;
  readonly token: string;
}

/** Signs in once per user; undefined when that did not work. */
export function enter(people: readonly Clinician[]): Visit | undefined {
  const me = people[(exec.vu.idInTest - 1) % people.length]!;
  if (!token) {
    token = signIn(me.email)?.access_token;
    think();
  }
  return token === undefined ? undefined : { me, token };
}

const SEARCHES = ['', '', 'a', 'c', 'd', 'h', 'm', 's'];
const one = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)]!;

export const listClients = ({ token }: Visit) =>
  ask({
    step: 'list_clients',
    path: `/api/clients?search=${one(SEARCHES)}&page=${1 + Math.floor(Math.random() * 3)}`,
    token,
    status: 200,
  });

/** Opens the chart of one of the own clients; resolves with whom. */
export function openChart({ me, token }: Visit): string {
  const client = one(me.clients);
  ask({ step: 'open_chart', path: `/api/clients/${client}`, token, status: 200 });
  return client;
}

/** Books, and takes it back at once: at any time there is at most one that is not cancelled. */
export function createAppointment({ me, token }: Visit, client: string): void {
  const booked = ask<{ id: string }>({
    step: 'create_appointment',
    path: '/api/appointments',
    token,
    body: {
      client_id: client,
      clinician_id: me.id,
      starts_at: new Date(FIRST_SLOT - (FIRST_SLOT % 1000) + exec.vu.idInTest * MINUTES * 60_000).toISOString(),
      minutes: MINUTES,
    },
    status: 201,
  });
  think();
  if (!booked) return;
  ask({
    step: 'cancel_appointment',
    path: `/api/appointments/${booked.id}`,
    token,
    body: { state: 'cancelled' },
    status: 200,
  });
}

export const listAppointments = ({ me, token }: Visit) =>
  ask({
    step: 'list_appointments',
    path: `/api/appointments?${period(Date.now(), Date.now() + 7 * DAY_MS)}&clinician_id=${me.id}`,
    token,
    status: 200,
  });

/** Writes a note that says what it is, and opens it. */
export function writeAndOpenNote({ token }: Visit, client: string): void {
  const note = ask<{ id: string }>({
    step: 'write_note',
    path: '/api/clinical-notes',
    token,
    body: {
      client_id: client,
      kind: 'progress',
      body: 'Synthetic note of a load test. Nobody said this and nobody wrote it.',
    },
    status: 201,
  });
  think();
  if (note) ask({ step: 'open_note', path: `/api/clinical-notes/${note.id}`, token, status: 200 });
}

/** Sign in, list clients, open a chart, create an appointment, with time to read in between. */
export function criticalPath(people: readonly Clinician[]): void {
  const visit = enter(people);
  if (!visit) {
    think();
    return;
  }
  listClients(visit);
  think();
  const client = openChart(visit);
  think();
  createAppointment(visit, client);
}
