import { join, relative, resolve } from 'node:path';
import { read } from './commands.mjs';
import { isAlive, readRun, type ServiceRecord } from './run-record.ts';

export interface ServiceArguments {
  /** Absolute. */
  state: string;
  service: ServiceRecord;
  follow: boolean;
}

/**
 * Reads the arguments of a command about one service of the running stack, and says when there is no such service.
 * @returns the exit code instead when there is none of that name (2), or no stack runs (3)
 * @throws {UsageError}
 */
export function serviceArguments(command: 'restart' | 'logs', args: string[], root: string): ServiceArguments | 2 | 3 {
  const { values, positionals } = read(command, args);
  const state = values.state === undefined ? join(root, '.state') : resolve(values.state);
  const run = readRun(state);
  if (!run || !isAlive(run.supervisor)) {
    console.error(`No stack is running in ${relative('', state) || '.'}. npm start starts one.`);
    return 3;
  }
  const [name] = positionals;
  const service = run.services.find((one) => one.name === name || one.title === name);
  if (!service) {
    console.error(
      `There is no service ${name}.\nThe services are ${run.services.map(({ title }) => title).join(', ')}.`,
    );
    return 2;
  }
  return { state, service, follow: 'follow' in values && values.follow === true };
}
