import { useCallback, useEffect, useState } from 'react';
import { ApiError } from './api.ts';

/** What was there before may no longer be seen, or is no longer there. */
const TAKEN_AWAY = [401, 403, 404];

type Read<Value> = (signal: AbortSignal) => Promise<Value>;

interface Held<Value> {
  readonly state: 'loading' | 'ready' | 'failed';
  /** While it loads again, and when that failed, what was there before. */
  readonly value?: Value | undefined;
  /** Why it failed. */
  readonly error?: ApiError | undefined;
}

export interface Loaded<Value> extends Held<Value> {
  /** Whether `value` is what the present `read` resolved with, not one before it. */
  readonly isCurrent: boolean;
  /** Whether there is something to show. */
  readonly isSettled: boolean;
  again(): void;
}

/** What `read` resolves with, read again whenever `read` changes (keep it stable with useCallback) or `again` is called. */
export function useLoad<Value>(read: Read<Value>): Loaded<Value> {
  const [{ by, ...held }, setLoaded] = useState<Held<Value> & { readonly by?: Read<Value> | undefined }>({
    state: 'loading',
  });
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reads again
  useEffect(() => {
    const leaving = new AbortController();
    setLoaded(({ value, by }) => ({ state: 'loading', value, by }));
    read(leaving.signal).then(
      (value) => leaving.signal.aborted || setLoaded({ state: 'ready', value, by: read }),
      (reason: unknown) => {
        if (leaving.signal.aborted) return;
        const error = reason instanceof ApiError ? reason : new ApiError(0, 'unexpected');
        // What somebody has begun to write in what is shown is not lost with it.
        setLoaded(({ value, by }) =>
          by === read && !TAKEN_AWAY.includes(error.status)
            ? { state: 'failed', error, value, by }
            : { state: 'failed', error },
        );
      },
    );
    return () => leaving.abort();
  }, [read, round]);

  return {
    ...held,
    isCurrent: by === read,
    isSettled: held.state !== 'loading' || held.value !== undefined,
    again: useCallback(() => setRound((before) => before + 1), []),
  };
}
