import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodeOf } from './commands.mjs';
import { endLeftovers } from './leftovers.ts';
import { isAlive, readRun, releaseRun } from './run-record.ts';
import { stateFolder } from './state-folder.ts';

const PATIENCE_MS = 60_000;

/**
 * `npm stop`: stops the running stack and waits until it is gone; also ends what a killed run left.
 * @returns the exit code: 0 nothing runs any more, 1 it does not stop
 * @throws {UsageError}
 */
export async function stop(args: string[], root: string): Promise<number> {
  const state = stateFolder('stop', args, root);
  const run = readRun(state);
  if (!run) {
    console.log(`No stack is running in ${relative('', state) || '.'}.`);
    return 0;
  }
  if (!isAlive(run.supervisor)) {
    await endLeftovers(run, console.log);
    releaseRun(state);
    console.log('No stack is running any more.');
    return 0;
  }
  const { pid } = run.supervisor;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + PATIENCE_MS;
  while (isAlive(run.supervisor)) {
    if (performance.now() > deadline) {
      console.error(
        `Process ${pid} has not stopped within ${PATIENCE_MS / 1_000} s. kill -KILL ${pid} ends it and all it started.`,
      );
      return 1;
    }
    await sleep(100);
  }
  console.log('Stopped.');
  return 0;
}

if (import.meta.main)
  process.exit(await exitCodeOf(() => stop(process.argv.slice(2), join(import.meta.dirname, '..'))));
