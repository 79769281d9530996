import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Which cores do what, as `taskset` writes them; undefined where there is no `taskset`, or only one core. */
export interface Cores {
  readonly server: string;
  readonly other: string;
  readonly load: string;
  readonly loadThreads: number;
}

export function cores(): Cores | undefined {
  const count = availableParallelism();
  if (count < 2) return undefined;
  try {
    execFileSync('taskset', ['-pc', String(process.pid)], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const server = count - 1;
  if (count < 4) return { server: `${server}`, other: `${server}`, load: `0-${server - 1}`, loadThreads: server };
  return { server: `${server}`, other: `${server - 1}`, load: `0-${server - 2}`, loadThreads: server - 1 };
}
