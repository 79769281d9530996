// @needs postgres
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { listProcesses } from './process-table.ts';
import { type TinyStack, tinyStack, until } from './tiny-stack.ts';

const services = [
  `
  secrets:
    command: [node, ${join(import.meta.dirname, 'secrets.ts')}, /run/secrets]
    volumes: ["secrets:/run/secrets"]
    x-native: { program: node }`,
  `
  postgres:
    command: [postgres, -p, "1001", -c, shared_buffers=8MB, -c, max_connections=10]
    environment:
      POSTGRES_USER: clinic
      POSTGRES_DB: charts
      POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password
      POSTGRES_INITDB_ARGS: --data-checksums --encoding=UTF8 --locale=C.UTF-8
    volumes: ["postgres-data:/var/lib/postgresql", "secrets:/run/secrets:ro"]
    ports: ["127.0.0.1:1001:1001"]
    depends_on: { secrets: { condition: service_completed_successfully } }
    healthcheck: { test: [CMD, pg_isready, -U, clinic, -d, charts, -p, "1001"], interval: 1s, retries: 60 }
    restart: unless-stopped
    x-native: { program: postgres }`,
];
const isRoot = process.getuid?.() === 0;
const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

const tidy: (() => unknown)[] = [];
afterEach(async () => {
  for (const action of tidy.splice(0).reverse()) await action();
});

async function begin(prefix: string[], closed: boolean): Promise<TinyStack> {
  const stack = await tinyStack(services, { prefix });
  tidy.push(stack.remove);
  if (prefix.length > 0) chownSync(stack.root, 65_534, 65_534);
  // As below /root: no other user may pass.
  else if (!closed) chmodSync(stack.root, 0o755);
  return stack;
}

async function ready(stack: TinyStack) {
  const cli = stack.start();
  tidy.push(async () => {
    cli.signal('SIGTERM');
    await cli.ended;
  });
  await cli.says('ready in');
  return cli;
}

async function query(
  stack: TinyStack,
  sql: string,
  password = readFileSync(join(stack.state, 'secrets/postgres_password'), 'utf8'),
) {
  const client = new Client({
    host: '127.0.0.1',
    port: 1_001 + stack.portOffset,
    user: 'clinic',
    database: 'charts',
    password,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const cluster = (stack: TinyStack) =>
  /cluster_name=(\S+)/.exec(
    listProcesses().find(({ command }) => command.includes(`${stack.state}/postgres-data`))?.command ?? '',
  )![1]!;
const inCluster = (name: string) => listProcesses().filter(({ command }) => command.includes(name));

const modes: [title: string, prefix: string[], closed: boolean][] = isRoot
  ? [
      ['root', [], false],
      ['root, below a folder closed to others', [], true],
      ['a user who is not root', asNobody, false],
    ]
  : [['a user who is not root', [], false]];

describe.each(modes)('PostgreSQL started by %s', (_, prefix, closed) => {
  it('is made with a database and a password, survives kills, and leaves no process', async () => {
    const stack = await begin(prefix, closed);
    const cli = await ready(stack);
    await query(stack, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await expect(query(stack, 'SELECT 1', 'wrong')).rejects.toThrow('password authentication failed');
    expect(statSync(join(stack.state, 'postgres-data')).mode & 0o777).toBe(0o700);
    const name = cluster(stack);
    expect(inCluster(name).length).toBeGreaterThan(3);

    // The server killed: its children go before the next one starts, whatever they are doing.
    const busy = query(stack, 'SELECT pg_sleep(60)').catch(() => 'cut');
    await sleep(200);
    const server = inCluster(name).find(({ command }) => command.includes('-D'))!;
    const stuck = inCluster(name).find(({ command }) => command.includes('checkpointer'))!;
    process.kill(stuck.pid, 'SIGSTOP');
    process.kill(server.pid, 'SIGKILL');
    await cli.says('was killed by SIGKILL');
    expect(await busy).toBe('cut');
    await until(() => cli.output().split('postgres             healthy').length === 3);
    expect(await query(stack, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);

    // The run killed: no process of the server stays.
    cli.signal('SIGKILL');
    await until(() => inCluster(name).length === 0);

    const again = await ready(stack);
    expect(await query(stack, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    again.signal('SIGINT');
    expect(await again.ended).toBe(0);
    expect(inCluster(name)).toEqual([]);

    writeFileSync(join(stack.state, 'postgres-data/data/PG_VERSION'), '9\n');
    const other = stack.start();
    expect(await other.ended).toBe(1);
    expect(other.output()).toMatch(
      /was made by PostgreSQL 9, but this machine runs PostgreSQL \d+ .*npm start -- --fresh/,
    );
  }, 30_000);
});
