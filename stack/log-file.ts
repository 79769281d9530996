import { closeSync, copyFileSync, fstatSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';

const LIMIT_BYTES = 10_000_000;
const TAIL_BYTES = 16_384;

/** The file that a service writes its output to; it keeps one predecessor, `<path>.1`. */
export interface LogFile {
  path: string;
  /** Opens the file for appending; the caller closes the descriptor once the service has it. */
  open(): number;
  close(descriptor: number): void;
  /** Moves what is there aside when it has grown beyond 10 MB. The writing service is not disturbed. */
  rotateIfLarge(): void;
  /** The last lines written, oldest first. */
  tail(lines: number): string[];
}

/** Begins a new log file; the one of the run before becomes `<path>.1`. */
export function beginLog(path: string): LogFile {
  try {
    renameSync(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return {
    path,
    open: () => openSync(path, 'a', 0o600),
    close: closeSync,
    rotateIfLarge() {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= LIMIT_BYTES) return;
      // The service holds the file open and only appends, so it is emptied in place.
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
    },
    tail(lines) {
      if (!statSync(path, { throwIfNoEntry: false })) return [];
      const descriptor = openSync(path, 'r');
      try {
        const { size } = fstatSync(descriptor);
        const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
        readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
        return buffer.toString('utf8').trimEnd().split('\n').filter(Boolean).slice(-lines);
      } finally {
        closeSync(descriptor);
      }
    },
  };
}
