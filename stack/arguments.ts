import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface Arguments {
  /** Absolute. */
  state: string;
  portOffset: number;
  fresh: boolean;
  /** Of the compose file. */
  profiles: string[];
}

/**
 * Reads the arguments of `npm start`.
 * @returns the arguments, or what is wrong with them, with the usage
 */
export function parseArguments(args: string[], usage: string, root: string): Arguments | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        fresh: { type: 'boolean' },
        'port-offset': { type: 'string' },
        profile: { type: 'string', multiple: true },
        state: { type: 'string' },
      },
    });
    const offset = values['port-offset'] ?? '0';
    if (!/^\d{1,5}$/.test(offset)) return `--port-offset must be a whole number, such as 10000\n${usage}`;
    return {
      state: values.state === undefined ? join(root, '.state') : resolve(values.state),
      portOffset: Number(offset),
      fresh: values.fresh ?? false,
      profiles: values.profile ?? [],
    };
  } catch (error) {
    return `${(error as Error).message}\n${usage}`;
  }
}
