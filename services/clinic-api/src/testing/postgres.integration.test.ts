import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const PROGRAM = `
import { sharedPostgres, startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'postgres.ts'))};
for (const server of [await sharedPostgres(), await startPostgres()]) console.log(new URL(server.urlOf('postgres')).port);
setInterval(() => {}, 1000);
`;

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

test.each(['SIGINT', 'SIGKILL'] as const)(
  'a run that ends by %s leaves neither a server nor a file',
  async (signal) => {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', PROGRAM], {
      // Not a worker of vitest: its own end counts.
      env: { PATH: process.env.PATH, TMPDIR: tmpdir() },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await expect.poll(() => output.trim().split('\n').length, { timeout: 60_000 }).toBe(2);
    const ports = output.trim().split('\n').map(Number);
    const folder = join(tmpdir(), `clinic-postgres-${child.pid}-0`);
    expect([...(await Promise.all(ports.map(listens))), existsSync(folder)]).toEqual([true, true, true]);
    child.kill(signal);
    await exited;
    await expect
      .poll(async () => [...(await Promise.all(ports.map(listens))), existsSync(folder)], {
        timeout: 30_000,
        interval: 200,
      })
      .toEqual([false, false, false]);
  },
  120_000,
);
