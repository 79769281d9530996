import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MODULE = join(import.meta.dirname, 'uncaught.ts');

/** Runs a program that ends by what it does not catch. */
function run(fault: string) {
  const program = `import { endWhenUncaught } from '${MODULE}';
endWhenUncaught((uncaught) => console.log(JSON.stringify(uncaught)));
${fault}`;
  return spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', program], { encoding: 'utf8' });
}

test.each([
  ['an error', `setTimeout(() => { throw new TypeError('canary') });`, 'uncaughtException', 'TypeError'],
  [
    'a rejected promise',
    `Promise.reject(Object.assign(new Error('canary', { cause: new Error('canary') }), { code: '23505', detail: 'canary' }));`,
    'unhandledRejection',
    '23505',
  ],
  ['a text', `setTimeout(() => { throw 'canary' });`, 'uncaughtException', 'Error'],
  [
    'an error whose message looks like a frame',
    `throw new Error('x\\n    at f (/app/src/canary.ts:1:1)');`,
    '',
    'Error',
  ],
  [
    'an error of another class',
    `class CanaryError extends Error { name = 'canary' }; throw new CanaryError('canary');`,
    '',
    'Error',
  ],
])('%s ends the process, and nothing of its text is told', (_what, fault, origin, error) => {
  const { status, stdout, stderr } = run(fault);
  expect(status).toBe(1);
  expect(stderr).toBe('');
  expect(stdout).not.toContain('canary');
  expect(JSON.parse(stdout)).toMatchObject({ ...(origin && { origin }), error });
});

test('the place is told when it lies in a source folder', () => {
  const { stdout } = run(
    `import { RouteTable } from '${join(import.meta.dirname, 'routes.ts')}'; new RouteTable(null);`,
  );
  expect(JSON.parse(stdout).place).toMatch(/^src\/node\/routes\.ts:\d+:\d+$/);
});
