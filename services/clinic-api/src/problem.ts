import type { Response } from 'express';

/** Every error that a client can get. The code is stable; the title holds nothing of the request. */
export const PROBLEMS = {
  credentials_wrong: [401, 'The e-mail address or the password is wrong.'],
  sign_in_throttled: [429, 'Too many failed sign-ins with this account. Wait some minutes, then try again.'],
  signed_out: [401, 'Sign in first, or again: no valid access token came with the request.'],
  request_invalid: [400, 'The request does not have the fields, types or ranges that are documented.'],
  body_malformed: [400, 'The body is not valid JSON.'],
  body_too_large: [413, 'The body is larger than 100 kB.'],
  body_unsupported: [415, 'Send application/json in UTF-8.'],
  not_found: [404, 'There is nothing at this address.'],
  client_unknown: [404, 'There is no such client.'],
  appointment_client_unknown: [422, 'There is no such client to book for.'],
  appointment_clinician_unknown: [422, 'There is no such clinician to book with.'],
  appointment_overlap: [409, 'The clinician has another appointment at that time.'],
  database_unavailable: [503, 'The database does not answer. Try again in a moment.'],
  internal: [500, 'Something went wrong on our side.'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Thrown by a route to answer with a problem. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;

  constructor(code: ProblemCode) {
    super(code);
    this.code = code;
  }
}

/** Answers with problem details (RFC 9457). */
export function sendProblem(res: Response, code: ProblemCode): void {
  const [status, title] = PROBLEMS[code];
  if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 503) res.setHeader('Retry-After', '2');
  res.status(status).type('application/problem+json').send(JSON.stringify({ title, status, code }));
}
