import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePortOffset } from '../stack/port-offset.ts';
import { type Stack, type StackOptions, startStack } from '../stack/run.ts';

export const ROOT = resolve(import.meta.dirname, '..');

export interface StackUnderTest {
  readonly stack: Stack;
  readonly state: string;
  readonly portOffset: number;
  /** Stops it and removes its state. */
  stop(): Promise<void>;
}

/** A stack of its own: state in a temporary folder, ports moved. */
export async function freshStack(
  options: Pick<StackOptions, 'services' | 'environment'> = {},
): Promise<StackUnderTest> {
  const state = mkdtempSync(join(tmpdir(), 'clinic-stack-'));
  const portOffset = await freePortOffset(ROOT);
  const stack = await startStack({
    root: ROOT,
    state,
    portOffset,
    ...options,
  });
  return {
    stack,
    state,
    portOffset,
    stop: async () => {
      await stack.stop();
      rmSync(state, { recursive: true, force: true });
    },
  };
}
