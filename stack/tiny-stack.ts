import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takenPorts } from './port-check.ts';
import { listProcesses } from './process-table.ts';

// What every service of the tests runs: it notes what it does in a diary, and answers 200 on its port after DELAY_MS.
const SERVER = `
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
const [name, address] = process.argv.slice(2);
const note = (what) => appendFileSync(process.env.DIARY, name + ' ' + what + '\\n');
const { DELAY_MS = 0, FAILS_WITH, STUBBORN, CHILD, ENDS_AFTER_MS = 0, GREETING = '' } = process.env;
note('begins');
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
  /** Runs another command (`status`, `stop`) to its end. */
  command(name: 'status' | 'stop'): Promise<{ code: number | null; output: string }>;
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

/** Writes a compose file of these services into a new folder. `prefix` is put before a command, to run it as another user. */
export async function tinyStack(services: string[], prefix: string[] = []): Promise<TinyStack> {
  const root = mkdtempSync(join(tmpdir(), 'tiny-stack-'));
  const state = join(root, 'state');
  const diaryPath = join(state, 'diary', 'diary.txt');
  writeFileSync(join(root, 'server.mjs'), SERVER);
  writeFileSync(
    join(root, 'docker-compose.yml'),
    `services:${services.join('')}\nvolumes: { diary: {}, secrets: {}, postgres-data: {} }\n`,
  );
  const program = (name: string) => join(root, `${name}.ts`);
  for (const name of ['up', 'status', 'stop']) {
    writeFileSync(
      program(name),
      `import { ${name} } from '${join(import.meta.dirname, `${name}.ts`)}';\nprocess.exit(await ${name}(process.argv.slice(2), ${JSON.stringify(root)}));\n`,
    );
  }
  const portOffset = await freeOffset();
  const run = (name: 'up' | 'status' | 'stop', args: string[]) => {
    const [command, ...rest] = [...prefix, process.execPath, program(name), '--state', state, ...args];
    const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    return { child, output: () => output };
  };
  const running = () => listProcesses().filter(({ command }) => command.includes(root));
  return {
    root,
    state,
    portOffset,
    diary: () => readFileSync(diaryPath, 'utf8').trim().split('\n'),
    processes: () => running().flatMap(({ command }) => (command.includes('up.ts') ? [] : [command])),
    start(...args) {
      const { child, output } = run('up', ['--port-offset', String(portOffset), ...args]);
      return {
        pid: child.pid!,
        output,
        async says(text) {
          await until(() => output().includes(text) || child.exitCode !== null);
          if (!output().includes(text)) throw new Error(`it ended without saying "${text}":\n${output()}`);
        },
        ended: once(child, 'close').then(([code]) => code as number | null),
        signal: (signal) => child.kill(signal),
      };
    },
    async command(name) {
      const { child, output } = run(name, []);
      const [code] = await once(child, 'close');
      return { code: code as number | null, output: output() };
    },
    remove() {
      for (const { pid } of running()) process.kill(pid, 'SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Resolves when the condition holds; rejects after ten seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${condition}`);
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
