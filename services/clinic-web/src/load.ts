import { useCallback, useEffect, useState } from 'react';
import { ApiError } from './api.ts';

export interface Loaded<Value> {
  readonly state: 'loading' | 'ready' | 'failed';
  /** While it loads again, what was there before. */
  readonly value?: Value | undefined;
  /** Why it failed. */
  readonly error?: ApiError | undefined;
  again(): void;
}

/** What `read` resolves with, read again whenever `read` changes (keep it stable with useCallback) or `again` is called. */
export function useLoad<Value>(read: (signal: AbortSignal) => Promise<Value>): Loaded<Value> {
  const [loaded, setLoaded] = useState<Omit<Loaded<Value>, 'again'>>({ state: 'loading' });
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reads again
  useEffect(() => {
    const leaving = new AbortController();
    setLoaded(({ value }) => ({ state: 'loading', value }));
    read(leaving.signal).then(
      (value) => leaving.signal.aborted || setLoaded({ state: 'ready', value }),
      (error: unknown) => {
        if (leaving.signal.aborted) return;
        setLoaded({ state: 'failed', error: error instanceof ApiError ? error : new ApiError(0, 'unexpected') });
      },
    );
    return () => leaving.abort();
  }, [read, round]);

  return { ...loaded, again: useCallback(() => setRound((before) => before + 1), []) };
}
