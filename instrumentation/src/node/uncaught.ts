import { errorType } from './attributes.ts';

export interface Uncaught {
  /** `uncaughtException` or `unhandledRejection`. */
  readonly origin: string;
  /** A listed class, a code, or `Error`. */
  readonly error: string;
  /** File, line and column of the innermost frame that is not a package's, or `unknown`. */
  readonly place: string;
}

const FRAME = /^ +at .*?\/((?:src|dist|services)\/[\w./-]+:\d+:\d+)\)?$/m;

/** Frames only: the text before them holds the message, which may look like a frame. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return 'unknown';
  const end = error.stack.indexOf(error.message) + error.message.length;
  if (end < error.message.length) return 'unknown';
  const frames = error.stack
    .slice(end)
    .split('\n')
    .filter((line) => !line.includes('node_modules'));
  return FRAME.exec(frames.join('\n'))?.[1] ?? 'unknown';
}

/**
 * An error that nothing caught ends the process with code 1, as it would anyway; but Node would print its message, which may quote
 * a row or a request. `tell` is called once, with words that cannot, and must write at once.
 */
export function endWhenUncaught(tell: (uncaught: Uncaught) => void): void {
  process.on('uncaughtException', (error, origin) => {
    try {
      tell({ origin, error: errorType(error), place: placeOf(error) });
    } finally {
      process.exit(1);
    }
  });
}
