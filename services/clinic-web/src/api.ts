import { closeSession, session } from './session.ts';

export interface Client {
  readonly id: string;
  readonly given_name: string;
  readonly family_name: string;
  /** `YYYY-MM-DD`. */
  readonly born_on: string;
}

export interface ClientList {
  readonly clients: readonly Client[];
  /** From 1. */
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
}

export interface Clinician {
  readonly id: number;
  readonly name: string;
}

export interface Appointment {
  readonly id: string;
  /** ISO 8601 with a zone. */
  readonly starts_at: string;
  readonly minutes: number;
  /** The clinician's name. */
  readonly clinician: string;
}

export interface Chart {
  readonly client: Client & { readonly email: string; readonly phone: string };
  readonly appointments: readonly Appointment[];
  /** Who can be booked. */
  readonly clinicians: readonly Clinician[];
}

export interface NewAppointment {
  readonly client_id: string;
  readonly clinician_id: number;
  readonly starts_at: string;
  readonly minutes: number;
}

interface SignedIn {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly user: { readonly name: string; readonly role: string };
}

/** The API did not do it; `code` is its own, or `unreachable`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

interface CallOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Rejects with an ApiError, or with an AbortError when the signal says so. */
async function call<Answer>(path: string, { body, signal }: CallOptions = {}): Promise<Answer> {
  const token = session()?.token;
  const response = await fetch(path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    throw signal?.aborted ? error : new ApiError(0, 'unreachable');
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer as Answer;
  if (response.status === 401 && token) closeSession();
  throw new ApiError(response.status, String((answer as { code?: unknown }).code ?? 'unexpected'));
}

export const nameOf = ({ given_name, family_name }: Client): string => `${given_name} ${family_name}`;

export const signIn = (email: string, password: string) => call<SignedIn>('/auth', { body: { email, password } });

export const listClients = (search: string, page: number, signal: AbortSignal) =>
  call<ClientList>(`/api/clients?${new URLSearchParams({ search, page: String(page) })}`, { signal });

export const readChart = (id: string, signal: AbortSignal) =>
  call<Chart>(`/api/clients/${encodeURIComponent(id)}`, { signal });

export const createAppointment = (appointment: NewAppointment) =>
  call<unknown>('/api/appointments', { body: appointment });
