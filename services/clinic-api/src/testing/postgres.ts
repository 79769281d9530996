/**
 * Real PostgreSQL servers for tests. To make a server and to fill a database is what takes long, so both are done once for each of
 * vitest's workers and copied from then on. A worker runs one file at a time.
 */
// @needs postgres
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findPostgres } from '../../../../stack/find-postgres.mjs';
import { type Database, openDatabase } from '../database.ts';

export interface TestPostgres {
  readonly password: string;
  /** Lasts as long as the server: for what belongs to a template besides its database. */
  readonly folder: string;
  urlOf(name: string): string;
  /** A new database, empty or with what a template holds. */
  create(name: string, template?: string): Promise<Database>;
  /** Makes a database that others are copied from, unless this server has it already; `fill` may leave no connection open. */
  template(name: string, fill: (url: string) => Promise<void>): Promise<void>;
  /** Removes what was created. */
  close(): Promise<void>;
}

/** A server that no other test file uses. */
export interface OwnPostgres extends TestPostgres {
  /** Of its programs. */
  readonly bin: string;
  readonly port: number;
  readonly data: string;
  signal(signal: NodeJS.Signals): void;
  /** Ends the server as a crash would, and starts it again. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface ServerTemplate {
  readonly name: string;
  /** Is given a server without databases; a copy of all that it then holds is what the test gets. */
  fill(server: OwnPostgres): Promise<void>;
}

const PASSWORD = 'password-of-a-test';
/** Whose end is the end of the servers as well: vitest, which starts a process for each file, or a program of its own. */
const RUN = process.env.VITEST_POOL_ID === undefined ? process.pid : process.ppid;
const WORKER = join(tmpdir(), `clinic-postgres-${RUN}-${process.env.VITEST_POOL_ID ?? 0}`);
/**
 * Outlives a worker that crashes and a run that is interrupted, and then leaves neither a server nor a file. A server that ends
 * removes the file that it is found by.
 */
const WATCH = `
while kill -0 "$1"; do sleep 0.5; done
signal() { for file in "$2"/*/data/postmaster.pid; do kill "$1" "$(head -n 1 "$file")" && left=yes; done; }
for signal in INT QUIT QUIT QUIT QUIT KILL; do
  left=no
  signal -$signal "$2"
  [ $left = no ] && break
  sleep 1
done
rm -rf -- "$2"`;

const asRoot = process.getuid?.() === 0;
/** PostgreSQL does not run as root. */
const command = (program: string, args: readonly string[]): [string, string[]] =>
  asRoot
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]]
    : [program, [...args]];

const idOfPostgres = (flag: '-u' | '-g') => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);

function give(...paths: readonly string[]): void {
  if (asRoot) for (const path of paths) chownSync(path, idOfPostgres('-u'), idOfPostgres('-g'));
}

function run(program: string, args: readonly string[]): void {
  const [file, all] = command(program, args);
  const { status, stderr } = spawnSync(file, all, { encoding: 'utf8', cwd: WORKER });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The folder of everything here, and the process that will remove it. */
function openWorker(): void {
  const watch = join(WORKER, 'watch.pid');
  if (existsSync(watch) && isRunning(Number(readFileSync(watch, 'utf8')))) return;
  rmSync(WORKER, { recursive: true, force: true });
  mkdirSync(WORKER, { mode: 0o700 });
  give(WORKER);
  const child = spawn('/bin/sh', ['-c', WATCH, 'sh', String(RUN), WORKER], { detached: true, stdio: 'ignore' });
  child.unref();
  writeFileSync(watch, String(child.pid));
}

function programs(): string {
  const found = findPostgres();
  if (!found) throw new Error('These tests need PostgreSQL 15 or newer: install it (apt-get install postgresql).');
  return found.bin;
}

/** The data folder of a server that has never run. */
function emptyServer(): string {
  const made = join(WORKER, 'empty');
  if (existsSync(made)) return made;
  const partial = `${made}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const passwordFile = join(WORKER, 'password');
  writeFileSync(passwordFile, PASSWORD);
  give(passwordFile);
  run(join(programs(), 'initdb'), [
    ...['-D', partial, '-U', 'clinic', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    ...['--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums', '--no-sync'],
  ]);
  renameSync(partial, made);
  return made;
}

const administration = (port: number) => ({ host: '127.0.0.1', port, user: 'clinic', password: PASSWORD });

async function administer<T>(port: number, task: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...administration(port), database: 'postgres' });
  client.on('error', () => {});
  try {
    await client.connect();
    return await task(client);
  } finally {
    await client.end();
  }
}

/** Resolves when it answers. */
async function serve(
  home: string,
  port: number,
  { settings = [], detached = false }: { settings?: readonly string[]; detached?: boolean } = {},
): Promise<ChildProcess> {
  const all = [`port=${port}`, 'unix_socket_directories=', 'fsync=off', 'shared_buffers=16MB', ...settings];
  const [file, args] = command(join(programs(), 'postgres'), [
    ...['-D', join(home, 'data')],
    ...all.flatMap((setting) => ['-c', setting]),
  ]);
  const server = spawn(file, args, { stdio: 'ignore', cwd: home, detached });
  if (detached) server.unref();
  for (let attempt = 0; ; attempt++) {
    try {
      await administer(port, async () => {});
      return server;
    } catch (error) {
      if (attempt > 300 || server.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** A folder with a copy of a server's data. */
function copyServer(home: string, data: string): void {
  mkdirSync(home, { mode: 0o700, recursive: true });
  give(home);
  run('cp', ['-R', data, join(home, 'data')]);
}

const urlOn = (port: number) => (name: string) => `postgres://clinic@127.0.0.1:${port}/${name}`;

function databasesOf(port: number, folder: string): Omit<TestPostgres, 'close'> & { drop(): Promise<void> } {
  const urlOf = urlOn(port);
  const created = new Set<string>();
  return {
    password: PASSWORD,
    folder,
    urlOf,
    async create(name, template = 'template1') {
      created.add(name);
      await administer(port, async (client) => {
        // A file before this one may have ended without removing it.
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
      });
      return openDatabase({ url: urlOf(name), password: PASSWORD });
    },
    template: (name, fill) =>
      administer(port, async (client) => {
        const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [name]);
        if (rowCount !== 0) return;
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        await client.query(`CREATE DATABASE ${name}`);
        await fill(urlOf(name));
        await client.query(`ALTER DATABASE ${name} IS_TEMPLATE true`);
      }),
    drop: () =>
      administer(port, async (client) => {
        for (const name of created) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/** The server that the files of this worker have in common. What a test changes of its roles, it puts back. */
export async function sharedPostgres(): Promise<TestPostgres> {
  openWorker();
  const home = join(WORKER, 'shared');
  const known = join(home, 'port');
  if (!existsSync(known)) {
    rmSync(home, { recursive: true, force: true });
    copyServer(home, emptyServer());
    const port = await freePort();
    await serve(home, port, { detached: true });
    writeFileSync(known, String(port));
  }
  const { drop, ...databases } = databasesOf(Number(readFileSync(known, 'utf8')), home);
  return { ...databases, close: drop };
}

/** A server to be killed, or whose roles and settings are the test's own; `settings` as `name=value`. */
export async function startPostgres({
  settings = [],
  template,
}: {
  readonly settings?: readonly string[];
  readonly template?: ServerTemplate;
} = {}): Promise<OwnPostgres> {
  openWorker();
  const data = template ? await filledServer(template) : emptyServer();
  return startCopy(data, settings);
}

async function startCopy(from: string, settings: readonly string[]): Promise<OwnPostgres> {
  const home = mkdtempSync(join(WORKER, 'own-'));
  copyServer(home, from);
  const port = await freePort();
  let server = await serve(home, port, { settings });
  const stop = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  const { drop, ...databases } = databasesOf(port, home);
  return {
    ...databases,
    bin: programs(),
    port,
    data: join(home, 'data'),
    signal: (signal) => void server.kill(signal),
    kill: () => stop('SIGQUIT'),
    async restart() {
      server = await serve(home, port, { settings });
    },
    async close() {
      await stop('SIGQUIT');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function filledServer({ name, fill }: ServerTemplate): Promise<string> {
  const made = join(WORKER, `filled-${name}`);
  if (existsSync(made)) return made;
  const server = await startCopy(emptyServer(), []);
  try {
    await fill(server);
    // A shutdown with a checkpoint: a copy then starts without recovery.
    server.signal('SIGINT');
    while (existsSync(join(server.data, 'postmaster.pid'))) await new Promise((resolve) => setTimeout(resolve, 20));
    renameSync(server.data, made);
  } finally {
    await server.close();
  }
  return made;
}
