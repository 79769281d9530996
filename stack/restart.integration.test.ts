import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readRun } from './run-record.ts';
import { type TinyStack, tinyService, tinyStack, until } from './tiny-stack.ts';

const env = (values: string) => `environment: { DIARY: /diary/diary.txt, ${values} }`;
const two = [
  tinyService('api', 1001, env('GREETING: hello'), 'restart: unless-stopped').replace(
    'x-native: { program: node }',
    'x-native: { program: node, title: dashboards }',
  ),
  tinyService('db', 1002, env(''), 'restart: unless-stopped'),
];

const tidy: (() => unknown)[] = [];
afterEach(async () => {
  for (const action of tidy.splice(0).reverse()) await action();
});

async function running(): Promise<TinyStack> {
  const stack = await tinyStack(two);
  tidy.push(stack.remove);
  const cli = stack.start();
  tidy.push(async () => {
    cli.signal('SIGTERM');
    await cli.ended;
  });
  await cli.says('ready in');
  return stack;
}

const pid = (stack: TinyStack, name: string) =>
  readRun(stack.state)!.services.find((one) => one.name === name)!.process?.pid;

describe('npm run restart', () => {
  it('restarts one service in order, by its name or its title, and the others go on', async () => {
    const stack = await running();
    for (const name of ['api', 'dashboards']) {
      const [api, db] = [pid(stack, 'api'), pid(stack, 'db')];
      expect(await stack.command('restart', name)).toMatchObject({
        code: 0,
        output: expect.stringMatching(/^dashboards was restarted in \d+\.\d s\.\n$/),
      });
      expect(pid(stack, 'api')).not.toBe(api);
      expect(pid(stack, 'db')).toBe(db);
    }
    expect(stack.diary().filter((entry) => entry === 'api ends')).toHaveLength(2);
    expect(await stack.command('status')).toMatchObject({ code: 0, output: expect.stringMatching(/^dashboards /m) });
  });
});

describe('npm run logs', () => {
  it('prints the end of what a service wrote, not more than 100 lines', async () => {
    const stack = await running();
    const path = join(stack.state, 'logs', 'api.log');
    appendFileSync(path, Array.from({ length: 30_000 }, (_, index) => `line ${index}\n`).join(''));
    const { code, output } = await stack.command('logs', 'dashboards');
    expect(code).toBe(0);
    const lines = output.trimEnd().split('\n');
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([100, 'line 29900', 'line 29999']);
  });

  it('with -f goes on, also when the file has grown too large and is begun anew, until the stack ends', async () => {
    const stack = await running();
    const path = join(stack.state, 'logs', 'api.log');
    const following = stack.begin('logs', 'api', '-f');
    const port = 1_001 + stack.portOffset;
    await fetch(`http://127.0.0.1:${port}/speak`);
    await following.says('hello\n');
    appendFileSync(path, `${'x'.repeat(999)}\n`.repeat(10_001));
    await until(() => readFileSync(path).length === 0);
    await fetch(`http://127.0.0.1:${port}/speak`);
    await until(() => readFileSync(path, 'utf8') === 'hello\n');
    await stack.command('stop');
    expect(await following.ended).toBe(0);
    const output = following.output();
    expect(output.match(/^x{999}$/gm)).toHaveLength(10_001);
    expect(output.match(/^hello$/gm)).toHaveLength(2);
    expect(output).toContain('The stack has ended.');
  });
});

describe.each(['restart', 'logs'] as const)('npm run %s', (command) => {
  it('names the services when there is none of that name; what it does not take is refused', async () => {
    const stack = await running();
    expect(await stack.command(command, 'grafana')).toMatchObject({
      code: 2,
      output: expect.stringContaining('The services are dashboards, db.'),
    });
    for (const args of [[], ['api', 'db'], ['api', '--nonsense']]) {
      expect(await stack.command(command, ...args)).toMatchObject({
        code: 2,
        output: expect.stringContaining(`usage: npm run ${command} -- NAME`),
      });
    }
  });

  it('says that nothing runs', async () => {
    const stack = await tinyStack(two);
    tidy.push(stack.remove);
    expect(await stack.command(command, 'api')).toMatchObject({
      code: 3,
      output: expect.stringContaining('No stack is running'),
    });
  });
});
