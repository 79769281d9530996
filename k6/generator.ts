/** Runs k6. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineProgram } from '../stack/engines.mjs';
import { readSample, type Sample } from './samples.ts';
import type { Target } from './target.ts';

export interface GeneratorOptions {
  /** A k6 script. */
  readonly script: string;
  readonly target: Pick<Target, 'clinic' | 'passwordFile'>;
  /** Must exist; `samples.ndjson`, `thresholds.json` and `k6.log` are written there anew. */
  readonly folder: string;
  /** Of the durations of the script. */
  readonly timeScale: number;
  /** Told about once a second of what came in since. */
  onSamples?(samples: readonly Sample[]): void;
  /** Aborting it ends the test at once, in the middle of visits. */
  readonly signal?: AbortSignal;
}

export interface Threshold {
  /** As k6 writes it: `http_req_duration{step:open_chart}`. */
  readonly metric: string;
  readonly rule: string;
  readonly ok: boolean;
  /** Of the metric: `p(95)`, `rate`, `count` … */
  readonly values: Readonly<Record<string, number>>;
}

export interface Generated {
  /** k6's own; undefined when it came to no end. */
  readonly exitCode: number | null;
  /** Undefined when k6 did not get to its end: then nothing was judged. */
  readonly thresholds: readonly Threshold[] | undefined;
  /** What k6 said when it went wrong. */
  readonly complaint: string;
}

/** k6's exit code when it ran to its end and a threshold was crossed. */
export const THRESHOLDS_CROSSED = 99;

export const SAMPLES = 'samples.ndjson';

export async function generate(options: GeneratorOptions): Promise<Generated> {
  const { script, target, folder, timeScale, onSamples, signal } = options;
  const summary = join(folder, 'thresholds.json');
  const samples = join(folder, SAMPLES);
  // k6 appends to the one, and writes the other only when it gets to its end.
  for (const former of [samples, summary]) rmSync(former, { force: true });
  const log = await open(join(folder, 'k6.log'), 'w');
  let child: ChildProcess;
  try {
    child = spawn(
      engineProgram('k6'),
      [
        ...['run', '--quiet', '--no-usage-report', '--no-color', '--log-format', 'raw'],
        ...['--console-output', samples, '--include-system-env-vars=false'],
        ...['--env', `CLINIC_URL=${target.clinic}`, '--env', `PASSWORD_FILE=${target.passwordFile}`],
        ...['--env', `SUMMARY=${summary}`, '--env', `TIME_SCALE=${timeScale}`, '--env', `STARTED_AT=${Date.now()}`],
        script,
      ],
      { stdio: ['ignore', log.fd, log.fd], env: environment() },
    );
  } finally {
    await log.close();
  }
  const interrupt = () => void child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt);
  if (signal?.aborted) interrupt();
  let over = false;
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  }).finally(() => {
    over = true;
    signal?.removeEventListener('abort', interrupt);
  });
  const [exitCode] = await Promise.all([exited, follow(samples, () => over, onSamples)]);
  const judged = existsSync(summary)
    ? (JSON.parse(readFileSync(summary, 'utf8')) as { thresholds: Threshold[] })
    : undefined;
  const complaint = readFileSync(join(folder, 'k6.log'), 'utf8').trim().split('\n').slice(-6).join('\n');
  const thresholds = judged?.thresholds.toSorted((a, b) => (a.metric < b.metric ? 1 : -1));
  return { exitCode, thresholds, complaint };
}

/** Ours, save what k6 would take for settings that overrule those of the script. */
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('K6_')));

/** Reads a file that grows, until it is over. */
async function follow(path: string, over: () => boolean, tell: GeneratorOptions['onSamples']): Promise<void> {
  if (!tell) return;
  let file: FileHandle | undefined;
  let rest = '';
  let position = 0;
  const buffer = Buffer.alloc(1 << 20);
  while (!over()) {
    await sleep(1_000);
    try {
      file ??= await open(path);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      position += bytesRead;
      const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
      rest = lines.pop()!;
      tell(lines.map(readSample).filter((sample) => sample !== undefined));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  await file?.close();
}
