import type { WriteStream } from 'node:tty';

export interface Progress {
  log(line: string): void;
  /** Replaces the last status on a terminal; elsewhere one line every ten seconds. */
  status(line: string): void;
}

const ELSEWHERE_EVERY_MS = 10_000;

export function progressOn(stream: Pick<WriteStream, 'write' | 'isTTY'>, now: () => number = Date.now): Progress {
  let told = now();
  let shown = false;
  return {
    log(line) {
      stream.write(`${shown ? '\r\x1b[K' : ''}${line}\n`);
      shown = false;
    },
    status(line) {
      if (stream.isTTY) {
        stream.write(`\r\x1b[K${line}`);
        shown = true;
      } else if (now() - told >= ELSEWHERE_EVERY_MS) {
        told = now();
        stream.write(`${line}\n`);
      }
    },
  };
}
