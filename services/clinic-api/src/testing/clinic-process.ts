import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export interface ClinicProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly managementUrl: string;
  /** All that it wrote. */
  output(): string;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number | null>;
}

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
}

const running = new Set<ChildProcess>();

/** A test that fails does not stop its process: to be called after the last test. */
export function endLeftovers(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts the server by its real command. */
export function spawnClinic(environment: Readonly<Record<string, string>>): Started {
  const child = spawn(process.execPath, ['--import', file('telemetry.ts'), file('server.ts')], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { child, output: () => output, exited: once(child, 'close').then(([code]) => code as number | null) };
}

/** Resolves once it listens. */
export async function startClinic(environment: Readonly<Record<string, string>>): Promise<ClinicProcess> {
  const { child, output, exited } = spawnClinic(environment);
  const listening = /"event":"listening","port":(\d+),"management_port":(\d+)/;
  while (!listening.test(output())) {
    if (child.exitCode !== null) throw new Error(`The clinic ended: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [, port, managementPort] = listening.exec(output())!;
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    managementUrl: `http://127.0.0.1:${managementPort}`,
    output,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
