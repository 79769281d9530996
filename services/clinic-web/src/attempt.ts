import { useCallback, useEffect, useRef, useState } from 'react';
import { reasonOf } from './notices.tsx';

export interface Attempt {
  readonly busy: boolean;
  /** Why it did not work, for people; empty when it did, or has not been tried. */
  readonly problem: string;
  /** Whether it worked. One at a time: while one is running nothing else begins. */
  run(work: () => Promise<unknown>): Promise<boolean>;
  say(problem: string): void;
}

/** Something that a person does and that may be refused. `words`: what to say instead of the API's own sentence, by code. */
export function useAttempt(words?: Readonly<Record<string, string>>): Attempt {
  const [busy, setBusy] = useState(false);
  const [problem, say] = useState('');
  const latest = useRef({ words, running: false });
  useEffect(() => {
    latest.current.words = words;
  });
  const run = useCallback(async (work: () => Promise<unknown>) => {
    if (latest.current.running) return false;
    latest.current.running = true;
    setBusy(true);
    say('');
    try {
      await work();
      return true;
    } catch (error) {
      say(reasonOf(error, latest.current.words));
      return false;
    } finally {
      latest.current.running = false;
      setBusy(false);
    }
  }, []);
  return { busy, problem, run, say };
}
