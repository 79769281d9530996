/**
 * Lets every Node program of the stack begin and stop at once, so that what it is made of gets into NODE_COMPILE_CACHE: Node writes the
 * cache when a process ends. Without its settings a service reads all its modules and then refuses to start. Prints what could not
 * be compiled, on a busy machine, say.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCompose } from './compose.ts';

const ENDS_WITHIN_MS = 20_000;
const root = join(import.meta.dirname, '..');

const { services } = readCompose(readFileSync(join(root, 'docker-compose.yml'), 'utf8'));
// Each module that a command loads first, with the command's own V8 flags: code compiled under other flags is not used.
const commands = services.flatMap(({ program, command }) => {
  const flags = command.filter((word) => /^--\S+=/.test(word));
  return program === 'node' ? command.filter((word) => word.endsWith('.ts')).map((module) => [...flags, module]) : [];
});

// An image holds the services alone.
if (existsSync(join(root, 'stack/up.ts'))) commands.push([...process.execArgv, 'stack/up.ts', '--help']);

const leftOut = await Promise.all(
  commands.map(
    (words) =>
      new Promise<string | undefined>((resolve) => {
        const name = words.find((word) => word.endsWith('.ts'));
        const { PATH, NODE_COMPILE_CACHE } = process.env;
        const child = spawn(process.execPath, words, {
          cwd: root,
          env: { PATH, NODE_COMPILE_CACHE },
          stdio: 'ignore',
          timeout: ENDS_WITHIN_MS,
        });
        child.once('error', ({ message }) => resolve(`${name} (${message})`));
        child.once('exit', (_, signal) => {
          resolve(signal === null ? undefined : `${name} (not compiled within ${ENDS_WITHIN_MS / 1_000} s: ${signal})`);
        });
      }),
  ),
);
const names = leftOut.filter((name) => name !== undefined);
if (names.length > 0) {
  console.log(
    `compile cache: left out ${names.join(', ')}. It starts later and takes more memory; the next start tries again.`,
  );
}
