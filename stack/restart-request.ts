import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Asks the run of this state folder to restart a service.
 * @returns false while an earlier request has not been taken
 */
export function askForRestart(state: string, service: string): boolean {
  const mine = `${path(state)}.${process.pid}`;
  writeFileSync(mine, service, { mode: 0o600 });
  try {
    // Appears at once and as a whole.
    linkSync(mine, path(state));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** The service that is to be restarted, once for each request. */
export function takeRestartRequest(state: string): string | undefined {
  try {
    const service = readFileSync(path(state), 'utf8');
    rmSync(path(state));
    return service;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Withdraws a request that nobody takes. */
export function withdrawRestartRequest(state: string): void {
  rmSync(path(state), { force: true });
}

function path(state: string): string {
  return join(state, 'restart-request');
}
