import type { Clock } from '../schedule.ts';

export interface VirtualClock extends Clock {
  /** Lets this many milliseconds pass: timers fire in order, and what they start runs until it waits for the clock again. */
  advance(ms: number): Promise<void>;
  /** The wall clock only; timers go on. */
  putBack(ms: number): void;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export function virtualClock(start: number): VirtualClock {
  let elapsed = 0;
  let shift = start;
  const timers = new Set<Timer>();
  return {
    now: () => elapsed + shift,
    after(ms, run) {
      const timer = { at: elapsed + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = elapsed + ms;
      await settle();
      for (;;) {
        let next: Timer | undefined;
        for (const timer of timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
        if (!next) break;
        elapsed = Math.max(elapsed, next.at);
        timers.delete(next);
        next.run();
        await settle();
      }
      elapsed = end;
    },
    putBack(ms) {
      shift -= ms;
    },
  };
}
