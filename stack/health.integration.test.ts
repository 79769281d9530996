import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { askHealth } from './health.ts';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

// What a server sends first: it asks to authenticate (R), or refuses because it still starts (E).
it.each([
  ['R', true],
  ['E', false],
])('takes the answer %s of PostgreSQL as healthy: %s', async (answer, healthy) => {
  const port = await listening(createServer((socket) => socket.once('data', () => socket.end(answer))));
  expect((await askHealth({ kind: 'postgres', port, user: 'clinic', withinMs: 0 })).healthy).toBe(healthy);
});

it('takes a closed port as not healthy', async () => {
  const server = createServer();
  const port = await listening(server);
  server.close();
  const refused = { healthy: false, answer: `connect ECONNREFUSED 127.0.0.1:${port}` };
  expect(await askHealth({ kind: 'postgres', port, user: 'clinic', withinMs: 0 })).toEqual(refused);
  expect(await askHealth({ kind: 'http', urls: [`http://127.0.0.1:${port}/`], withinMs: 0 })).toEqual(refused);
});

it('wants 200 from every URL', async () => {
  const port = await listening(
    createHttpServer((request, response) => {
      response.statusCode = request.url === '/ready' ? 200 : 503;
      response.end();
    }),
  );
  const check = (...paths: string[]) =>
    askHealth({ kind: 'http', urls: paths.map((path) => `http://127.0.0.1:${port}${path}`), withinMs: 0 });
  expect(await check('/ready')).toEqual({ healthy: true, answer: 'HTTP 200' });
  expect(await check('/ready', '/other')).toEqual({ healthy: false, answer: 'HTTP 503' });
});
