import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServicePlan } from './plan.ts';
import { listProcesses } from './process-table.ts';
import type { Launch } from './reaper.ts';

/** A PostgreSQL found on this machine: the folder of its programs and its major version. */
export interface PostgresServer {
  bin: string;
  major: number;
}

export interface PostgresOptions {
  plan: ServicePlan;
  server: PostgresServer;
  /** Runs a program to its end, its output in the service's log. @returns the exit code */
  run(launch: Launch): Promise<number>;
}

const LEFTOVERS_MS = 2_000;
const HBA_FILE = 'hba_file=';

/**
 * Makes ready to start PostgreSQL: ends what a killed one left, creates the data folder and the database when they do not
 * exist, and hands the folder to a user other than root.
 * @returns how to start the server
 * @throws naming what is wrong: data of another version or user, `initdb` failing, no `setpriv` for root
 */
export async function preparePostgres({ plan, server, run }: PostgresOptions): Promise<Launch> {
  const home = dataHome(plan);
  const data = join(home, 'data');
  const cluster = clusterName(data);
  const prefix = asOwner(home, server.bin);
  const launch = (argv: string[]): Launch => ({
    argv: [...prefix, ...argv],
    environment: plan.environment,
    cwd: home,
    stopSignal: 'INT',
  });

  await endLeftovers(cluster);
  // Nothing of this cluster runs any more, so the file is stale even if its process id is in use again.
  rmSync(join(data, 'postmaster.pid'), { force: true });
  if (existsSync(data)) checkVersion(data, server, home);
  else await createData(data, { plan, server, run, launch });

  const [, ...words] = plan.argv;
  const args = words.map((word) => (word.startsWith(HBA_FILE) ? `${HBA_FILE}${givenHba(word, home)}` : word));
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', cluster_name: cluster };
  return launch([
    join(server.bin, 'postgres'),
    ...['-D', data, ...args],
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ]);
}

/** Copies the file to where the server's user may read it; @returns its path there. */
function givenHba(word: string, home: string): string {
  const path = join(home, 'pg_hba.conf');
  give(path, readFileSync(word.slice(HBA_FILE.length)));
  return path;
}

/** Writes a file that only the owner of its folder, the server's user, may read. */
function give(path: string, content: string | Buffer): void {
  const { uid, gid } = statSync(dirname(path));
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', 0o600);
  fchownSync(file, uid, gid);
  writeFileSync(file, content);
  closeSync(file);
}

/** A name that every process of this data folder's server carries in its title, so that all can be found. */
function clusterName(data: string): string {
  return `clinic-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`;
}

function dataHome(plan: ServicePlan): string {
  const home = plan.mapping.paths.find(([target]) => target.startsWith('/var/lib/postgresql'))?.[1];
  if (home) return home;
  throw new Error(`${plan.name}: volumes: needs a volume at /var/lib/postgresql to keep its data`);
}

function checkVersion(data: string, server: PostgresServer, home: string): void {
  const made = Number(readFileSync(join(data, 'PG_VERSION'), 'utf8'));
  if (made === server.major) return;
  throw new Error(
    `The database in ${home} was made by PostgreSQL ${made}, but this machine runs PostgreSQL ${server.major} ` +
      `(${server.bin}), which cannot read it. Install PostgreSQL ${made}, or begin anew, which deletes the data: npm start -- --fresh`,
  );
}

/** In a folder aside, renamed when it is complete: an interrupted start leaves nothing half made. */
async function createData(
  data: string,
  { plan, server, run, launch }: PostgresOptions & { launch(argv: string[]): Launch },
): Promise<void> {
  const { POSTGRES_USER = 'postgres', POSTGRES_DB = POSTGRES_USER, POSTGRES_PASSWORD_FILE } = plan.environment;
  if (!POSTGRES_PASSWORD_FILE) throw new Error(`${plan.name}: environment.POSTGRES_PASSWORD_FILE is missing`);
  const partial = `${data}.partial`;
  const password = `${data}.password`;
  const sql = `${data}.sql`;
  rmSync(partial, { recursive: true, force: true });
  try {
    give(password, readFileSync(POSTGRES_PASSWORD_FILE));
    const extra = (plan.environment.POSTGRES_INITDB_ARGS ?? '').split(/\s+/).filter(Boolean);
    // macOS has no locale of this name; C sorts the same way, and the encoding is given apart.
    const args = process.platform === 'darwin' ? extra.map((arg) => arg.replace('C.UTF-8', 'C')) : extra;
    const initdb = await run(
      launch([
        join(server.bin, 'initdb'),
        ...['-D', partial, '-U', POSTGRES_USER, '-A', 'scram-sha-256', `--pwfile=${password}`],
        ...args,
      ]),
    );
    if (initdb !== 0)
      throw new Error(`initdb ended with exit code ${initdb}; its output is in the log of ${plan.name}`);
    if (POSTGRES_DB !== 'postgres') {
      give(sql, `CREATE DATABASE ${quoted(POSTGRES_DB)} OWNER ${quoted(POSTGRES_USER)};\n`);
      const single = '"$0" --single -j -c exit_on_error=true -D "$1" postgres <"$2"';
      const created = await run(launch(['/bin/sh', '-c', single, join(server.bin, 'postgres'), partial, sql]));
      if (created !== 0) {
        throw new Error(
          `Creating the database ${POSTGRES_DB} ended with exit code ${created}; see the log of ${plan.name}`,
        );
      }
    }
    renameSync(partial, data);
  } finally {
    rmSync(password, { force: true });
    rmSync(sql, { force: true });
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/**
 * Ends every process of the cluster. When the server itself was killed its children notice and end by themselves, but the
 * next server refuses to start while one of them still holds the shared memory.
 */
async function endLeftovers(cluster: string): Promise<void> {
  const deadline = performance.now() + LEFTOVERS_MS;
  for (let asked = false; ; asked = true) {
    const left = listProcesses().filter(({ command }) => command.includes(cluster));
    if (left.length === 0) return;
    const late = performance.now() > deadline;
    for (const { pid } of left) if (late || !asked) kill(pid, late ? 'SIGKILL' : 'SIGINT');
    await sleep(50);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Gives the data folder to the user that PostgreSQL will run as, since it refuses to run as root.
 * @returns what to put before a command to run it as that user: nothing unless this is root
 */
function asOwner(home: string, bin: string): string[] {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const me = process.getuid?.();
  if (me !== 0) {
    const owner = statSync(home).uid;
    if (owner === me) return [];
    throw new Error(
      `The database in ${home} belongs to user ${owner}, and this run is user ${me}. ` +
        `Run as the user who made it, or remove the folder as root, or choose another with npm start -- --state DIR`,
    );
  }
  const { uid, gid } = account();
  chownAll(home, uid, gid);
  chmodSync(home, 0o700);
  const setpriv = ['setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups'];
  // A folder above, such as /root, may be closed to that user; the capability lets it pass, and read, nothing more.
  if (!reachable(dirname(home), uid, gid) || !reachable(bin, uid, gid)) {
    setpriv.push('--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search');
  }
  return setpriv;
}

function account(): { uid: number; gid: number } {
  try {
    execFileSync('setpriv', ['--version'], { stdio: 'ignore' });
  } catch {
    throw new Error(
      'PostgreSQL refuses to run as root, and setpriv, which would start it as another user, is missing. ' +
        'Install util-linux, or start as a user who is not root',
    );
  }
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (option: string) =>
        Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {}
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as');
}

function chownAll(path: string, uid: number, gid: number): void {
  if (statSync(path).uid === uid) return;
  for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' })) lchownSync(join(path, entry), uid, gid);
  chownSync(path, uid, gid);
}

function reachable(path: string, uid: number, gid: number): boolean {
  const { mode, uid: owner, gid: group } = statSync(path);
  const shift = owner === uid ? 6 : group === gid ? 3 : 0;
  if (((mode >> shift) & 1) === 0) return false;
  return path === dirname(path) || reachable(dirname(path), uid, gid);
}
