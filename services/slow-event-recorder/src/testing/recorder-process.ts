import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../server.ts', import.meta.url));

export interface RecorderProcess {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly url: string;
  readonly managementUrl: string;
  /** What it wrote to standard output. */
  readonly lines: readonly string[];
}

export interface RecorderProcessOptions {
  readonly databaseFile: string;
  readonly prometheusUrl: string;
  /** Soft limit of the size of a file, in KiB: beyond it writes fail as on a full disk. */
  readonly maxFileKiB?: number;
}

/** Starts the program as it runs in production; rejects with its last line when it ends before it listens. */
export async function startRecorderProcess(options: RecorderProcessOptions): Promise<RecorderProcess> {
  const limit = options.maxFileKiB === undefined ? '' : `ulimit -S -f ${options.maxFileKiB}; `;
  const child = spawn('bash', ['-c', `${limit}exec "$0" "$1"`, process.execPath, SERVER], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      LISTEN: '127.0.0.1:0',
      MANAGEMENT_LISTEN: '127.0.0.1:0',
      DATABASE_FILE: options.databaseFile,
      PROMETHEUS_URLS: options.prometheusUrl,
    },
  });
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const ports = /Listening on port (\d+), management on (\d+)/.exec(line);
      if (!ports) return;
      resolve({
        process: child,
        pid: child.pid as number,
        url: `http://127.0.0.1:${ports[1]}`,
        managementUrl: `http://127.0.0.1:${ports[2]}`,
        lines,
      });
    });
    child.on('exit', (code) => reject(new Error(`The recorder ended with ${code}: ${lines.at(-1)}`)));
  });
}

export async function end({ process: child }: RecorderProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  return (await exited)[0];
}
