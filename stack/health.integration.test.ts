import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { isHealthy } from './health.ts';

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
  expect(await isHealthy({ kind: 'postgres', port, user: 'clinic', withinMs: 0 })).toBe(healthy);
});

it('takes a closed port as not healthy', async () => {
  const server = createServer();
  const port = await listening(server);
  server.close();
  expect(await isHealthy({ kind: 'postgres', port, user: 'clinic', withinMs: 0 })).toBe(false);
  expect(await isHealthy({ kind: 'http', urls: [`http://127.0.0.1:${port}/`], withinMs: 0 })).toBe(false);
});

it('wants 200 from every URL', async () => {
  const port = await listening(
    createHttpServer((request, response) => {
      response.statusCode = request.url === '/ready' ? 200 : 503;
      response.end();
    }),
  );
  const check = (...paths: string[]) =>
    isHealthy({ kind: 'http', urls: paths.map((path) => `http://127.0.0.1:${port}${path}`), withinMs: 0 });
  expect(await check('/ready')).toBe(true);
  expect(await check('/ready', '/other')).toBe(false);
});
