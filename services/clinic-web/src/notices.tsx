import type { ReactNode } from 'react';
import type { ApiError } from './api.ts';

const WHY: Readonly<Record<string, string>> = {
  unreachable: 'The clinic cannot be reached. Check your connection, then try again.',
  database_unavailable: 'The clinic has a problem with its database. Try again in a moment.',
  client_unknown: 'There is no such client. The address may be old or mistyped.',
};

export const reasonOf = ({ code }: ApiError): string =>
  WHY[code] ?? 'Something went wrong on our side. Try again in a moment.';

export function Failure({ what, error, again }: { readonly what: string; readonly error: ApiError; again(): void }) {
  return (
    <div className="notice bad" role="alert">
      <p>
        <strong>{what}</strong> {reasonOf(error)}
      </p>
      {error.status !== 404 && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
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
