import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { slotStart } from './visit.ts';

const ANSWER_WITHIN_MS = 10_000;
const MINUTES = 30;
const DAY_MS = 86_400_000;

/** Of what the clinic answers only identifiers are kept, so that nothing of a person can get anywhere from here. */
const session = z.object({ access_token: z.string().min(1) });
const list = z.object({ clients: z.array(z.object({ id: z.string() })) });
const notes = z.object({ notes: z.array(z.object({ id: z.string() })) });
const chart = z.object({ clinicians: z.array(z.object({ id: z.number() })) });

/** The clinic did not do what was asked: its status, or undefined when there was no usable answer. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number | undefined;

  constructor(status?: number) {
    super(status === undefined ? 'the clinic does not answer' : `the clinic answered ${status}`);
    this.status = status;
  }
}

export interface Account {
  readonly email: string;
  readonly password: string;
}

/** The clinic's API. Each call rejects with {@link Refused} unless the clinic did it. */
export interface Clinic {
  /** Resolves with an access token. */
  signIn(account: Account): Promise<string>;
  /** Resolves with the ids of clients. */
  clients(token: string, search: string, page: number): Promise<string[]>;
  /** Resolves with the ids of the clinicians that can be booked. */
  chart(token: string, client: string): Promise<number[]>;
  /** Looks at one day of all clinicians. */
  schedule(token: string, day: Date): Promise<void>;
  /** Resolves with the ids of the clinician's own notes. */
  notes(token: string): Promise<string[]>;
  note(token: string, note: string): Promise<void>;
  /** Resolves with false when the time is taken. */
  book(token: string, client: string, clinician: number, slot: number): Promise<boolean>;
}

export interface ClinicOptions {
  readonly url: string;
  /** Ends requests under way. */
  readonly signal: AbortSignal;
}

/** One request each, on a trace of its own; `x-synthetic: 1` says to whoever looks that nobody is waiting for it. */
export function openClinic({ url, signal }: ClinicOptions): Clinic {
  async function ask(path: string, { token, body }: { token?: string; body?: object }, allowed: number[] = []) {
    let status: number | undefined;
    try {
      const response = await fetch(`${url}${path}`, {
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
        headers: {
          'x-synthetic': '1',
          traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
          ...(body && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
        },
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      });
      status = response.status;
      const answer: unknown = await response.json();
      if (response.ok || allowed.includes(status)) return { status, answer };
    } catch {
      // Leaving: nothing failed.
      signal.throwIfAborted();
      // A broken connection, or an answer that is not JSON.
    }
    throw new Refused(status);
  }

  /** The shape is checked once here; an answer of another shape is no answer. */
  function read<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
    const result = schema.safeParse(answer);
    if (!result.success) throw new Refused();
    return result.data;
  }

  return {
    async signIn(account) {
      const { answer } = await ask('/auth', { body: account });
      return read(session, answer).access_token;
    },
    async clients(token, search, page) {
      const { answer } = await ask(`/api/clients?${new URLSearchParams({ search, page: String(page) })}`, { token });
      return read(list, answer).clients.map(({ id }) => id);
    },
    async chart(token, client) {
      const { answer } = await ask(`/api/clients/${encodeURIComponent(client)}`, { token });
      return read(chart, answer).clinicians.map(({ id }) => id);
    },
    async schedule(token, day) {
      const from = new Date(new Date(day).setUTCHours(0, 0, 0, 0));
      const to = new Date(from.getTime() + DAY_MS);
      const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() });
      await ask(`/api/appointments?${query}`, { token });
    },
    async notes(token) {
      const { answer } = await ask('/api/clinical-notes', { token });
      return read(notes, answer).notes.map(({ id }) => id);
    },
    async note(token, note) {
      await ask(`/api/clinical-notes/${encodeURIComponent(note)}`, { token });
    },
    async book(token, client, clinician, slot) {
      const body = { client_id: client, clinician_id: clinician, starts_at: slotStart(slot), minutes: MINUTES };
      return (await ask('/api/appointments', { token, body }, [409])).status !== 409;
    },
  };
}
