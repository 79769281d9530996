import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HealthCheck } from './compose.ts';
import type { ServiceState } from './event.ts';
import { processStart } from './process-table.ts';

/** A process and its start, which tells it from a later one with the same id. */
export interface ProcessMark {
  pid: number;
  start: string;
}

export interface ServiceRecord {
  name: string;
  /** What people read, and may call it by. */
  title: string;
  state: ServiceState;
  detail?: string;
  /** How often it was begun. */
  starts: number;
  process?: ProcessMark;
  /** ISO 8601. */
  startedAt?: string;
  ports: number[];
  health?: HealthCheck;
}

/** What a run writes about itself into `<state>/run.json`, which is also its lock. */
export interface RunRecord {
  supervisor: ProcessMark;
  reaper?: ProcessMark;
  /** ISO 8601. */
  since: string;
  portOffset: number;
  services: ServiceRecord[];
}

/** Another run uses the state folder. */
export class AlreadyRunning extends Error {
  override name = 'AlreadyRunning';
  readonly record: RunRecord;
  constructor(record: RunRecord, state: string) {
    super(`A stack is already running in ${state}: process ${record.supervisor.pid}, since ${record.since}`);
    this.record = record;
  }
}

/** The record of the run in this state folder, alive or dead; undefined when there is none. */
export function readRun(state: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(state), 'utf8')) as RunRecord;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isAlive({ pid, start }: ProcessMark): boolean {
  return processStart(pid) === start;
}

export function markOf(pid: number): ProcessMark | undefined {
  const start = processStart(pid);
  return start ? { pid, start } : undefined;
}

/**
 * Takes the state folder for this process.
 * @returns the record of a run that was killed before it could tidy up, if there was one
 * @throws {AlreadyRunning} when its run is alive
 */
export function takeRun(state: string, record: RunRecord): RunRecord | undefined {
  const path = recordPath(state);
  const mine = `${path}.${process.pid}`;
  let previous: RunRecord | undefined;
  for (;;) {
    const found = readRun(state);
    if (found && isAlive(found.supervisor)) throw new AlreadyRunning(found, state);
    previous = found ?? previous;
    // What the killed run left is named in the new record too, until it is gone.
    writeFileSync(mine, JSON.stringify({ ...record, services: previous?.services ?? [] }), { mode: 0o600 });
    try {
      linkSync(mine, path);
      return previous;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(mine, { force: true });
    }
    moveStaleAside(path, found);
  }
}

/** Replaces the record, at once and as a whole. */
export function writeRun(state: string, record: RunRecord): void {
  const path = recordPath(state);
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Gives the state folder free. */
export function releaseRun(state: string): void {
  for (const path of [recordPath(state), `${recordPath(state)}.new`]) rmSync(path, { force: true });
}

function recordPath(state: string): string {
  return join(state, 'run.json');
}

// Between reading a stale record and removing it another start may have put its own there: that one is put back.
function moveStaleAside(path: string, stale: RunRecord | undefined): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    const moved = readFileSync(aside, 'utf8');
    if (moved !== '' && stale === undefined ? isWhole(moved) : moved !== JSON.stringify(stale)) linkSync(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
