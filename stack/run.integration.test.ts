import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { StackEvent } from './event.ts';
import { type Stack, type StackOptions, startStack } from './run.ts';
import { type TinyStack, tinyService, tinyStack, until } from './tiny-stack.ts';

const env = (values: string) => `environment: { DIARY: /diary/diary.txt, ${values} }`;
const needs = (name: string) => `depends_on: { ${name}: { condition: service_healthy } }`;
const restart = 'restart: unless-stopped';

const tidy: (() => unknown)[] = [];
afterEach(async () => {
  for (const action of tidy.splice(0).reverse()) await action();
});

async function start(services: string[], options: Partial<StackOptions> = {}) {
  const tiny = await tinyStack(services);
  tidy.push(tiny.remove);
  const events: StackEvent[] = [];
  const lines: string[] = [];
  const stack = await startStack({
    ...tiny,
    onEvent: (event) => events.push(event),
    log: (line) => lines.push(line),
    ...options,
  });
  tidy.push(stack.stop);
  return { tiny, stack, events, lines };
}

async function failing(services: string[]): Promise<{ tiny: TinyStack; message: string }> {
  const tiny = await tinyStack(services);
  onTestFinished(tiny.remove);
  const message = await startStack(tiny).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  return { tiny, message };
}

const answers = async (stack: Stack, service: string) => (await fetch(stack.url(service))).ok;

describe('startStack', () => {
  it('starts what depends on nothing at once, the rest when its dependency is healthy, and stops in reverse', async () => {
    const once = `
  once:
    command: [node, /app/server.mjs, once, ""]
    volumes: ["diary:/diary"]
    environment: { DIARY: /diary/diary.txt, FAILS_WITH: 0 }
    x-native: { program: node }`;
    const { tiny, stack } = await start([
      tinyService('api', 1001, env('ENDS_AFTER_MS: 200'), needs('db')),
      tinyService(
        'db',
        1002,
        env('DELAY_MS: 400'),
        'depends_on: { once: { condition: service_completed_successfully } }',
      ),
      tinyService('other', 1003, env('DELAY_MS: 1500')),
      once.replace('FAILS_WITH: 0', 'FAILS_WITH: "0"').replace('x-native', 'restart: "no"\n    x-native'),
    ]);
    const diary = tiny.diary();
    const at = (entry: string) => diary.indexOf(entry);
    expect(at('once begins')).toBeLessThan(at('db begins'));
    expect(at('other begins')).toBeLessThan(at('db begins'));
    expect(at('db begins')).toBeLessThan(at('other listens'));
    expect(at('db listens')).toBeLessThan(at('api begins'));
    expect(await answers(stack, 'api')).toBe(true);
    await stack.stop();
    const ends = tiny.diary().filter((entry) => entry.endsWith('ends'));
    expect(ends.indexOf('api ends')).toBeLessThan(ends.indexOf('db ends'));
    expect(tiny.processes()).toEqual([]);
  });

  it('restarts what dies, tells which and why with its last lines, and finds it healthy again', async () => {
    const { stack, events, lines } = await start([tinyService('api', 1001, env(''), restart)]);
    const before = stack.pid('api');
    await stack.kill('api');
    await stack.up('api');
    expect(stack.pid('api')).not.toBe(before);
    expect(await answers(stack, 'api')).toBe(true);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: 'died',
        service: 'api',
        pid: before,
        cause: 'was killed by SIGKILL',
        restartInMs: 500,
      }),
    );
    expect(lines.join('\n')).toMatch(/api +was killed by SIGKILL \(pid \d+\); restarting it in 0\.5 s/);
    await fetch(`${stack.url('api')}/crash`).catch(() => {});
    await until(() => lines.some((line) => line.includes('ended with exit code 7')));
    await stack.up('api');
  });

  it('leaves a stopped service stopped, and the others running, until it is started again', async () => {
    const { tiny, stack } = await start([
      tinyService('api', 1001, env(''), restart),
      tinyService('db', 1002, env(''), restart),
    ]);
    await stack.stopService('db');
    await sleep(700);
    expect(stack.pid('db')).toBeUndefined();
    expect(await answers(stack, 'api')).toBe(true);
    await stack.startService('db');
    expect(await answers(stack, 'db')).toBe(true);
    expect(tiny.diary().filter((entry) => entry === 'db begins')).toHaveLength(2);
  });

  it('gives up after five deaths within a minute, and stops the rest', async () => {
    const { tiny, stack, events } = await start([
      tinyService('api', 1001, env(''), restart),
      tinyService('db', 1002, env(''), restart),
    ]);
    for (let death = 1; death <= 5; death++) {
      await stack.kill('api');
      if (death < 5) await stack.up('api');
    }
    expect((await stack.ended)?.message).toContain(
      'api was killed by SIGKILL and did so for the 5th time within a minute',
    );
    expect(events.flatMap((event) => (event.kind === 'died' ? [event.restartInMs] : []))).toEqual([
      500, 1_000, 2_000, 4_000,
    ]);
    expect(tiny.processes()).toEqual([]);
  }, 20_000);

  it('stops everything when a service without restart dies', async () => {
    const { tiny, stack } = await start([tinyService('api', 1001, env('')), tinyService('db', 1002, env(''), restart)]);
    await stack.kill('api');
    expect((await stack.ended)?.message).toContain('api was killed by SIGKILL and is not to be restarted');
    expect(tiny.processes()).toEqual([]);
  });

  it('fails with the last lines of a service that dies before it was ever ready, and leaves nothing', async () => {
    const { tiny, message } = await failing([
      tinyService('api', 1001, env('FAILS_WITH: 3'), restart),
      tinyService('db', 1002, env('DELAY_MS: 5000')),
    ]);
    expect(message).toContain('api ended with exit code 3 and did so before it was ever ready');
    expect(message).toContain('the flux is missing');
    expect(message).toContain(join(tiny.state, 'logs', 'api.log'));
    expect(tiny.processes()).toEqual([]);
  });

  it('waits for a service that is alive but not healthy in time, and says for what, how long and what it heard', async () => {
    const slow = tinyService('api', 1001, env('DELAY_MS: 3500')).replace('retries: 20', 'retries: 1');
    const { stack, lines, events } = await start([slow]);
    expect(await answers(stack, 'api')).toBe(true);
    const url = stack.url('api');
    const { host } = new URL(url);
    const said = lines.filter((line) => line.startsWith('waiting for api'));
    expect(said[0]).toMatch(/for 1 s, last answer/);
    expect(said[0]?.replace(/for \d+ s/, 'for N s')).toBe(
      `waiting for api: asked ${url}/ for N s, last answer: connect ECONNREFUSED ${host}; still waiting`,
    );
    expect(said.length).toBeGreaterThan(1);
    expect(events.flatMap((event) => (event.kind === 'died' ? [event] : []))).toEqual([]);
  });

  it('fails when a slow service ends after all', async () => {
    const dying = tinyService('api', 1001, env('DELAY_MS: 60000, DIES_AFTER_MS: 1800')).replace(
      'retries: 20',
      'retries: 1',
    );
    const { tiny, message } = await failing([dying]);
    expect(message).toContain('api ended with exit code 9 and is not to be restarted');
    expect(tiny.processes()).toEqual([]);
  });

  it('restarts a service in order, which is no death, while the others go on', async () => {
    const { tiny, stack, events } = await start([
      tinyService('api', 1001, env(''), restart, needs('db')),
      tinyService('db', 1002, env(''), restart),
    ]);
    const [api, db] = [stack.pid('api'), stack.pid('db')];
    // As deaths, that many would end the run.
    for (let time = 1; time <= 6; time++) await stack.restartService('db');
    expect(stack.pid('db')).not.toBe(db);
    expect(stack.pid('api')).toBe(api);
    expect(await answers(stack, 'db')).toBe(true);
    expect(tiny.diary().filter((entry) => entry === 'db ends')).toHaveLength(6);
    expect(events.filter(({ kind }) => kind === 'died')).toEqual([]);
  });

  it('kills what does not stop within its grace period', async () => {
    const { tiny, stack } = await start([tinyService('api', 1001, env('STUBBORN: 1'), 'stop_grace_period: 300ms')]);
    const began = performance.now();
    await stack.stop();
    expect(performance.now() - began).toBeGreaterThanOrEqual(300);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(tiny.processes()).toEqual([]);
  });

  it('starts only what is asked for, on shifted ports, with replaced values', async () => {
    const { tiny, stack } = await start(
      [
        tinyService('api', 1001, env('GREETING: one'), needs('db')),
        tinyService('db', 1002, env('')),
        tinyService('other', 1003, env('')),
      ],
      { services: ['api'], environment: { api: { GREETING: 'see http://db:1002' } } },
    );
    expect(stack.port(1001)).toBe(1_001 + tiny.portOffset);
    expect(await (await fetch(stack.url('api'))).text()).toBe(`see http://127.0.0.1:${stack.port(1002)}`);
    expect(tiny.diary().filter((entry) => entry.startsWith('other'))).toEqual([]);
    expect(() => stack.url('other')).toThrow('this run has no service other: it has api, db');
  });

  it('replaces a reaper that died, and the new one knows what runs', async () => {
    const { tiny, lines, stack } = await start([tinyService('api', 1001, env(''))]);
    const reaper = () =>
      (JSON.parse(readFileSync(join(tiny.state, 'run.json'), 'utf8')) as { reaper: { pid: number } }).reaper.pid;
    const first = reaper();
    process.kill(first, 'SIGKILL');
    await until(() => lines.some((line) => line.includes('started it again')));
    await until(() => reaper() !== first);
    expect(await answers(stack, 'api')).toBe(true);
  });

  it('stops while it is still starting when asked to', async () => {
    const tiny = await tinyStack([tinyService('api', 1001, env('DELAY_MS: 9000'))]);
    onTestFinished(tiny.remove);
    const stopping = new AbortController();
    const started = startStack({ ...tiny, signal: stopping.signal });
    await until(() => tiny.processes().length > 0);
    stopping.abort();
    await expect(started).rejects.toThrow('stopped before it was ready');
    expect(tiny.processes()).toEqual([]);
  });

  it('keeps the output of the run before, and hides the caller’s environment from the services', async () => {
    const printing = `
  api:
    command: [node, -e, "console.log(process.env.MARK, process.env.SECRET_OF_THE_CALLER)"]
    environment: { MARK: first }
    x-native: { program: node }`;
    process.env.SECRET_OF_THE_CALLER = 'seen';
    onTestFinished(() => {
      delete process.env.SECRET_OF_THE_CALLER;
    });
    const { tiny, stack } = await start([printing]);
    await until(() => readFileSync(stack.logs('api'), 'utf8') !== '');
    await stack.stop();
    const again = await startStack({ ...tiny, environment: { api: { MARK: 'second' } } });
    await until(() => readFileSync(again.logs('api'), 'utf8') !== '');
    await again.stop();
    expect(readFileSync(again.logs('api'), 'utf8')).toBe('second undefined\n');
    expect(readFileSync(`${again.logs('api')}.1`, 'utf8')).toBe('first undefined\n');
  });

  it('gives an engine its configuration mapped, without what generates and tests it', async () => {
    const tiny = await tinyStack([
      `
  api:
    command: [postgres]
    volumes: ["./conf:/etc/conf:ro"]
    expose: ["1001"]
    x-native: { program: postgres }`,
    ]);
    onTestFinished(tiny.remove);
    for (const folder of ['rules', 'src', 'tests']) mkdirSync(join(tiny.root, 'conf', folder), { recursive: true });
    for (const path of ['rules/a.yml', 'src/b.ts', 'tests/c.yml']) {
      writeFileSync(join(tiny.root, 'conf', path), 'url: http://api:1001/ file: /etc/conf/rules/a.yml\n');
    }
    await expect(startStack(tiny)).rejects.toThrow('needs a volume at /var/lib/postgresql');
    const copy = join(tiny.state, 'config', 'api', 'etc', 'conf');
    const port = 1_001 + tiny.portOffset;
    expect(readFileSync(join(copy, 'rules/a.yml'), 'utf8')).toBe(
      `url: http://127.0.0.1:${port}/ file: ${copy}/rules/a.yml\n`,
    );
    expect(() => readFileSync(join(copy, 'src/b.ts'))).toThrow('ENOENT');
    expect(() => readFileSync(join(copy, 'tests/c.yml'))).toThrow('ENOENT');
  });

  it('says which configuration is missing', async () => {
    const { message } = await failing([
      `
  api:
    command: [postgres]
    volumes: ["./conf:/etc/conf:ro"]
    x-native: { program: postgres }`,
    ]);
    expect(message).toMatch(/^api: volumes: .*conf does not exist$/);
  });
});
