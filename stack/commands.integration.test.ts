/** What every script of package.json says of itself, on a machine that has nothing but Node. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const ROOT = resolve(import.meta.dirname, '..');
const AT_A_TIME = 2;

interface Answer {
  readonly script: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let checkout: string;
let home: string;
let programs: string;

/** A checkout without packages, an empty home folder, and a PATH with Node alone. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'commands-'));
  [checkout, home, programs] = ['checkout', 'home', 'bin'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [checkout, home, programs]) mkdirSync(path);
  for (const name of readdirSync(ROOT)) {
    if (['node_modules', '.git', '.state', '.load'].includes(name)) continue;
    cpSync(join(ROOT, name), join(checkout, name), {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist)$/.test(path),
    });
  }
  symlinkSync(process.execPath, join(programs, 'node'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As npm runs a script: by a shell, with the arguments behind it. */
function answer(script: string, command: string, ...args: string[]): Promise<Answer> {
  const env = { HOME: home, PATH: programs, TMPDIR: home };
  return new Promise((done) => {
    execFile(
      '/bin/sh',
      ['-c', `${command} "$@"`, 'sh', ...args],
      { cwd: checkout, env, timeout: 30_000 },
      (error, stdout, stderr) => done({ script, code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

async function answers(...args: string[]): Promise<Answer[]> {
  const waiting = Object.entries(manifest.scripts);
  const given: Answer[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) given.push(await answer(...next, ...args));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return given;
}

const usageOf = (script: string) => expect.stringMatching(new RegExp(`^usage: npm (run )?${script}( |$)`, 'm'));
const files = (path: string) => readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();

test('--help prints the usage, and nothing is made', async () => {
  const before = files(checkout);
  const given = await answers('--help');
  expect(given).toHaveLength(Object.keys(manifest.scripts).length);
  for (const { script, ...rest } of given)
    expect({ script, ...rest }).toEqual({ script, code: 0, stdout: usageOf(script), stderr: '' });
  expect([files(checkout), files(home)]).toEqual([before, []]);
});

test('a wrong flag is named, with the usage on the standard error, and nothing is made', async () => {
  const before = files(checkout);
  for (const { script, ...rest } of await answers('--nonsense')) {
    expect({ script, ...rest }).toEqual({ script, code: 2, stdout: '', stderr: usageOf(script) });
    expect(rest.stderr).toMatch(/^There is no option --nonsense\.\n/);
    expect(rest.stderr).not.toMatch(/^\s+at .*(file:|node:)/m);
  }
  expect([files(checkout), files(home)]).toEqual([before, []]);
});

test('a word that is none of a closed list is named, before anything is built', async () => {
  for (const [script, word] of [
    ['perf:load', 'nope'],
    ['test:proof', 'nope'],
    ['engines', 'nope'],
    ['stop', 'now'],
  ] as const) {
    const { code, stdout, stderr } = await answer(script, manifest.scripts[script], word);
    expect({ script, code, stdout, stderr }).toEqual({ script, code: 2, stdout: '', stderr: usageOf(script) });
    expect(stderr).toContain(word);
  }
});

test('npm run help lists every script', async () => {
  const { code, stdout } = await answer('help', manifest.scripts.help);
  expect(code).toBe(0);
  for (const script of Object.keys(manifest.scripts)) expect(stdout).toMatch(new RegExp(`npm (run )?${script} `));
});
