import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recipeFolder } from './engines.mjs';

const HOUR_AGO = new Date(Date.now() - 3_700_000);

let folder: string;
let env: NodeJS.ProcessEnv;
let cache: string;
let clone: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clean-'));
  for (const name of ['home', 'tmp', 'clone', 'system/var/cache']) mkdirSync(join(folder, name), { recursive: true });
  env = { HOME: join(folder, 'home'), TMPDIR: join(folder, 'tmp'), PATH: process.env.PATH };
  cache = join(folder, 'home/.cache/clinic-observability');
  clone = join(folder, 'clone');
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function put(path: string, bytes = 1_000_000): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.alloc(bytes, 1));
  return path;
}

/** Runs clean() in a process of its own, away from the machine's real folders. */
function clean(...args: string[]): Promise<{ code: number; text: string }> {
  const call = `import { clean } from '${join(import.meta.dirname, 'clean.mjs')}';
    process.exitCode = await clean(${JSON.stringify(args)}, '${clone}', { system: '${join(folder, 'system')}', large: 5e6 });`;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--input-type=module', '-e', call],
      { env, cwd: folder },
      (_, out, error) => resolve({ code: child.exitCode ?? -1, text: out + error }),
    );
  });
}

async function start(program: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  await once(child, 'spawn');
  return child;
}

/** What this product leaves: servers, Go's caches (made read-only by Go), Docker, PostgreSQL. */
function fill() {
  put(join(recipeFolder('tempo', { env }), 'tempo'), 3_000_000);
  put(join(cache, 'engines/prometheus-000000000000/prometheus'), 2_000_000);
  put(join(cache, 'docker/stand-ins/image.tar'));
  const module = put(join(cache, 'go/modules/example.org@v1/module.go'));
  chmodSync(dirname(module), 0o555);
  put(join(folder, 'system/var/cache/clinic-observability/postgres-18/bin/postgres'));
}

test('everything outside the clone goes, and is named with its size; clinic data and what is the user’s stay', async () => {
  fill();
  put(join(clone, '.state/postgres-data/row'));
  put(join(clone, 'node_modules/package/index.js'));
  put(join(env.HOME!, '.bashrc'), 10);
  const { code, text } = await clean();
  expect(code).toBe(0);
  expect(existsSync(cache)).toBe(false);
  const root = process.getuid?.() === 0;
  expect(readdirSync(join(folder, 'system/var/cache'))).toEqual(root ? [] : ['clinic-observability']);
  expect(text).toMatch(/3\.0 MB .*engines\/tempo-\w{12} {2}\(servers of this version\)/);
  expect(text).toMatch(/2\.0 MB .*prometheus-0{12} {2}\(servers of other versions\)/);
  expect(text).toMatch(/1\.0 MB .*\/go {2}\(what Go keeps/);
  expect(text).toMatch(root ? /^8\.\d MB in all removed\.$/m : /^7\.\d MB in all removed\.$/m);
  expect(text).toContain('npm start -- --fresh');
  for (const path of ['.state/postgres-data/row', 'node_modules/package/index.js'])
    expect(existsSync(join(clone, path))).toBe(true);
  expect(existsSync(join(env.HOME!, '.bashrc'))).toBe(true);
  expect((await clean()).text).toContain('There is nothing of this product outside the clone.');
});

test('--dry-run names the same and removes nothing', async () => {
  fill();
  const { code, text } = await clean('--dry-run');
  expect([code, text]).toEqual([0, expect.stringMatching(/[78]\.\d MB in all would be removed\. Nothing was\.\n$/)]);
  expect(readdirSync(cache).toSorted()).toEqual(['docker', 'engines', 'go']);
});

test('--all also removes what was installed and built in the clone, never its data', async () => {
  for (const path of ['node_modules/a/b.js', 'preview/node_modules/c.js', 'services/clinic-web/dist/d.js', '.state/e'])
    put(join(clone, path));
  put(join(clone, 'services/clinic-web/src/main.tsx'));
  expect((await clean('--all')).text).toMatch(/^3\.0 MB in all removed/m);
  const left = (readdirSync(clone, { recursive: true }) as string[]).filter((path) => /\.\w+$|\/e$/.test(path));
  expect(left.toSorted()).toEqual(['.state', '.state/e', 'services/clinic-web/src/main.tsx']);
});

test('temporary folders go when they are ours, old, and nobody works in them', async () => {
  const temporary = (name: string) => join(env.TMPDIR!, name);
  for (const name of [
    'clinic-stack-aB3xYz',
    'clinic-run-used00',
    'clinic-time-to-page-a1b2c3',
    'clinic-notes',
    'other',
  ])
    put(join(temporary(name), 'file'));
  mkdirSync(temporary('clinic-run-young0'));
  symlinkSync(clone, temporary('clinic-run-link00'));
  for (const name of readdirSync(env.TMPDIR!).filter((one) => !one.includes('young')))
    utimesSync(temporary(name), HOUR_AGO, HOUR_AGO);
  const tail = await start('tail', '-f', join(temporary('clinic-run-used00'), 'file'));
  expect((await clean()).text).toMatch(/^2\.0 MB in all removed/m);
  expect(readdirSync(env.TMPDIR!).toSorted()).toEqual(
    ['clinic-notes', 'clinic-run-link00', 'clinic-run-used00', 'clinic-run-young0', 'other'].toSorted(),
  );
  expect(tail.exitCode).toBe(null);
});

test('it refuses while a stack of this clone runs, and not when one was killed', async () => {
  fill();
  mkdirSync(join(clone, '.state'));
  const record = (pid: number) =>
    writeFileSync(join(clone, '.state/run.json'), JSON.stringify({ supervisor: { pid, start: 'x' }, services: [] }));
  const stack = await start('sleep', '60');
  record(stack.pid!);
  const { code, text } = await clean();
  expect([code, text]).toEqual([1, expect.stringContaining(`(process ${stack.pid}). Stop it first: npm stop`)]);
  expect(existsSync(join(cache, 'engines'))).toBe(true);
  stack.kill('SIGKILL');
  await once(stack, 'exit');
  expect((await clean()).code).toBe(0);
});

test('it refuses while a server runs from the cache, whoever started it', async () => {
  fill();
  const server = join(cache, 'engines/prometheus-000000000000/sleep');
  copyFileSync('/bin/sleep', server);
  chmodSync(server, 0o755);
  const { pid } = await start(server, '60');
  const { code, text } = await clean();
  expect([code, text]).toEqual([1, expect.stringContaining(`Process ${pid} runs sleep from ${cache}`)]);
  expect(existsSync(server)).toBe(true);
});

test('it refuses while another process gets servers', async () => {
  fill();
  const hold = `import { acquireLock } from '${join(import.meta.dirname, 'file-lock.mjs')}';
    await acquireLock('${join(cache, 'engines/build.lock')}'); console.log('held'); setInterval(() => {}, 1000);`;
  const builder = await start(process.execPath, '--input-type=module', '-e', hold);
  await once(builder.stdout!, 'data');
  const { code, text } = await clean();
  expect([code, text]).toEqual([1, expect.stringContaining(`Process ${builder.pid} is getting servers.`)]);
  expect(existsSync(join(cache, 'engines'))).toBe(true);
});

test('a cache of the user’s that is large is named, with what frees it, and stays', async () => {
  const mine = join(env.HOME!, 'go/pkg/mod/cache/module.zip');
  put(mine, 5_100_000);
  const { code, text } = await clean();
  expect([code, text]).toEqual([
    0,
    expect.stringMatching(/go\/pkg\/mod is yours and stays: 5\.\d MB.*go clean -modcache/),
  ]);
  expect(existsSync(mine)).toBe(true);
});

test('a wrong flag: usage, exit code 2', async () => {
  fill();
  expect(await clean('--nonsense')).toEqual({ code: 2, text: expect.stringContaining('usage: npm run clean') });
  expect((await clean('--help')).code).toBe(0);
  expect(existsSync(join(cache, 'engines'))).toBe(true);
});
