import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { recipeFolder } from './engines.mjs';
import { type Cli, type TinyStack, tinyService, tinyStack, until } from './tiny-stack.ts';

const env = (values: string) => `environment: { DIARY: /diary/diary.txt, ${values} }`;
/** The clinic does without Alertmanager; `watch` only looks at it. */
const services = [
  tinyService('clinic-api', 1001, env(''), 'depends_on: { alertmanager: { condition: service_started } }'),
  tinyService('alertmanager', 1003, env(''))
    .replace('command: [node, /app/server.mjs, ', 'command: [')
    .replace('x-native: { program: node }', 'x-native: { program: alertmanager, title: pages }'),
  `
  watch:
    command: [node]
    depends_on: { alertmanager: { condition: service_started } }
    x-native: { ready: ["http://alertmanager:1003/"] }`,
];

const tidy: (() => unknown)[] = [];
afterEach(async () => {
  for (const action of tidy.splice(0).reverse()) await action();
});

/** Stacks whose Alertmanager `go` has yet to build: it does what the script says, `$out` being the program. */
async function building(version: string, build = ''): Promise<TinyStack> {
  const stack = await tinyStack(services, { path: 'bin' });
  tidy.push(stack.remove);
  mkdirSync(join(stack.root, 'bin'));
  const go = join(stack.root, 'bin/go');
  writeFileSync(
    go,
    `#!/bin/sh
if [ "$1" = version ]; then echo "go version ${version} linux/amd64"; exit 0; fi
case " $* " in *" -o "*) ;; *) exit 0 ;; esac
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
${build}
`,
  );
  chmodSync(go, 0o755);
  return stack;
}

const released = (stack: TinyStack) => join(stack.root, 'released');
const waitsForRelease = (root: string) =>
  `while [ ! -e ${root}/released ]; do sleep 0.1; done; mkdir -p "$(dirname "$out")"; cp ${root}/program "$out"`;

/** What stands for Alertmanager: a server of the tests. */
function writeProgram(stack: TinyStack, path: string): void {
  writeFileSync(path, `#!/bin/sh\nexec ${process.execPath} ${stack.root}/server.mjs "$@"\n`);
  chmodSync(path, 0o755);
}

async function waiting(): Promise<{ stack: TinyStack; cli: Cli }> {
  const stack = await building('go1.26.8', waitsForRelease('$(dirname "$0")/..'));
  writeProgram(stack, join(stack.root, 'program'));
  const cli = stack.start();
  tidy.push(async () => {
    cli.signal('SIGTERM');
    await cli.ended;
  });
  await cli.says('The clinic can be opened after');
  await until(() => stack.processes().some((command) => command.includes('/bin/go build')));
  return { stack, cli };
}

describe('npm start without the servers', () => {
  it('runs what is ready and says what is not there yet; that joins when its program is there', async () => {
    const { stack, cli } = await waiting();
    expect(cli.output()).toMatch(/Clinic +http:\/\/localhost:\d+\n/);
    expect(cli.output()).toMatch(/Alertmanager +http:\/\/localhost:\d+ {2}\(not there yet: /);
    const status = await stack.command('status');
    expect(status.code).toBe(1);
    expect(status.output).toMatch(/^clinic-api +healthy .* ok /m);
    expect(status.output).toMatch(/^pages +obtaining +- +- +- +- +\d+ +\S/m);
    expect(status.output).toMatch(/^watch +waiting/m);
    expect(await stack.command('restart', 'pages')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^pages cannot be restarted now: it is obtaining \(/),
    });
    expect(cli.output()).not.toContain('ready in');

    writeFileSync(released(stack), '');
    await cli.says('ready in');
    expect(cli.output()).toMatch(/^pages +healthy/m);
    expect(cli.output().match(/The clinic can be opened/g)).toHaveLength(1);
    expect(cli.output().split('ready in')[0]).toMatch(/Alertmanager +http:\/\/localhost:\d+\n/);
    expect(await stack.command('status')).toMatchObject({ code: 0 });
    expect(stack.diary()).toContain('alertmanager listens');

    cli.signal('SIGINT');
    expect(await cli.ended).toBe(0);
    // The next start finds it.
    const again = stack.start();
    await again.says('ready in');
    expect(again.output()).not.toContain('not there yet');
    again.signal('SIGINT');
    expect(await again.ended).toBe(0);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('on %s ends the builds too, and leaves no process', async (signal) => {
    const { stack, cli } = await waiting();
    cli.signal(signal);
    expect(await cli.ended).toBe(signal === 'SIGINT' ? 0 : null);
    expect(cli.output()).not.toContain('could not be obtained');
    await until(() => stack.processes().length === 0);
  });

  it('goes on without a server that cannot be had, says why, and takes it when it is there after all', async () => {
    const stack = await building('go1.19.8');
    const cli = stack.start();
    tidy.push(async () => {
      cli.signal('SIGTERM');
      await cli.ended;
    });
    await cli.says('without pages, watch');
    expect(cli.output()).toContain('go1.19.8');
    expect(cli.output()).toContain('https://go.dev/doc/install');
    const status = await stack.command('status');
    expect(status.code).toBe(1);
    expect(status.output).toMatch(/^clinic-api +healthy/m);
    expect(status.output).toMatch(/^pages +missing .*go1\.19\.8/m);
    expect(status.output).toMatch(/^watch +missing .*needs pages, which is missing/m);
    expect(await stack.command('restart', 'alertmanager')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^pages is missing: .*go1\.19\.8/),
    });

    const folder = recipeFolder('alertmanager', { env: { XDG_CACHE_HOME: join(stack.root, 'cache') } });
    mkdirSync(folder, { recursive: true });
    writeProgram(stack, join(folder, 'alertmanager'));
    for (const name of ['alertmanager', 'watch']) {
      expect(await stack.command('restart', name)).toMatchObject({ code: 0 });
    }
    expect(await stack.command('status')).toMatchObject({ code: 0 });
  });

  it.each([
    [['--offline'], 'the proxy is (off)'],
    [['--from-source'], 'the proxy is ()'],
  ])('%j: no release is asked for', async (args, said) => {
    const stack = await building('go1.26.8', 'echo "the proxy is ($GOPROXY)" >&2; exit 1');
    const cli = stack.start(...args);
    tidy.push(async () => {
      cli.signal('SIGTERM');
      await cli.ended;
    });
    await cli.says(said);
    expect(cli.output()).not.toContain('github.com');
  });
});
