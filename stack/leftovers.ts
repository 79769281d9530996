import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from './process-table.ts';
import { isAlive, markOf, type RunRecord } from './run-record.ts';

const LEFTOVERS_MS = 5_000;

/** Ends what a killed run left: its reaper may still be at it, or was killed too. */
export async function endLeftovers(previous: RunRecord, note: (text: string) => void): Promise<void> {
  const marks = previous.services.flatMap(({ process }) => (process ? [process] : []));
  const left = () => marks.filter(isAlive);
  const names = previous.services.filter((one) => one.process && isAlive(one.process)).map(({ name }) => name);
  if (names.length > 0) note(`A run of ${previous.since} was killed; stopping what it left: ${names.join(', ')}`);
  const families = left()
    .flatMap(({ pid }) => processTree(pid))
    .flatMap(({ pid }) => markOf(pid) ?? []);
  for (const { pid } of left()) signalIfThere(pid, 'SIGINT');
  for (const { pid } of left()) signalIfThere(pid, 'SIGTERM');
  const deadline = performance.now() + LEFTOVERS_MS;
  while (families.some(isAlive)) {
    // A service that has gone leaves nothing worth waiting for: what it started goes with it.
    if (left().length === 0 || performance.now() > deadline)
      for (const { pid } of families.filter(isAlive)) signalIfThere(pid, 'SIGKILL');
    await sleep(50);
  }
  while (previous.reaper && isAlive(previous.reaper)) await sleep(50);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
