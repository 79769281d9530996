// @needs stack
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortOffset } from '../stack/port-offset.ts';
import { listProcesses, processTree, proportionalBytes, residentBytes } from '../stack/process-table.ts';
import { readRun, type ServiceRecord } from '../stack/run-record.ts';
import { eventually } from './eventually.ts';
import { ROOT } from './stack-under-test.ts';

/** A stack as `npm start` starts it: a process of its own, seen from outside. */
export interface CommandLineStack {
  readonly state: string;
  readonly portOffset: number;
  /** All that it printed. */
  output(): string;
  url(port: number): string;
  service(name: string): ServiceRecord | undefined;
  /** Every process of it, itself included. */
  pids(): number[];
  /** Memory that all of them hold, pages that they share counted once where the system can tell. */
  heldBytes(): number;
  /** Sends a signal to `npm start`'s program; resolves with its exit code when it is over. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Ports of the stack that still answer. */
  openPorts(): Promise<number[]>;
  /** Ends it by force if need be and removes its state. */
  remove(): Promise<void>;
}

const READY_WITHIN_MS = 120_000;

export async function commandLineStack(): Promise<CommandLineStack> {
  const state = mkdtempSync(join(tmpdir(), 'clinic-run-'));
  const portOffset = await freePortOffset(ROOT);
  let output = '';
  const child: ChildProcess = spawn(
    process.execPath,
    [
      '--max-semi-space-size=1',
      '--v8-pool-size=1',
      'stack/up.ts',
      '--state',
      state,
      '--port-offset',
      String(portOffset),
    ],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compile') },
    },
  );
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const services = () => readRun(state)?.services ?? [];
  const pids = () => {
    const processes = listProcesses();
    const run = readRun(state);
    const roots = [run?.supervisor, run?.reaper, ...services().map((service) => service.process)];
    return [...new Set(roots.flatMap((mark) => (mark ? processTree(mark.pid, processes).map(({ pid }) => pid) : [])))];
  };
  let ports: number[] = [];

  await Promise.race([
    eventually(() => output.includes('ready in'), { within: READY_WITHIN_MS, every: 200, what: 'a ready stack' }),
    exited.then((code) => Promise.reject(new Error(`It ended with exit code ${code}.`))),
  ]).catch((error: Error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${output}`);
  });
  ports = services().flatMap((service) => service.ports);

  return {
    state,
    portOffset,
    output: () => output,
    url: (port) => `http://127.0.0.1:${port + portOffset}`,
    service: (name) => services().find((service) => service.name === name),
    pids,
    heldBytes: () => pids().reduce((sum, pid) => sum + (proportionalBytes(pid) ?? residentBytes(pid)), 0),
    end: async (signal) => {
      child.kill(signal);
      return exited;
    },
    openPorts: async () => {
      const answers = await Promise.all(ports.map(async (port) => ((await answersAt(port)) ? [port] : [])));
      return answers.flat();
    },
    remove: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await exited;
      }
      rmSync(state, { recursive: true, force: true });
    },
  };
}

function answersAt(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
