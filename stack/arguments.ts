import { join, resolve } from 'node:path';
import { originOf, read } from './commands.mjs';
import type { Source } from './engines.mjs';

export interface Arguments {
  /** Absolute. */
  state: string;
  portOffset: number;
  fresh: boolean;
  /** Of the compose file. */
  profiles: string[];
  /** Where servers come from that are not there yet. */
  source: Source;
}

/**
 * Reads the arguments of `npm start`.
 * @throws {UsageError}
 */
export function parseArguments(args: string[], root: string): Arguments {
  const { values } = read('start', args);
  return {
    state: values.state === undefined ? join(root, '.state') : resolve(values.state),
    portOffset: Number(values['port-offset'] ?? 0),
    fresh: values.fresh ?? false,
    profiles: values.profile ?? [],
    source: originOf(values),
  };
}
