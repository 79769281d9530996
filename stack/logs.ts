import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodeOf } from './commands.mjs';
import { isAlive, readRun } from './run-record.ts';
import { serviceArguments } from './service-arguments.ts';

const SHOWN_LINES = 100;
const TAIL_BYTES = 65_536;
const LOOK_EVERY_MS = 200;

/**
 * `npm run logs -- NAME [-f]`: prints the end of what a service of the running stack has written; with -f also what follows.
 * @returns the exit code: 0, 3 nothing runs
 * @throws {UsageError}
 */
export async function logs(args: string[], root: string): Promise<number> {
  const given = serviceArguments('logs', args, root);
  if (typeof given === 'number') return given;
  const { state, service, follow } = given;
  const path = join(state, 'logs', `${service.name}.log`);
  let position = printEnd(path);
  while (follow) {
    await sleep(LOOK_EVERY_MS);
    const run = readRun(state);
    const running = run !== undefined && isAlive(run.supervisor);
    position = printFrom(path, position);
    if (!running) {
      console.error('The stack has ended.');
      return 0;
    }
  }
  return 0;
}

/** @returns the size of the file: what was written before it is done with */
function printEnd(path: string): number {
  const size = sizeOf(path);
  const from = Math.max(0, size - TAIL_BYTES);
  let lines = read(path, from, size).toString('utf8').split('\n');
  // A line that begins before what was read would be shown cut.
  if (from > 0) lines = lines.slice(1);
  const last = lines.at(-1) === '' ? SHOWN_LINES + 1 : SHOWN_LINES;
  process.stdout.write(lines.slice(-last).join('\n'));
  return size;
}

/** @returns the new position */
function printFrom(path: string, position: number): number {
  const size = sizeOf(path);
  if (size >= position) {
    process.stdout.write(read(path, position, size));
    return size;
  }
  // It grew too large and was emptied: what it held is beside it.
  process.stdout.write(read(`${path}.1`, position, sizeOf(`${path}.1`)));
  return printFrom(path, 0);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function read(path: string, from: number, to: number): Buffer {
  if (to <= from) return Buffer.alloc(0);
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(to, fstatSync(file).size) - from);
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, from));
  } finally {
    closeSync(file);
  }
}

if (import.meta.main)
  process.exit(await exitCodeOf(() => logs(process.argv.slice(2), join(import.meta.dirname, '..'))));
