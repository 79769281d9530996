import { type ChildProcess, fork } from 'node:child_process';
import type { ConnectionOptions } from '../database.ts';
import type { DrillReport } from './drill.ts';
import type { BackupFailure } from './failure.ts';
import type { Manifest } from './manifest.ts';
import type { VerifyCheck } from './verify.ts';

/** What every such job needs; plain values, since they go to another process. */
export interface HeavyContext {
  readonly connection: ConnectionOptions;
  readonly bin: string;
  /** Folder of the repository. */
  readonly repository: string;
  readonly secret: string;
  readonly work: string;
}

export type HeavyJob =
  | { readonly job: 'base' }
  | { readonly job: 'verify'; readonly id: string }
  | { readonly job: 'drill'; readonly id: string };

export type HeavyAnswer =
  | { readonly job: 'base'; readonly manifest: Manifest }
  | { readonly job: 'verify'; readonly passed: readonly VerifyCheck[]; readonly broken?: VerifyCheck }
  | { readonly job: 'drill'; readonly report: DrillReport }
  | { readonly job: 'failed'; readonly reason: BackupFailure; readonly error: string };

/** A job that failed in its own process, for the reason that it gave there. */
export class HeavyJobFailed extends Error {
  override readonly name = 'HeavyJobFailed';
  readonly reason: BackupFailure;

  constructor(reason: BackupFailure, error: string) {
    super(`The job failed: ${error}.`);
    this.reason = reason;
  }
}

/** Base backups, verification and drills run in a process of their own: the memory they take is given back when they end. */
export async function runHeavy<Job extends HeavyJob>(
  context: HeavyContext,
  job: Job,
  signal: AbortSignal,
): Promise<Extract<HeavyAnswer, { job: Job['job'] }>> {
  const child: ChildProcess = fork(new URL('./heavy-process.ts', import.meta.url), {
    execArgv: ['--max-semi-space-size=1', '--v8-pool-size=1', '--max-old-space-size=96'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const stop = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const answer = await new Promise<HeavyAnswer>((resolve, reject) => {
      child.once('message', (message) => resolve(message as HeavyAnswer));
      child.once('error', reject);
      child.once('exit', (code) =>
        reject(new HeavyJobFailed('interrupted', `its process ended with ${code ?? 'a signal'}`)),
      );
      child.send({ context, job });
    });
    if (answer.job === 'failed') throw new HeavyJobFailed(answer.reason, answer.error);
    return answer as Extract<HeavyAnswer, { job: Job['job'] }>;
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill('SIGTERM');
  }
}
