import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Compose } from './compose.ts';

/** The compose file cannot be read or run natively; the message names every service and key at fault. */
export class ComposeFileError extends Error {
  override name = 'ComposeFileError';
}

const WRONG_FILE = 3;

/**
 * Reads and checks a compose file in a process of its own: the memory that the parsers take, some 20 MB, goes with it instead of staying
 * with a run for as long as it lives.
 * @throws {ComposeFileError}
 */
export async function readComposeFile(path: string): Promise<Compose> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, path]);
    return JSON.parse(stdout) as Compose;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === WRONG_FILE && stderr) throw new ComposeFileError(stderr.trimEnd());
    throw error;
  }
}

if (import.meta.main) {
  const { ComposeError, readCompose } = await import('./compose.ts');
  const path = process.argv[2] ?? '';
  try {
    process.stdout.write(JSON.stringify(readCompose(readFileSync(path, 'utf8'))));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof ComposeError) && code === undefined) throw error;
    process.stderr.write(
      code === undefined ? (error as Error).message : `Cannot read what to run: ${(error as Error).message}`,
    );
    process.exitCode = WRONG_FILE;
  }
}
