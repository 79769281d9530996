import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { takenPorts } from './port-check.mjs';
import { type Cli, type TinyStack, tinyService, tinyStack, until } from './tiny-stack.ts';

const env = (values: string) => `environment: { DIARY: /diary/diary.txt, ${values} }`;
const two = [
  tinyService('api', 1001, env('CHILD: 1'), 'depends_on: { db: { condition: service_healthy } }'),
  tinyService('db', 1002, env('')),
];

const tidy: (() => unknown)[] = [];
afterEach(async () => {
  for (const action of tidy.splice(0).reverse()) await action();
});

async function tiny(services: string[]): Promise<TinyStack> {
  const stack = await tinyStack(services);
  tidy.push(stack.remove);
  return stack;
}

function started(stack: TinyStack, ...args: string[]): Cli {
  const cli = stack.start(...args);
  tidy.push(async () => {
    cli.signal('SIGTERM');
    await cli.ended;
  });
  return cli;
}

async function ready(services: string[]) {
  const stack = await tiny(services);
  const cli = started(stack);
  await cli.says('ready in');
  return { stack, cli };
}

const openPorts = (stack: TinyStack) =>
  takenPorts([1_001, 1_002].map((port) => ({ port: port + stack.portOffset, service: '' })));

async function leavesNothing(stack: TinyStack) {
  await until(() => stack.processes().length === 0);
  expect(await openPorts(stack)).toEqual([]);
}

const run = (stack: TinyStack) =>
  JSON.parse(readFileSync(join(stack.state, 'run.json'), 'utf8')) as {
    reaper: { pid: number };
    services: { name: string }[];
  };

describe('npm start', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'on %s stops everything and leaves no process and no port',
    async (signal) => {
      const { stack, cli } = await ready(two);
      expect(stack.processes().length).toBeGreaterThanOrEqual(3);
      cli.signal(signal);
      expect(await cli.ended).toBe(0);
      expect(stack.processes()).toEqual([]);
      expect(await openPorts(stack)).toEqual([]);
      expect(stack.diary().slice(-2)).toEqual(['api ends', 'db ends']);
      expect(existsSync(join(stack.state, 'run.json'))).toBe(false);
    },
  );

  it('killed by SIGKILL leaves nothing, not even what its services started in groups of their own', async () => {
    const { stack, cli } = await ready(two);
    expect(stack.processes().some((command) => command.includes('setInterval'))).toBe(true);
    cli.signal('SIGKILL');
    await leavesNothing(stack);
    const again = started(stack);
    await again.says('ready in');
  });

  it('killed by SIGKILL after its reaper was leaves nothing either', async () => {
    const { stack, cli } = await ready(two);
    const { pid } = run(stack).reaper;
    process.kill(pid, 'SIGKILL');
    await cli.says('started it again');
    cli.signal('SIGKILL');
    await leavesNothing(stack);
  });

  it('killed together with its reaper is tidied up after by the next start', async () => {
    const { stack, cli } = await ready(two);
    process.kill(run(stack).reaper.pid, 'SIGSTOP');
    cli.signal('SIGKILL');
    process.kill(run(stack).reaper.pid, 'SIGKILL');
    await cli.ended;
    expect(stack.processes().length).toBeGreaterThanOrEqual(3);
    expect((await stack.command('status')).output).toContain('Left of a killed run: api, db');
    const again = started(stack);
    await again.says('ready in');
    expect(again.output()).toContain('was killed; stopping what it left: api, db');
    again.signal('SIGINT');
    expect(await again.ended).toBe(0);
    await leavesNothing(stack);
  });

  it('is refused a second time, and the first goes on; status and stop know it', async () => {
    const { stack, cli } = await ready(two);
    const second = stack.start();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`already running in ${stack.state}: process ${cli.pid}, since 20`);
    const status = await stack.command('status');
    expect(status).toMatchObject({ code: 0, output: expect.stringMatching(/api +healthy +\d+ .* MB +ok/) });
    expect(status.output).toContain('Total RSS');
    expect(await stack.command('stop')).toMatchObject({ code: 0, output: 'Stopped.\n' });
    expect(await cli.ended).toBe(0);
    expect(await stack.command('status')).toMatchObject({ code: 3 });
    expect(await stack.command('stop')).toMatchObject({ code: 0 });
  });

  it('takes over a lock whose process id is in use by someone else', async () => {
    const stack = await tiny(two);
    mkdirSync(stack.state);
    writeFileSync(join(stack.state, '.made-by-npm-start'), '');
    const supervisor = { pid: process.pid, start: 'another' };
    writeFileSync(
      join(stack.state, 'run.json'),
      JSON.stringify({ supervisor, since: '', portOffset: 0, services: [] }),
    );
    await started(stack).says('ready in');
  });

  it('lets exactly one of two simultaneous starts run', async () => {
    const stack = await tiny(two);
    const both = [started(stack), started(stack)];
    const loser = await Promise.race(
      both.map(async (cli) => ((await cli.ended) === 1 ? cli : Promise.reject(cli.output()))),
    );
    expect(loser.output()).toContain('already running');
    await both.find((cli) => cli !== loser)!.says('ready in');
  });

  it('names a taken port, who needs it, who holds it, and what to do', async () => {
    const stack = await tiny(two);
    const holder = createServer().listen(1_002 + stack.portOffset, '127.0.0.1');
    tidy.push(() => holder.close());
    const cli = stack.start();
    expect(await cli.ended).toBe(1);
    expect(cli.output()).toContain(
      `port ${1_002 + stack.portOffset}, which db needs, is taken by process ${process.pid} (`,
    );
    expect(cli.output()).toContain('--port-offset');
    expect(existsSync(join(stack.state, 'run.json'))).toBe(false);
    expect(stack.processes()).toEqual([]);
  });

  it('with --fresh forgets what was stored; without, it keeps it', async () => {
    const { stack, cli } = await ready(two);
    cli.signal('SIGINT');
    await cli.ended;
    const count = () => stack.diary().filter((entry) => entry === 'db begins').length;
    const kept = started(stack);
    await kept.says('ready in');
    expect(count()).toBe(2);
    kept.signal('SIGINT');
    await kept.ended;
    await started(stack, '--fresh').says('ready in');
    expect(count()).toBe(1);
  });

  it('does not use, nor clear, a folder that holds something else', async () => {
    const stack = await tiny(two);
    mkdirSync(stack.state);
    writeFileSync(join(stack.state, 'thesis.txt'), 'mine');
    const cli = stack.start('--fresh');
    expect(await cli.ended).toBe(1);
    expect(cli.output()).toContain('is not empty and was not made by npm start');
    expect(existsSync(join(stack.state, 'thesis.txt'))).toBe(true);
  });

  it('names an unknown argument and shows the usage', async () => {
    const stack = await tiny(two);
    const cli = stack.start('--frseh');
    expect(await cli.ended).toBe(2);
    expect(cli.output()).toContain('There is no option --frseh: did you mean --fresh?');
    expect(cli.output()).toContain('usage: npm start');
    expect(await stack.start('--port-offset', 'x').ended).toBe(2);
  });

  it('shows the last lines of a service that fails, and ends with 1', async () => {
    const stack = await tiny([tinyService('api', 1001, env('FAILS_WITH: 3'))]);
    const cli = stack.start();
    expect(await cli.ended).toBe(1);
    expect(cli.output()).toContain('the flux is missing');
    await leavesNothing(stack);
  });

  it('kills at once when it is asked twice', async () => {
    const { stack, cli } = await ready([tinyService('api', 1001, env('STUBBORN: 1'))]);
    cli.signal('SIGINT');
    await cli.says('Once more');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(stack.processes()).toHaveLength(1);
    cli.signal('SIGINT');
    const began = performance.now();
    expect(await cli.ended).toBe(1);
    await leavesNothing(stack);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('npm start where it cannot write', () => {
  it('says so and what to do', async () => {
    const asNobody =
      process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : [];
    const stack = await tinyStack(two, { prefix: asNobody });
    tidy.push(stack.remove);
    chmodSync(stack.root, 0o555);
    tidy.push(() => chmodSync(stack.root, 0o755));
    const cli = stack.start();
    expect(await cli.ended).toBe(1);
    expect(cli.output()).toContain(`Cannot write the state folder ${stack.state}: this user may not write there`);
  });
});
