import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asking } from './testing/client.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

const EMAIL = 'first@practice.example';
const PASSWORD = 'canary of a password';
let clinic: TestClinic;
let prepared: Prepared;
beforeAll(async () => {
  clinic = await testClinic();
  prepared = await clinic.prepare('empty', { clients: 0 });
}, 60_000);
afterAll(() => clinic?.close());

async function createAdmin(args: readonly string[], input = '') {
  const { DATABASE_URL, DATABASE_PASSWORD_FILE } = prepared.environment;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'create-admin.ts'), ...args], {
    env: { PATH: process.env.PATH, DATABASE_URL, DATABASE_PASSWORD_FILE },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.stdin.on('error', () => {}).end(input);
  const [code] = await once(child, 'close');
  return { code, output };
}
const users = () => prepared.owner.query('SELECT email, name, role, synthetic FROM users');

test.each([
  [[], `${PASSWORD}\n`, 'email, name'],
  [['--email', 'canary', '--name', 'X'], `${PASSWORD}\n`, 'email'],
  [['--email', EMAIL, '--name', 'X'], 'canary\n', 'password'],
  [['--email', EMAIL, '--name', 'X'], '', 'password'],
  [['--email', EMAIL, '--name', 'X', '--password', 'canary'], '', 'Usage'],
  [['--email', EMAIL, '--name', 'X', '--password-file', '/nowhere/canary'], '', '--password-file'],
] as const)('what cannot be used is named and not told: %j', async (args, input, named) => {
  const { code, output } = await createAdmin(args, input);
  expect(code).toBe(1);
  expect(output).toContain(named);
  expect(output).not.toContain('canary');
  expect(await users()).toEqual([]);
});

test('makes the first administrator, only that one, also when asked twice at the same moment', async () => {
  const file = join(clinic.folder, 'first');
  writeFileSync(file, `${PASSWORD}\n`);
  // Both have looked for an administrator, or wait to, when users can be written again.
  const answers = await prepared.owner.pooled(async (query) => {
    await query('LOCK TABLE users IN SHARE MODE');
    const both = [
      createAdmin(['--email', EMAIL, '--name', 'First'], `${PASSWORD}\n`),
      createAdmin(['--email', 'second@practice.example', '--name', 'First', '--password-file', file]),
    ];
    const waiting = async () =>
      prepared.owner.query("SELECT FROM pg_stat_activity WHERE usename = 'clinic_app' AND wait_event_type = 'Lock'");
    await expect.poll(async () => (await waiting()).length, { timeout: 10_000 }).toBe(2);
    return both;
  });
  const ended = await Promise.all(answers);
  expect(ended.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(ended.find(({ code }) => code === 1)?.output).toContain('This clinic has an administrator');
  for (const { output } of ended) expect(output).not.toMatch(/canary|practice\.example/);
  const [admin, ...others] = await users();
  expect([admin, others]).toEqual([expect.objectContaining({ name: 'First', role: 'admin', synthetic: false }), []]);
  const events = await prepared.owner.query('SELECT action, outcome, actor_id FROM audit_log');
  expect(events).toEqual([{ action: 'user_created', outcome: 'allowed', actor_id: null }]);
  const running = await clinic.start(prepared.environment);
  const { body } = await asking(running.url)('POST', '/auth', {
    body: { email: admin!.email, password: PASSWORD },
  });
  expect(body.scope).toBe('enrolment');
  await running.stop();
}, 30_000);
