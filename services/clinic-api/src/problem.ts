import type { Response } from 'express';
import { ZodError } from 'zod';
import { DatabaseUnavailable } from './database.ts';

/** Every error that a client can get. The code is stable; the title holds nothing of the request. */
export const PROBLEMS = {
  credentials_wrong: [401, 'The e-mail address or the password is wrong.'],
  second_factor_needed: [401, 'This account has a second factor: send its code as well.'],
  second_factor_wrong: [401, 'The code is wrong, or it was used before. A new one comes within 30 seconds.'],
  account_locked: [429, 'Too many failed sign-ins. Wait at most 15 minutes, then try again.'],
  sign_in_throttled: [429, 'Too many sign-ins at this moment. Try again in a few seconds.'],
  signed_out: [401, 'Sign in first, or again: no valid access token came with the request.'],
  role_refused: [403, 'Your role does not include this.'],
  second_factor_enrolment_needed: [403, 'Set up your second factor first: an administrator needs one.'],
  second_factor_enrolled: [409, 'This account has a second factor. An administrator can reset it.'],
  second_factor_not_begun: [409, 'Begin with POST /api/second-factor.'],
  second_factor_code_wrong: [
    422,
    'The code is wrong. Check the clock of the device that shows it, then send the newest.',
  ],
  user_unknown: [404, 'There is no such user.'],
  user_email_taken: [409, 'There is a user with this e-mail address.'],
  last_admin: [409, 'At least one active administrator must remain.'],
  audit_unavailable: [503, 'The audit log cannot be written, so nothing was done. Try again in a moment.'],
  request_invalid: [400, 'The request does not have the fields, types or ranges that are documented.'],
  body_malformed: [400, 'The body is not valid JSON.'],
  body_too_large: [413, 'The body is larger than 100 kB.'],
  body_unsupported: [415, 'Send application/json in UTF-8.'],
  not_found: [404, 'There is nothing at this address.'],
  client_unknown: [404, 'There is no such client.'],
  appointment_client_unknown: [422, 'There is no such client to book for.'],
  appointment_clinician_unknown: [422, 'There is no such clinician to book with.'],
  appointment_overlap: [409, 'The clinician has another appointment at that time.'],
  appointment_unknown: [404, 'There is no such appointment.'],
  note_unknown: [404, 'There is no such note.'],
  note_client_unknown: [422, 'There is no such client to write about.'],
  note_appointment_unknown: [422, 'This client has no such appointment.'],
  note_not_yours: [403, 'Only who wrote a note signs it.'],
  note_signed: [409, 'The note is signed: write another one for what has to be added.'],
  document_unknown: [404, 'There is no such document.'],
  document_name_invalid: [400, 'Send the name as X-Document-Name, percent-encoded UTF-8, 1 to 200 characters.'],
  document_type_refused: [415, 'Send a PDF, a JPEG or PNG picture, or plain text, not compressed.'],
  document_too_large: [413, 'The document is larger than 5 MB.'],
  document_damaged: [
    500,
    'The stored document is missing or is not what was stored. It can be restored from a backup.',
  ],
  body_incomplete: [400, 'The connection ended before the body did. Nothing was stored.'],
  storage_full: [507, 'The document store is full. Nothing was stored.'],
  storage_unavailable: [503, 'The document store does not answer. Nothing was stored or read.'],
  email_event_refused: [403, 'The signature or the time of this report is wrong.'],
  email_unknown: [404, 'There is no such e-mail.'],
  database_unavailable: [503, 'The database does not answer. Try again in a moment.'],
  internal: [500, 'Something went wrong on our side.'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What a problem is about, as far as it is known: for the audit log, never for the answer. */
export interface About {
  readonly client_id?: string;
  readonly resource_id?: string;
}

/** Thrown by a route to answer with a problem. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly about: About;

  constructor(code: ProblemCode, { cause, ...about }: About & { readonly cause?: unknown } = {}) {
    super(code, { cause });
    this.code = code;
    this.about = about;
  }
}

/** `type` of the errors of Express' body parser. */
const BODY_PROBLEMS: Readonly<Record<string, ProblemCode>> = {
  'entity.parse.failed': 'body_malformed',
  'entity.too.large': 'body_too_large',
  'encoding.unsupported': 'body_unsupported',
  'charset.unsupported': 'body_unsupported',
};

/** The problem that answers an error of whatever origin. */
export function problemOf(error: unknown): ProblemCode {
  if (error instanceof Problem) return error.code;
  if (error instanceof ZodError) return 'request_invalid';
  if (error instanceof DatabaseUnavailable) return 'database_unavailable';
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (typeof type === 'string' && Object.hasOwn(BODY_PROBLEMS, type)) return BODY_PROBLEMS[type]!;
  // Express' own, such as a path that cannot be decoded.
  return typeof status === 'number' && status >= 400 && status < 500 ? 'request_invalid' : 'internal';
}

/** Answers with problem details (RFC 9457). */
export function sendProblem(res: Response, code: ProblemCode): void {
  const [status, title] = PROBLEMS[code];
  if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 503) res.setHeader('Retry-After', '2');
  if (status === 429) res.setHeader('Retry-After', code === 'account_locked' ? '60' : '2');
  res.status(status).type('application/problem+json').send(JSON.stringify({ title, status, code }));
}
