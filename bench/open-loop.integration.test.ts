import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openLoop } from './open-loop.ts';

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

async function server(
  answer: (index: number) => { readonly status?: number; readonly delay?: number },
): Promise<number> {
  let index = 0;
  const made = createServer((_request, response) => {
    const { status = 200, delay = 0 } = answer(index++);
    setTimeout(() => response.writeHead(status, { 'content-length': 2 }).end('ok'), delay);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  opened.push(() => made.close().closeAllConnections());
  return (made.address() as AddressInfo).port;
}

test('asks as often as it was told, and counts what is refused', async () => {
  const port = await server((index) => ({ status: index % 4 ? 200 : 503 }));
  const { count, errors } = await openLoop({ port, path: '/', rate: 200, seconds: 1 });
  expect(count).toBeGreaterThan(140);
  expect(count).toBeLessThan(260);
  expect(errors).toBe(Math.ceil(count / 4));
});

test('a request that had to wait for another counts from the moment when it was due', async () => {
  const port = await server(() => ({ delay: 100 }));
  const { count, p50, max } = await openLoop({ port, path: '/', rate: 100, seconds: 0.5, connections: 1 });
  // One connection takes ten a second; fifty are due in half a second, so the last waits for several seconds.
  expect(count).toBeGreaterThan(30);
  expect(p50).toBeGreaterThan(500_000);
  expect(max).toBeGreaterThan(2_000_000);
}, 20_000);
