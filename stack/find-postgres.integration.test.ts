import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPostgres } from './find-postgres.mjs';

const SERVER = ['postgres', 'initdb', 'pg_ctl'];
const TOOLS = ['pg_isready', 'pg_basebackup', 'pg_verifybackup', 'pg_dump', 'pg_restore', 'psql'];

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'postgres-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function install(bin: string, version: string, programs = [...SERVER, ...TOOLS]): string {
  const folder = join(root, bin);
  mkdirSync(folder, { recursive: true });
  for (const program of programs) {
    writeFileSync(join(folder, program), `#!/bin/sh\necho "${program} (PostgreSQL) ${version}"\n`);
    chmodSync(join(folder, program), 0o755);
  }
  return folder;
}

const find = (path = '') => findPostgres({ root, env: { HOME: join(root, 'home'), PATH: path } });

test('nothing installed: nothing found', () => {
  expect(find()).toBeUndefined();
});

test('the newest version of the system', () => {
  install('usr/lib/postgresql/9/bin', '9.6.24');
  install('usr/lib/postgresql/15/bin', '15.20');
  const newest = install('usr/lib/postgresql/18/bin', '18.4 (Debian 18.4-1)');
  expect(find()).toEqual({ bin: newest, major: 18, missing: [] });
});

test('one that is older than 15 will not do', () => {
  install('usr/lib/postgresql/14/bin', '14.18');
  expect(find()).toBeUndefined();
});

test('PATH comes first', () => {
  install('usr/lib/postgresql/18/bin', '18.4');
  const mine = install('mine', '16.2');
  expect(find(mine)?.bin).toBe(mine);
});

test('a link on PATH leads to the tools beside the server', () => {
  const real = install('opt/pg/bin', '17.1');
  mkdirSync(join(root, 'links'));
  for (const program of SERVER) symlinkSync(join(real, program), join(root, 'links', program));
  expect(find(join(root, 'links'))).toEqual({ bin: real, major: 17, missing: [] });
});

test('a complete installation is preferred to a server without tools; what is missing is told', () => {
  const bare = install('bare', '18.4', SERVER);
  expect(find(bare)).toEqual({ bin: bare, major: 18, missing: TOOLS });
  const complete = install('usr/lib/postgresql/15/bin', '15.20');
  expect(find(bare)).toEqual({ bin: complete, major: 15, missing: [] });
});
