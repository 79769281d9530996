import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** A Node that cannot turn itself into another program, as before 22.15. */
const WITHOUT_EXECVE = ['--import', 'data:text/javascript,delete process.execve'];

let root: string;

/** A checkout whose packages are installed, with a program of its own behind `npm run status`. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  mkdirSync(join(root, 'stack'));
  for (const file of readdirSync(import.meta.dirname)) {
    if (file.endsWith('.mjs')) cpSync(join(import.meta.dirname, file), join(root, 'stack', file));
  }
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true });
  writeFileSync(join(root, 'node_modules/.clinic-lock'), createHash('sha256').update('{}').digest('hex'));
  symlinkSync(process.execPath, join(root, 'node_modules/node/bin/node'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const bootstrap = (nodeOptions: string[], ...arguments_: string[]) =>
  spawnSync(process.execPath, [...nodeOptions, join(root, 'stack/bootstrap.mjs'), ...arguments_], {
    encoding: 'utf8',
    cwd: tmpdir(),
    // No npm, Go or PostgreSQL is found, so that none is run by mistake.
    env: { HOME: root, PATH: '' },
  });

test('a Node that is too old is told so', () => {
  const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.8"})';
  const { status, stderr } = bootstrap(['--import', old], 'start');
  expect([status, stderr]).toEqual([1, expect.stringContaining('This needs Node 20 or newer')]);
});

test('an unknown command: which was meant, and all there are', () => {
  const { status, stderr } = bootstrap([], 'strat');
  expect([status, stderr]).toEqual([2, expect.stringContaining('There is no command strat: did you mean start?')]);
  expect(stderr).toContain('npm run ops:restore-drill ');
});

test.each([
  ['turning into it', []],
  ['waiting for it', WITHOUT_EXECVE],
])('%s, the program gets the arguments, runs in the checkout, and gives its exit code', (_, nodeOptions) => {
  writeFileSync(
    join(root, 'stack/status.ts'),
    'console.log(JSON.stringify([process.cwd(), ...process.argv.slice(2)])); process.exit(7);',
  );
  const { status, stdout, stderr } = bootstrap(nodeOptions, 'status', '--state', 'a b');
  expect({ status, printed: JSON.parse(stdout), stderr }).toEqual({
    status: 7,
    printed: [root, '--state', 'a b'],
    stderr: '',
  });
});

test.each([
  ['turning into it', []],
  ['waiting for it', WITHOUT_EXECVE],
])(
  '%s, a signal reaches the program once, and its end is waited for',
  async (_, nodeOptions) => {
    writeFileSync(
      join(root, 'stack/status.ts'),
      `let seen = 0;
     for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { console.log(signal); if (++seen === 2) setTimeout(() => process.exit(5), 200); });
     setTimeout(() => process.exit(9), 10_000); console.log('up');`,
    );
    const child = spawn(process.execPath, [...nodeOptions, join(root, 'stack/bootstrap.mjs'), 'status'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await expect.poll(() => printed, { timeout: 10_000 }).toBe('up\n');
    child.kill('SIGINT');
    await expect.poll(() => printed, { timeout: 10_000 }).toBe('up\nSIGINT\n');
    child.kill('SIGTERM');
    const status = await new Promise((resolve) => child.on('exit', resolve));
    expect([status, printed]).toEqual([5, 'up\nSIGINT\nSIGTERM\n']);
  },
  30_000,
);

test('packages that cannot be installed: says so and starts nothing', () => {
  writeFileSync(join(root, 'package-lock.json'), '{ "lockfileVersion": 3 }');
  writeFileSync(join(root, 'stack/status.ts'), 'console.log("started")');
  const { status, stdout, stderr } = bootstrap([], 'status');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^The packages could not be installed: npm ci .* could not be started/);
});
