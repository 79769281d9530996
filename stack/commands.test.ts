import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SEVERITIES } from '@clinic/catalogue/vocabulary';
import { expect, test } from 'vitest';
import { PROOFS } from '../test/proofs.mjs';
import { TIERS } from '../test/run.mjs';
import { asksForHelp, COMMANDS, type Name, overview, read, usage } from './commands.mjs';
import { RECIPES } from './engines.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const names = Object.keys(COMMANDS) as Name[];

test('each script of package.json is a command, and each command a script', () => {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { scripts: Record<string, string> };
  const expected = names.map((name) => [name, expect.stringMatching(`^(exec )?node stack/bootstrap\\.mjs ${name}$`)]);
  expect(scripts).toEqual(Object.fromEntries(expected));
});

test('what a command runs is there', () => {
  const programs = Object.values(COMMANDS).flatMap((command) => ('program' in command ? [...command.program] : []));
  const files = programs.filter((word) => word.includes('/'));
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !existsSync(resolve(ROOT, file)))).toEqual([]);
});

test('the closed lists are those of what the programs know', () => {
  const engines = Object.values(RECIPES).flatMap(({ programs }) => Object.keys(programs));
  expect(Object.keys(COMMANDS.engines.operands.among).sort()).toEqual(engines.sort());
  expect(Object.keys(COMMANDS['test:proof'].operands.among)).toEqual(PROOFS.map(({ name }) => name));
  expect(COMMANDS.test.options.tier.among).toEqual(TIERS);
  expect(COMMANDS['ops:security-audit'].options['fail-on'].among).toEqual(SEVERITIES);
});

test.each(names)('%s: its usage names it and every option, in lines that fit a terminal', (name) => {
  const text = usage(name);
  expect(text).toMatch(new RegExp(`^usage: npm (run )?${name}( |\\n)`));
  for (const option of Object.keys(COMMANDS[name].options)) expect(text).toContain(`--${option}`);
  expect(text.split('\n').filter((line) => line.length > 150)).toEqual([]);
  expect(overview()).toContain(` ${name} `);
});

test.each<[Name, string[], string]>([
  ['start', ['--frseh'], 'There is no option --frseh: did you mean --fresh?'],
  ['start', ['fresh'], 'It takes no fresh.'],
  ['start', ['--state'], "'--state <value>' argument missing"],
  ['start', ['--port-offset', '1.5'], '--port-offset must be a whole number from 0 to 50000, not 1.5.'],
  ['start', ['--port-offset='], '--port-offset must be a whole number'],
  ['status', ['-f'], 'There is no option -f.'],
  ['test', ['--tier', 'unit', '--tier', 'smoke'], '--tier must be one of unit, integration, e2e, proof, not smoke.'],
  ['test:unit', ['--tier', 'proof'], 'There is no option --tier.'],
  ['logs', [], 'NAME is missing'],
  ['logs', ['a', 'b'], 'One name at a time, not also b.'],
  ['perf:load', ['spkie'], 'There is no scenario spkie'],
  ['perf:load', ['--time-scale', 'NaN'], '--time-scale must be a number from 0.005 to 2, not NaN.'],
  ['perf:gate', ['--quick'], '--base or --prove is missing.'],
  ['ops:restore', [], '--into FOLDER is missing'],
  ['docker', ['--nonsense', 'up'], 'There is no option --nonsense.'],
])('%s %j is refused: %s', (name, args, message) => {
  expect(() => read(name, args)).toThrow(message);
  expect(() => read(name, args)).toThrow(usage(name));
});

test('what is right is read, with its defaults', () => {
  expect(read('perf:gate', ['--base', 'main', '--quick']).values).toMatchObject({
    base: 'main',
    quick: true,
    seed: '1',
  });
  expect(read('logs', ['pager', '-f'])).toMatchObject({ values: { follow: true }, positionals: ['pager'] });
  expect(read('test', ['-t', 'six', 'journey']).values).toMatchObject({ 'test-name-pattern': 'six' });
});

test('of docker compose only what stands before its command is looked at', () => {
  expect(() => read('docker', ['--profile', 'traffic', 'up', '--wait'])).not.toThrow();
  expect(asksForHelp('docker', ['--help'])).toBe(true);
  expect(asksForHelp('docker', ['logs', '--help'])).toBe(false);
});

test('the usage is asked for by --help and -h, not by what follows --', () => {
  expect([['--help'], ['x', '-h'], ['--nonsense', '--help']].map((args) => asksForHelp('perf:load', args))).toEqual([
    true,
    true,
    true,
  ]);
  expect(asksForHelp('perf:load', ['--', '--help'])).toBe(false);
});
