/**
 * `node stack/compile.ts [MS]`: lets every Node program of the stack begin and stop at once, so that what it is made of gets into NODE_COMPILE_CACHE: Node writes the
 * cache when a process ends. Without its settings a service reads all its modules and then refuses to start. Prints what could not
 * be compiled within MS, on a busy machine, say.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readCompose } from './compose.ts';

const root = join(import.meta.dirname, '..');
const [withinMs = 60_000] = process.argv.slice(2).map(Number);

const { services } = readCompose(readFileSync(join(root, 'docker-compose.yml'), 'utf8'));
// Each module that a command loads first, with the command's own V8 flags: code compiled under other flags is not used.
const commands = services.flatMap(({ program, command }) => {
  const flags = command.filter((word) => /^--\S+=/.test(word));
  return program === 'node' ? command.filter((word) => word.endsWith('.ts')).map((module) => [...flags, module]) : [];
});

// An image holds the services alone.
if (existsSync(join(root, 'stack/up.ts'))) commands.push([...process.execArgv, 'stack/up.ts', '--help']);

const deadline = performance.now() + withinMs;
const queue = [...commands];
const leftOut: string[] = [];
// As many at once as there are cores: a later program finds what it shares with an earlier one compiled.
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let words = queue.shift(); words; words = queue.shift()) {
      const problem = await compile(words, deadline - performance.now());
      if (problem !== undefined) leftOut.push(problem);
    }
  }),
);
if (leftOut.length > 0) {
  console.log(
    `compile cache: this machine is too busy to fill it (waited ${withinMs / 1_000} s), which the next start tries again. Until then these start later and take more memory: ${leftOut.join(', ')}`,
  );
}

/** @returns the name of the program when it did not end in time, or could not be started */
async function compile(words: string[], timeout: number): Promise<string | undefined> {
  const name = words.findLast((word) => word.endsWith('.ts'));
  if (timeout <= 0) return name;
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, words, {
    cwd: root,
    env: { PATH, NODE_COMPILE_CACHE },
    stdio: 'ignore',
    timeout: Math.ceil(timeout),
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(name));
    child.once('exit', (_, signal) => resolve(signal === null ? undefined : name));
  });
}
