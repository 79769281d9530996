import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** The state folder that the arguments name; undefined when they are wrong. */
export function stateFolder(args: string[], root: string): string | undefined {
  try {
    const { values } = parseArgs({ args, options: { state: { type: 'string' } } });
    return values.state === undefined ? join(root, '.state') : resolve(values.state);
  } catch {
    return undefined;
  }
}
