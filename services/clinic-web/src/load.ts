import { useEffect, useState } from 'react';
import { ApiError } from './api.ts';

export type Loaded<Value> =
  | { readonly state: 'loading'; readonly value?: Value }
  | { readonly state: 'ready'; readonly value: Value }
  | { readonly state: 'failed'; readonly error: ApiError; readonly value?: undefined };

/**
 * What `read` resolves with, read again whenever `read` changes (keep it stable with useCallback) or `again` is called.
 * While it loads again, the value of before stays.
 */
export function useLoad<Value>(read: (signal: AbortSignal) => Promise<Value>): Loaded<Value> & { again(): void } {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ state: 'loading' });
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reads again
  useEffect(() => {
    const leaving = new AbortController();
    setLoaded(({ value }) => (value === undefined ? { state: 'loading' } : { state: 'loading', value }));
    read(leaving.signal).then(
      (value) => leaving.signal.aborted || setLoaded({ state: 'ready', value }),
      (error: unknown) => {
        if (leaving.signal.aborted) return;
        setLoaded({ state: 'failed', error: error instanceof ApiError ? error : new ApiError(0, 'unexpected') });
      },
    );
    return () => leaving.abort();
  }, [read, round]);

  return { ...loaded, again: () => setRound((before) => before + 1) };
}
