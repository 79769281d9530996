import { randomBytes } from 'node:crypto';
import { Agent, request as send } from 'node:http';
import { z } from 'zod';

/** One request of the clinic's API. */
export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string;
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  readonly text: string;
  /** Milliseconds from the first byte sent to the last one received. */
  readonly ms: number;
  readonly traceId: string;
}

/** What asks one clinic, over one connection that stays open. */
export interface Asker {
  ask(asked: Asked): Promise<Answer>;
  close(): void;
}

const ANSWERS_WITHIN_MS = 20_000;

export function openAsker(url: string): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: ({ method, path, token, body }) =>
      new Promise((resolve, reject) => {
        const traceId = randomBytes(16).toString('hex');
        const text = body && JSON.stringify(body);
        const sent = send(`${url}${path}`, {
          agent,
          method,
          timeout: ANSWERS_WITHIN_MS,
          headers: {
            traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
            baggage: 'synthetic_request=true',
            'x-synthetic': '1',
            ...(token && { authorization: `Bearer ${token}` }),
            ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        });
        const began = performance.now();
        sent.on('response', (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const ms = performance.now() - began;
            const body = Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, bytes: body.length, text: body.toString(), ms, traceId });
          });
        });
        sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWERS_WITHIN_MS} ms`)));
        sent.on('error', reject);
        sent.end(text);
      }),
    close: () => agent.destroy(),
  };
}

const CLINICIAN = 'clinician@clinic.example';
const session = z.object({ access_token: z.string() });
const clientList = z.object({ clients: z.array(z.object({ id: z.string() })) });
const chart = z.object({ clinicians: z.array(z.object({ id: z.number() })) });
const noteList = z.object({ notes: z.array(z.object({ id: z.string() })) });

/** What the requests of one clinic are about. */
interface Known {
  readonly token: string;
  readonly clients: readonly string[];
  readonly clinicians: readonly number[];
  readonly notes: readonly string[];
  readonly password: string;
}

export interface Endpoint {
  /** Method and route template. */
  readonly name: string;
  readonly status: number;
  /** The request number `index`: the same one in every clinic of the same seed. */
  request(known: Known, index: number): Asked;
}

const of = <Value>(values: readonly Value[], index: number): Value => values[index % values.length]!;
/** Half an hour each of a time when nobody has an appointment. */
const FIRST_SLOT = Date.parse('2040-01-01T00:00:00Z');
const slot = (index: number) => new Date(FIRST_SLOT + index * 1_800_000).toISOString().replace('.000Z', 'Z');
/** Days of the seed: a week that is over for the most part. */
const week = (index: number) => {
  const monday = new Date();
  monday.setUTCHours(0, 0, 0, 0);
  const from = monday.getTime() - (index % 4) * 7 * 86_400_000;
  return `from=${new Date(from).toISOString()}&to=${new Date(from + 7 * 86_400_000).toISOString()}`;
};

/** What the gate asks: the routes that have a target, and what a visit needs besides. */
export const ENDPOINTS: readonly Endpoint[] = [
  {
    name: 'POST /auth',
    status: 200,
    request: ({ password }) => ({ method: 'POST', path: '/auth', body: { email: CLINICIAN, password } }),
  },
  {
    name: 'GET /api/clients',
    status: 200,
    request: ({ token }, index) => ({ method: 'GET', path: `/api/clients?page=${1 + (index % 3)}`, token }),
  },
  {
    name: 'GET /api/clients/:id',
    status: 200,
    request: ({ token, clients }, index) => ({ method: 'GET', path: `/api/clients/${of(clients, index)}`, token }),
  },
  {
    name: 'GET /api/dashboard',
    status: 200,
    request: ({ token }) => ({ method: 'GET', path: '/api/dashboard', token }),
  },
  {
    name: 'GET /api/appointments',
    status: 200,
    request: ({ token, clinicians }, index) => ({
      method: 'GET',
      path: `/api/appointments?${week(index)}&clinician_id=${of(clinicians, index)}`,
      token,
    }),
  },
  {
    name: 'POST /api/appointments',
    status: 201,
    request: ({ token, clients, clinicians }, index) => ({
      method: 'POST',
      path: '/api/appointments',
      token,
      body: {
        client_id: of(clients, index),
        clinician_id: of(clinicians, index),
        starts_at: slot(index),
        minutes: 30,
      },
    }),
  },
  {
    name: 'GET /api/clinical-notes',
    status: 200,
    request: ({ token }, index) => ({ method: 'GET', path: `/api/clinical-notes?page=${1 + (index % 3)}`, token }),
  },
  {
    name: 'GET /api/clinical-notes/:id',
    status: 200,
    request: ({ token, notes }, index) => ({ method: 'GET', path: `/api/clinical-notes/${of(notes, index)}`, token }),
  },
  {
    name: 'POST /api/clinical-notes',
    status: 201,
    request: ({ token, clients }, index) => ({
      method: 'POST',
      path: '/api/clinical-notes',
      token,
      body: {
        client_id: of(clients, index),
        kind: 'progress',
        body: 'Synthetic note of a load test. Nobody said this.',
      },
    }),
  },
  {
    name: 'GET /api/documents',
    status: 200,
    request: ({ token }) => ({ method: 'GET', path: '/api/documents', token }),
  },
];

/** A clinic whose endpoints can be asked one by one. */
export interface Visitor {
  /** Request number `index` of an endpoint. Answers of another status count as errors, see {@link Visitor.errors}. */
  visit(endpoint: Endpoint, index: number): Promise<Answer>;
  readonly requests: number;
  readonly errors: number;
  /** What the first error was, for a person. */
  readonly firstError: string | undefined;
  close(): void;
}

/** Signs in and learns what there is. Rejects, saying what was answered, when the clinic is not as its seed makes it. */
export async function openVisitor({
  url,
  password,
}: {
  readonly url: string;
  readonly password: string;
}): Promise<Visitor> {
  const asker = openAsker(url);
  const get = async <Result>(shape: z.ZodType<Result>, asked: Asked): Promise<Result> => {
    const { status, text } = await asker.ask(asked);
    if (status !== 200)
      throw new Error(`${asked.method} ${asked.path.replace(/[0-9a-f-]{36}/, ':id')} answered ${status}`);
    return shape.parse(JSON.parse(text));
  };
  const { access_token: token } = await get(session, {
    method: 'POST',
    path: '/auth',
    body: { email: CLINICIAN, password },
  });
  const { clients } = await get(clientList, { method: 'GET', path: '/api/clients?page=1', token });
  const { clinicians } = await get(chart, { method: 'GET', path: `/api/clients/${clients[0]?.id}`, token });
  const { notes } = await get(noteList, { method: 'GET', path: '/api/clinical-notes?page=1', token });
  const known: Known = {
    token,
    password,
    clients: clients.map(({ id }) => id),
    clinicians: clinicians.map(({ id }) => id),
    notes: notes.map(({ id }) => id),
  };
  const counts = { requests: 0, errors: 0 };
  let firstError: string | undefined;
  const failed = (what: string) => {
    counts.errors++;
    firstError ??= what;
  };
  return {
    async visit(endpoint, index) {
      counts.requests++;
      const answer = await asker.ask(endpoint.request(known, index)).catch((error: unknown) => {
        failed(`${endpoint.name}: ${(error as Error).message}`);
        throw error;
      });
      if (answer.status !== endpoint.status) failed(`${endpoint.name} answered ${answer.status}`);
      return answer;
    },
    get requests() {
      return counts.requests;
    },
    get errors() {
      return counts.errors;
    },
    get firstError() {
      return firstError;
    },
    close: () => asker.close(),
  };
}
