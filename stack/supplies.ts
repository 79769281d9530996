import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Source } from './engines.mjs';
import { lastLines } from './event.ts';
import type { LogFile } from './log-file.ts';
import type { Need } from './plan.ts';
import { killGroup, type Reaper } from './reaper.ts';

const STOP_WITHIN_MS = 15_000;

/** What a service needs cannot be had; the message says what and why, in one line. */
export class Missing extends Error {
  override name = 'Missing';
}

/** A line of `supplier.mjs`. `failed` is for what nothing works without. */
export type SupplierLine =
  | { log: string }
  | { need: Need; state: 'coming'; detail: string }
  | { need: Need; state: 'there' }
  | { need: Need; state: 'missing' | 'failed'; reason: string };

/** Builds and fetches what services need, in a process of its own, so that this one stays small. */
export interface Supplies {
  /**
   * Resolves when all of it is there.
   * @throws {Missing} one cannot be had, and the others can do without it
   */
  obtain(needs: Need[], options: ObtainOptions): Promise<void>;
  /** What can be used at once is up: the rest may take the machine's time. */
  goOn(): void;
  /** Ends every build and download; resolves when no process of theirs is left. */
  stop(): Promise<void>;
}

export interface ObtainOptions {
  /** Whether it is there, whoever brought it; asked first. */
  isThere(need: Need): Promise<boolean>;
  onProgress(detail: string): void;
}

export interface SuppliesOptions {
  /** The repository. */
  root: string;
  needs: Need[];
  /** Where servers may come from; default `auto`. */
  source?: Source;
  reaper: Reaper;
  /** For what the builds print. */
  log: LogFile;
  note(line: string): void;
}

/** The clinic needs PostgreSQL and its pages; everything else comes once it runs. */
export function isSuppliedLater(need: Need): boolean {
  return need !== 'postgres' && need !== 'pages';
}

interface Supply {
  done: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
  detail: string | undefined;
  /** Services that wait for it. */
  listeners: Set<(detail: string) => void>;
}

/** Starts `supplier.mjs` for these needs. */
export function startSupplies({ root, needs, source = 'auto', reaper, log, note }: SuppliesOptions): Supplies {
  const all = new Map<Need, Supply>();
  for (const need of needs) {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    // A service may ask only later.
    done.catch(() => {});
    all.set(need, { done, resolve, reject, detail: undefined, listeners: new Set() });
  }

  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  );
  const output = log.open();
  const child = reaper.start(
    {
      argv: [process.execPath, join(import.meta.dirname, 'supplier.mjs'), root, source, ...needs],
      environment,
      cwd: root,
      stopSignal: 'INT',
    },
    output,
    'piped',
  );
  log.close(output);
  child.stdin!.on('error', () => {});

  const take = (line: SupplierLine) => {
    if ('log' in line) {
      note(line.log);
      return;
    }
    const supply = all.get(line.need);
    if (!supply) return;
    if (line.state === 'coming') {
      supply.detail = line.detail;
      for (const listener of supply.listeners) listener(line.detail);
    } else if (line.state === 'there') supply.resolve();
    else supply.reject(line.state === 'missing' ? new Missing(line.reason) : new Error(line.reason));
  };
  createInterface({ input: child.stdout! }).on('line', (text) => take(JSON.parse(text) as SupplierLine));
  let stopping = false;
  const ended = new Promise<void>((resolve) => {
    const over = (how: string) => {
      resolve();
      // Who still waits is being stopped too.
      if (stopping) return;
      const error = new Error(
        `What the services need could not be obtained: ${how}. ${lastLines(log.tail(15), log.path)}`,
      );
      for (const supply of all.values()) supply.reject(error);
    };
    child.once('error', ({ message }) => over(`stack/supplier.mjs could not be started: ${message}`));
    // After `close` every line has been read.
    child.once('close', (code, signal) => over(`stack/supplier.mjs ended with ${signal ?? `exit code ${code}`}`));
  });

  return {
    async obtain(wanted, { isThere, onProgress }) {
      for (const need of wanted) {
        if (await isThere(need)) continue;
        const { done, detail, listeners } = all.get(need)!;
        if (detail !== undefined) onProgress(detail);
        listeners.add(onProgress);
        await done.finally(() => listeners.delete(onProgress));
      }
    },
    goOn: () => void child.stdin!.write('go on\n'),
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill('SIGINT');
      const patience = new AbortController();
      const late = sleep(STOP_WITHIN_MS, undefined, { signal: patience.signal }).then(
        () => killGroup(child.pid!, 'SIGKILL'),
        () => {},
      );
      await ended;
      patience.abort();
      await late;
    },
  };
}
