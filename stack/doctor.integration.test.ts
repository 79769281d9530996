import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findProgram, searchPath } from './program.mjs';

const SECRET = 'token4711';

let folder: string;
let env: NodeJS.ProcessEnv;
const servers: (Server | TcpServer)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  for (const name of ['home', 'tmp', 'clone', 'bin']) mkdirSync(join(folder, name));
  for (const name of ['node', 'npm'])
    symlinkSync(
      findProgram(
        [name],
        searchPath(process.env).filter((one) => !one.includes('node_modules')),
      )!,
      bin(name),
    );
  const answers = await listen((_request, response) => response.writeHead(404).end());
  env = {
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'tmp'),
    PATH: join(folder, 'bin'),
    npm_config_registry: `http://someone:${SECRET}@127.0.0.1:${answers}/${SECRET}/?key=${SECRET}`,
    CLINIC_RELEASES_URL: `http://someone:${SECRET}@127.0.0.1:${answers}`,
  };
  program('go', `[ "$1" = env ] && echo 'http://someone:${SECRET}@127.0.0.1:${answers},direct' || echo go1.26.3`);
  clone(await freePort());
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
  rmSync(folder, { recursive: true, force: true });
});

const bin = (name: string) => join(folder, 'bin', name);

function program(name: string, script: string): void {
  writeFileSync(bin(name), `#!/bin/sh\n${script}\n`);
  chmodSync(bin(name), 0o755);
}

async function listen(listener: RequestListener): Promise<number> {
  return listening(createHttpServer(listener));
}

async function listening(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A checkout with one service of its own and one that needs a server from engines/. */
function clone(port: number): void {
  writeFileSync(join(folder, 'clone/package.json'), '{ "engines": { "node": ">=20" } }');
  writeFileSync(
    join(folder, 'clone/docker-compose.yml'),
    `services:
  clinic-api:
    mem_limit: 1m
    ports: ["127.0.0.1:${port}:8080"]
  tempo:
    mem_limit: 1m
    x-native: { program: tempo }
`,
  );
}

async function doctor(...args: string[]): Promise<{ code: number; text: string; line: (what: string) => string }> {
  const call = `import { doctor } from '${join(import.meta.dirname, 'doctor.mjs')}';
    process.exitCode = await doctor(${JSON.stringify(args)}, '${join(folder, 'clone')}', { usualGoFolders: [] });`;
  return new Promise((resolve) => {
    const options = { env, cwd: folder };
    const child = execFile(process.execPath, ['--input-type=module', '-e', call], options, (_, out, error) => {
      const text = out + error;
      const line = (what: string) => text.split('\n').find((one) => one.slice(7).startsWith(`${what} `)) ?? '';
      resolve({ code: child.exitCode ?? -1, text, line });
    });
  });
}

test('a machine that has what is needed: nothing fails, and no credential of an address is shown', async () => {
  const { code, text, line } = await doctor();
  expect(line('node')).toMatch(/^ok .*v\d+\.\d+\.\d+, the oldest to begin with is 20/);
  expect(line('npm')).toMatch(/^ok +npm +\d+\.\d+/);
  expect(line('go')).toMatch(/^ok .*1\.26\.3 \(.*bin\/go\), the oldest that will do is 1\.26/);
  expect(line('docker')).toMatch(/^ok .*npm start does not need it/);
  expect(line('ports')).toMatch(/^ok .*all 1 are free/);
  expect(line('disk')).toMatch(/GB free for clone, cache, temporary files/);
  expect(line('memory')).toMatch(/^ok /);
  for (const what of ['npm registry', 'go proxy', 'releases'])
    expect(line(what)).toMatch(/^ok .* http:\/\/127\.0\.0\.1:\d+ answers$/);
  expect(line('servers')).toMatch(/^warn .*not there yet: tempo$/);
  expect(text).not.toContain(SECRET);
  expect(text).not.toContain('someone');
  expect(text).toMatch(/npm start can work here\.\n$/);
  expect(code).toBe(0);
});

test('a registry that hangs is told within seconds; without packages that fails', async () => {
  const hanging = await listen(() => {});
  env.npm_config_registry = `http://someone:${SECRET}@127.0.0.1:${hanging}/`;
  const started = performance.now();
  const first = await doctor();
  expect(first.line('npm registry')).toMatch(/^fails .*: no answer within 3 s$/);
  expect([first.code, first.text]).toEqual([1, expect.stringMatching(/1 of \d+ keep npm start from working/)]);
  expect(first.text).toContain('Check the network, HTTPS_PROXY and `npm config get registry`.');
  expect(first.text).not.toContain(SECRET);
  expect(performance.now() - started).toBeLessThan(15_000);
  mkdirSync(join(folder, 'clone/node_modules'));
  writeFileSync(join(folder, 'clone/node_modules/.clinic-lock'), '');
  const installed = await doctor();
  expect([installed.code, installed.line('npm registry')]).toEqual([0, expect.stringMatching(/^warn /)]);
});

test('a taken port fails, with who has it and what to do', async () => {
  const port = await listening(createServer());
  clone(port);
  const { code, text, line } = await doctor();
  expect(line('ports')).toMatch(
    new RegExp(`^fails .*port ${port}, which clinic-api needs, is taken by process ${process.pid} `),
  );
  expect([code, text]).toEqual([1, expect.stringContaining('--port-offset 10000')]);
});

test('the ports of the stack that runs from this clone are not in its way', async () => {
  const port = await listening(createServer());
  clone(port);
  mkdirSync(join(folder, 'clone/.state'));
  const record = { supervisor: { pid: process.pid }, services: [{ ports: [port] }] };
  writeFileSync(join(folder, 'clone/.state/run.json'), JSON.stringify(record));
  expect((await doctor()).line('ports')).toMatch(/^ok .*the stack of this clone has them/);
});

test('an old Go will not do; one that fetches a newer one will, unless it must not', async () => {
  const answer = (version: string) => program('go', `[ "$1" = env ] && echo off || echo go version go${version} linux`);
  answer('1.20.14');
  const old = await doctor();
  expect(old.line('go')).toMatch(/^warn .*1\.20\.14 \(.*\), the oldest that will do is 1\.26$/);
  expect([old.code, old.text]).toEqual([0, expect.stringContaining('https://go.dev/doc/install')]);
  answer('1.22.1');
  expect((await doctor()).line('go')).toMatch(/^ok .*1\.22\.1 .*fetches 1\.26 itself/);
  env.GOTOOLCHAIN = 'local';
  expect((await doctor()).line('go')).toMatch(/^warn /);
});

test('neither releases nor Go: the servers that are missing can come from nowhere', async () => {
  rmSync(bin('go'));
  env.CLINIC_RELEASES_URL = `http://127.0.0.1:${await freePort()}`;
  const { code, text, line } = await doctor();
  expect(line('go')).toMatch(/^warn .*not found/);
  expect(line('releases')).toMatch(/^warn .*connection refused$/);
  expect(line('servers')).toMatch(/^fails .*not there yet: tempo$/);
  expect([code, text]).toEqual([1, expect.stringContaining('or use Docker: docker compose up')]);
});

test('a program that hangs does not hang the doctor', async () => {
  program('docker', 'exec /bin/sleep 60');
  expect((await doctor()).line('docker')).toMatch(/^ok .*no daemon answers/);
});

test('a wrong flag: usage, exit code 2', async () => {
  expect(await doctor('--nonsense')).toMatchObject({ code: 2, text: expect.stringContaining('usage: npm run doctor') });
  expect((await doctor('--help')).code).toBe(0);
});
