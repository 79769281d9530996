import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takenPorts } from './port-check.mjs';
import { listProcesses } from './process-table.ts';

// What every service of the tests runs: it notes what it does in a diary, and answers 200 on its port after DELAY_MS.
const SERVER = `
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
const [name, address] = process.argv.slice(2);
const note = (what) => appendFileSync(process.env.DIARY, name + ' ' + what + '\\n');
const { DELAY_MS = 0, FAILS_WITH, STUBBORN, CHILD, ENDS_AFTER_MS = 0, DIES_AFTER_MS, GREETING = '' } = process.env;
note('begins');
if (DIES_AFTER_MS) setTimeout(() => process.exit(9), Number(DIES_AFTER_MS));
if (FAILS_WITH) {
  console.error('the flux is missing');
  process.exit(Number(FAILS_WITH));
}
if (CHILD) spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)', process.env.DIARY], { detached: true, stdio: 'ignore' });
process.on('SIGTERM', () => {
  setTimeout(() => {
    note('ends');
    if (!STUBBORN) process.exit(0);
  }, Number(ENDS_AFTER_MS));
});
setTimeout(() => {
  const [host, port] = address.split(':');
  createServer((request, response) => {
    if (request.url === '/crash') process.exit(7);
    if (request.url === '/speak') console.log(GREETING);
    response.end(GREETING);
  }).listen(Number(port), host, () => note('listens'));
}, Number(DELAY_MS));
`;

/** A folder with a compose file of small real servers, and a state folder beside it. */
export interface TinyStack {
  root: string;
  state: string;
  portOffset: number;
  /** What the servers noted, in order. */
  diary(): string[];
  /** Processes of this stack that run now, its supervisor left out. */
  processes(): string[];
  /** Runs `npm start` for it in a process of its own. */
  start(...args: string[]): Cli;
  /** Begins another command. */
  begin(name: Command, ...args: string[]): Cli;
  /** Runs another command to its end. */
  command(name: Command, ...args: string[]): Promise<{ code: number | null; output: string }>;
  /** Kills what a failed test left, and removes the folder. */
  remove(): void;
}

export interface Cli {
  pid: number;
  output(): string;
  /** Resolves when the output holds the text. */
  says(text: string): Promise<void>;
  /** Resolves with the exit code, null when it was killed. */
  ended: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
}

export interface TinyOptions {
  prefix?: string[];
  path?: string;
}

/**
 * One service of the tests: `port` is its container port, `lines` more YAML of the service.
 */
export function tinyService(name: string, port: number, ...lines: string[]): string {
  return `
  ${name}:
    command: [node, /app/server.mjs, ${name}, "0.0.0.0:${port}"]
    volumes: ["diary:/diary"]
    ports: ["127.0.0.1:${port}:${port}"]
    x-native: { program: node }
    healthcheck: { test: [CMD, wget, -q, --spider, "http://127.0.0.1:${port}/"], interval: 1s, retries: 20 }
${lines.map((line) => `    ${line}`).join('\n')}`;
}

type Command = 'status' | 'stop' | 'restart' | 'logs';

/**
 * Writes a compose file of these services into a new folder. `prefix` is put before a command, to run it as another user;
 * `path` before PATH: a folder within the new one, for programs that a test puts there.
 */
export async function tinyStack(services: string[], { prefix = [], path }: TinyOptions = {}): Promise<TinyStack> {
  const root = mkdtempSync(join(tmpdir(), 'tiny-stack-'));
  const state = join(root, 'state');
  const diaryPath = join(state, 'diary', 'diary.txt');
  writeFileSync(join(root, 'server.mjs'), SERVER);
  writeFileSync(
    join(root, 'docker-compose.yml'),
    `services:${services.join('')}\nvolumes: { diary: {}, secrets: {}, postgres-data: {} }\n`,
  );
  const program = (name: string) => join(root, `${name}.ts`);
  for (const name of ['up', 'status', 'stop', 'restart', 'logs']) {
    writeFileSync(
      program(name),
      `import { exitCodeOf } from '${join(import.meta.dirname, 'commands.mjs')}';
import { ${name} } from '${join(import.meta.dirname, `${name}.ts`)}';
process.exit(await exitCodeOf(() => ${name}(process.argv.slice(2), ${JSON.stringify(root)})));
`,
    );
  }
  const portOffset = await freeOffset();
  const { PATH, STARTED_AT_MS: _, ...rest } = process.env;
  // What is built for it is kept in its own folder, and goes with it.
  const cache = path === undefined ? {} : { HOME: root, XDG_CACHE_HOME: join(root, 'cache') };
  const env = { ...rest, ...cache, PATH: [...(path === undefined ? [] : [join(root, path)]), PATH].join(delimiter) };
  const begin = (name: 'up' | Command, args: string[]): Cli => {
    const [command, ...words] = [...prefix, process.execPath, program(name), '--state', state, ...args];
    const child = spawn(command!, words, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    return {
      pid: child.pid!,
      output: () => output,
      async says(text) {
        await until(() => output.includes(text) || child.exitCode !== null);
        if (!output.includes(text)) throw new Error(`it ended without saying "${text}":\n${output}`);
      },
      ended: once(child, 'close').then(([code]) => code as number | null),
      signal: (signal) => child.kill(signal),
    };
  };
  const running = () => listProcesses().filter(({ command }) => command.includes(root));
  return {
    root,
    state,
    portOffset,
    diary: () => readFileSync(diaryPath, 'utf8').trim().split('\n'),
    processes: () => running().flatMap(({ command }) => (command.includes('up.ts') ? [] : [command])),
    start: (...args) => begin('up', ['--port-offset', String(portOffset), ...args]),
    begin: (name, ...args) => begin(name, args),
    async command(name, ...args) {
      const { ended, output } = begin(name, args);
      return { code: await ended, output: output() };
    },
    remove() {
      for (const { pid } of running()) process.kill(pid, 'SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Resolves when the condition holds; rejects after a minute: a busy machine is slow, not wrong. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 60 s: ${condition}`);
    await sleep(20);
  }
}

// The services of the tests use ports 1001 to 1009. Test files run side by side, so each worker has a range of its own.
let next = 9_000 + 500 * Number(process.env.VITEST_POOL_ID ?? 0);
async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = next;
    next += 10;
    const ports = Array.from({ length: 9 }, (_, index) => ({ port: 1_001 + index + offset, service: '' }));
    if ((await takenPorts(ports)).length === 0) return offset;
  }
}
