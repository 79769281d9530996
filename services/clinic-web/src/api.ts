import { closeSession, session, sessionUsed } from './session.ts';

/** The API did not do it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** 0 when there was no answer. */
  readonly status: number;
  /** The API's own, or `unreachable`, or `unexpected`. */
  readonly code: string;
  /** A sentence for people, from the API; empty when there was none. */
  readonly title: string;

  constructor(status: number, code: string, title = '') {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.title = title;
  }
}

interface CallOptions {
  readonly method?: 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export const authorization = (): Record<string, string> => {
  const token = session()?.token;
  return token ? { authorization: `Bearer ${token}` } : {};
};

/** What an answer that is no success means; a session that the API does not know any more is closed. */
export function refusal(status: number, answer: unknown): ApiError {
  const { code, title } = (answer ?? {}) as { code?: unknown; title?: unknown };
  if (status === 401 && code === 'signed_out') closeSession('expired');
  return new ApiError(
    status,
    typeof code === 'string' ? code : 'unexpected',
    typeof title === 'string' && title.length < 300 ? title : '',
  );
}

/** Rejects with an ApiError, or with an AbortError when the signal says so. */
async function send(path: string, { method, body, signal }: CallOptions): Promise<Response> {
  const response = await fetch(path, {
    method: method ?? 'GET',
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...authorization(),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    throw signal?.aborted ? error : new ApiError(0, 'unreachable');
  });
  if (response.ok) {
    sessionUsed();
    return response;
  }
  throw refusal(response.status, await response.json().catch(() => ({})));
}

/** The answer, which is empty for a 204. */
export async function call<Answer>(path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await send(path, options);
  if (response.status === 204) return undefined as Answer;
  return (await response.json().catch(() => {
    if (options.signal?.aborted) throw options.signal.reason;
    throw new ApiError(response.status, 'unexpected');
  })) as Answer;
}

/** The bytes of the answer. */
export async function download(path: string): Promise<Blob> {
  const response = await send(path, {});
  return response.blob().catch(() => {
    throw new ApiError(0, 'unreachable');
  });
}

/** One segment of a path. */
export const segment = (id: string | number): string => encodeURIComponent(id);
/** With a leading `?`; without the parameters that are undefined. */
export const parameters = (values: Readonly<Record<string, string | number | undefined>>): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) search.set(name, String(value));
  return `?${search}`;
};
