import type { ReactNode } from 'react';
import { ApiError } from './api.ts';

/** Where the API's own sentence is not what somebody at this screen needs. */
const WHY: Readonly<Record<string, string>> = {
  unreachable: 'The clinic cannot be reached. Check your connection, then try again.',
  database_unavailable: 'The clinic has a problem with its database. Try again in a moment.',
  client_unknown: 'There is no such client. The address may be old or mistyped.',
  signed_out: 'Your session has ended. Sign in again.',
  request_invalid: 'The clinic did not accept what was entered. Check the fields.',
};
const UNEXPECTED = 'Something went wrong on our side. Try again in a moment.';

/** `words` have precedence, by code. */
export function reasonOf(error: unknown, words: Readonly<Record<string, string>> = {}): string {
  if (!(error instanceof ApiError)) return UNEXPECTED;
  const { code, title } = error;
  return words[code] ?? WHY[code] ?? (title || UNEXPECTED);
}

export function Failure({ what, error, again }: { readonly what: string; readonly error: ApiError; again(): void }) {
  const isFinal = error.status === 404 || error.status === 403;
  return (
    <div className="notice bad" role="alert">
      <p>
        <strong>{what}</strong> {reasonOf(error)}
      </p>
      {!isFinal && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Something that somebody tried and that did not work, close to where it was tried. */
export function Problem({ id, children }: { readonly id?: string; readonly children: string }) {
  return (
    <p className="notice bad" role="alert" id={id}>
      {children}
    </p>
  );
}

/** Keeps the place of what is loading. */
export function Loading({ what, lines }: { readonly what: string; readonly lines: number }) {
  return (
    <div className="loading" role="status">
      <span className="unseen">Loading {what}…</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all the same
        <span key={line} className="line" aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return <div className="empty">{children}</div>;
}
