import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A program of PostgreSQL, or another, ended otherwise than well. */
export class ProgramFailed extends Error {
  override readonly name = 'ProgramFailed';
  readonly program: string;
  readonly exitCode: number | null;
  /** The end of what it said. Paths and table names; never to be shown outside this machine's log. */
  readonly output: string;

  constructor(program: string, exitCode: number | null, output: string) {
    super(`${program} ended with ${exitCode ?? 'a signal'}: ${output.trim().split('\n').slice(-3).join(' | ')}`);
    this.program = program;
    this.exitCode = exitCode;
    this.output = output;
  }
}

const linux = process.platform === 'linux';
let setpriv: boolean | undefined;
function hasSetpriv(): boolean {
  setpriv ??= linux && ['/usr/bin/setpriv', '/bin/setpriv'].some((path) => existsSync(path));
  return setpriv;
}

/** Who PostgreSQL runs as when this is root, whom it refuses. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

let owner: Owner | undefined;
/** Undefined unless this is root. Throws when there is no user to run PostgreSQL as. */
export function postgresOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (owner) return owner;
  if (!hasSetpriv())
    throw new Error(
      'PostgreSQL refuses to run as root, and setpriv is missing: install util-linux, or run as another user.',
    );
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      owner = { uid: id('-u'), gid: id('-g') };
      return owner;
    } catch {}
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as.');
}

function reachable(path: string, who: Owner): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === who.uid ? 6 : gid === who.gid ? 3 : 0;
  if (((mode >> shift) & 1) === 0) return false;
  return path === dirname(path) || reachable(dirname(path), who);
}

/** A command that ends when this process does, however it does; of PostgreSQL's server also as another user than root. */
function guarded(argv: readonly string[], { as, reach = [] }: Pick<RunOptions, 'as' | 'reach'>): [string, string[]] {
  const user = as ? ['--reuid', String(as.uid), '--regid', String(as.gid), '--clear-groups'] : [];
  // A folder above, such as /root, may be closed to that user; the capability lets it pass, and read, nothing more.
  if (as && reach.some((path) => !reachable(dirname(path), as))) {
    user.push('--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search');
  }
  if (hasSetpriv()) return ['setpriv', [...user, '--pdeathsig', 'TERM', ...argv]];
  const [program = '', ...args] = argv;
  return [program, args];
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly as?: Owner | undefined;
  /** What it must be able to get to as that user. */
  readonly reach?: readonly string[];
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
}

const KEPT_OUTPUT = 20_000;

/** Starts a program whose standard output flows to the caller. `ended` rejects with a ProgramFailed unless it ends with 0. */
export function start(
  argv: readonly string[],
  { environment = {}, as, reach, cwd, signal }: RunOptions = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): {
  child: ChildProcess;
  ended: Promise<string>;
} {
  const [program, args] = guarded(argv, { as, ...(reach ? { reach } : {}) });
  const options: SpawnOptions = {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', ...environment },
    ...(cwd ? { cwd } : {}),
    ...(signal ? { signal } : {}),
  };
  const child = spawn(program, args, options);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_OUTPUT);
  });
  const ended = new Promise<string>((resolve, reject) => {
    const name = argv[0]?.split('/').at(-1) ?? '';
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(said) : reject(new ProgramFailed(name, code, said))));
  });
  // Whoever reads the output learns of it there first.
  ended.catch(() => {});
  return { child, ended };
}

/** Runs a program to its end. @returns what it wrote to standard output; a ProgramFailed holds what it wrote to both */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { child, ended } = start(argv, options);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-KEPT_OUTPUT * 10);
  });
  try {
    await ended;
    return output;
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    throw new ProgramFailed(error.program, error.exitCode, `${output.slice(-KEPT_OUTPUT)}${error.output}`);
  }
}

export const postgresProgram = (bin: string, name: string) => join(bin, name);
