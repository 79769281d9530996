import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isAlive, readRun, type ServiceRecord } from './run-record.ts';

export interface ServiceArguments {
  /** Absolute. */
  state: string;
  service: ServiceRecord;
  follow: boolean;
}

/**
 * Reads the arguments of a command about one service of the running stack, and says what is wrong with them.
 * @returns the exit code instead when they are wrong (2), no stack runs (3), or they ask for help (0)
 */
export function serviceArguments(
  args: string[],
  root: string,
  usage: string,
  mayFollow?: 'mayFollow',
): ServiceArguments | 0 | 2 | 3 {
  const given = parse(args, mayFollow !== undefined);
  if (typeof given === 'string' || given.values.help) {
    if (typeof given !== 'string') {
      console.log(usage);
      return 0;
    }
    console.error(`${given}\n${usage}`);
    return 2;
  }
  const { values, positionals } = given;
  const state = values.state === undefined ? join(root, '.state') : resolve(values.state);
  const run = readRun(state);
  const [name, ...more] = positionals;
  const running = run !== undefined && isAlive(run.supervisor);
  const known = running ? `\nThe services are ${run.services.map(({ title }) => title).join(', ')}.` : '';
  if (name === undefined || more.length > 0) {
    console.error(`Name one service.${known}\n${usage}`);
    return 2;
  }
  if (!running) {
    console.error(`No stack is running in ${relative('', state) || '.'}. npm start starts one.`);
    return 3;
  }
  const service = run.services.find((one) => one.name === name || one.title === name);
  if (!service) {
    console.error(`There is no service ${name}.${known}`);
    return 2;
  }
  return { state, service, follow: values.follow === true };
}

function parse(args: string[], mayFollow: boolean) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...(mayFollow && { follow: { type: 'boolean', short: 'f' } as const }),
        help: { type: 'boolean', short: 'h' },
        state: { type: 'string' },
      },
    });
  } catch (error) {
    return (error as Error).message;
  }
}
