import { join, resolve } from 'node:path';
import { read } from './commands.mjs';

/**
 * The state folder that the arguments of a command name.
 * @throws {UsageError}
 */
export function stateFolder(command: 'stop' | 'status', args: string[], root: string): string {
  const { state } = read(command, args).values;
  return state === undefined ? join(root, '.state') : resolve(state);
}
