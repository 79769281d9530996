import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePortOffset } from '../stack/port-offset.ts';
import { type StackOptions, startStack } from '../stack/run.ts';
import { stackTarget, type Target } from './target.ts';

const ROOT = resolve(import.meta.dirname, '..');

export interface OwnStack {
  readonly target: Target;
  readonly state: string;
  readonly portOffset: number;
  /** Stops it and removes its state. */
  stop(): Promise<void>;
}

/**
 * A fresh stack beside whatever else runs: seeded as docker-compose.yml says, its ports moved. The signal ends its start alone: after
 * a test that was stopped, the clinic is asked to cancel what was booked.
 */
export async function startOwnStack({
  signal,
  ...options
}: Pick<StackOptions, 'services' | 'environment' | 'signal'> = {}): Promise<OwnStack> {
  const state = mkdtempSync(join(tmpdir(), 'clinic-load-'));
  const starting = new AbortController();
  const abort = () => starting.abort();
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  try {
    const portOffset = await freePortOffset(ROOT);
    const stack = await startStack({ root: ROOT, state, portOffset, ...options, signal: starting.signal });
    return {
      target: stackTarget(state, portOffset),
      state,
      portOffset,
      async stop() {
        await stack.stop();
        rmSync(state, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(state, { recursive: true, force: true });
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
