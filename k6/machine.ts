import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';

/** Where something was measured: numbers of another machine are other numbers. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  /** Of the checkout; with `+` when files differ from it. Empty outside of git. */
  readonly commit: string;
}

function git(...words: string[]): string {
  try {
    return execFileSync('git', words, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

export function machine(): Machine {
  const commit = git('rev-parse', '--short=12', 'HEAD').trim();
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    commit: commit && `${commit}${git('status', '--porcelain', '--untracked-files=no').trim() ? '+' : ''}`,
  };
}

/** Says, whenever asked, which share of all cores was busy since it was asked last. Everything counts, the test itself included. */
export function machineBusy(): () => number {
  const read = () =>
    cpus().reduce(
      ({ idle, all }, { times }) => ({
        idle: idle + times.idle,
        all: all + times.idle + times.user + times.nice + times.sys + times.irq,
      }),
      { idle: 0, all: 0 },
    );
  let before = read();
  return () => {
    const now = read();
    const busy = 1 - (now.idle - before.idle) / Math.max(1, now.all - before.all);
    before = now;
    return busy;
  };
}
