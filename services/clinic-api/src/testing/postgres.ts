// @needs postgres
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findPostgres } from '../../../../stack/find-postgres.mjs';
import { type Database, openDatabase } from '../database.ts';

export interface TestPostgres {
  readonly password: string;
  urlOf(name: string): string;
  /** A new, empty database. */
  create(name: string): Promise<Database>;
  /** Ends the server as a crash would, and starts it again. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

const asRoot = process.getuid?.() === 0;
/** PostgreSQL does not run as root. */
const command = (program: string, args: readonly string[]): [string, string[]] =>
  asRoot
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]]
    : [program, [...args]];

const idOfPostgres = (flag: '-u' | '-g') => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** A real server on a free port, with its data in a temporary folder. */
export async function startPostgres(): Promise<TestPostgres> {
  const found = findPostgres();
  if (!found) throw new Error('These tests need PostgreSQL 15 or newer: install it (apt-get install postgresql).');
  const folder = mkdtempSync(join(tmpdir(), 'clinic-postgres-'));
  const password = 'password-of-a-test';
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  if (asRoot) for (const path of [folder, passwordFile]) chownSync(path, idOfPostgres('-u'), idOfPostgres('-g'));
  const data = join(folder, 'data');
  const [program, args] = command(join(found.bin, 'initdb'), [
    '-D',
    data,
    '-U',
    'clinic',
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ]);
  const initialised = spawnSync(program, args, { encoding: 'utf8', cwd: folder });
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`);
  const port = await freePort();
  const urlOf = (name: string) => `postgres://clinic@127.0.0.1:${port}/${name}`;

  const administration = { host: '127.0.0.1', port, user: 'clinic', database: 'postgres', password };
  let server: ChildProcess;
  const start = async () => {
    const settings = [`port=${port}`, `unix_socket_directories=${folder}`, 'fsync=off', 'shared_buffers=16MB'];
    const options = settings.flatMap((setting) => ['-c', setting]);
    server = spawn(...command(join(found.bin, 'postgres'), ['-D', data, ...options]), { stdio: 'ignore', cwd: folder });
    for (let attempt = 0; ; attempt++) {
      const client = new pg.Client(administration);
      client.on('error', () => {});
      try {
        await client.connect();
        return;
      } catch (error) {
        if (attempt > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      } finally {
        await client.end();
      }
    }
  };
  const stop = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  const close = async () => {
    await stop('SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    password,
    urlOf,
    async create(name) {
      const client = new pg.Client(administration);
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return openDatabase({ url: urlOf(name), password });
    },
    kill: () => stop('SIGQUIT'),
    restart: start,
    close,
  };
}
