import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPage } from './page.ts';

/** No path that is asked for here looks at the checks or at the backups. */
const unasked = () => {
  throw new Error('not asked for here');
};
const page = createPage({ health: { current: unasked, overall: unasked }, backups: { state: unasked }, now: Date.now });
const server = createServer((request, response) => page(request.url ?? '/', request, response));
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test('a browser at a wrong path gets a page with a way back, a program a line of text', async () => {
  const seen = await fetch(`${url}/nope-4711`, { headers: { accept: 'text/html,*/*;q=0.8' } });
  const html = await seen.text();
  expect([seen.status, seen.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
  expect(seen.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(html).toContain('<a href="/">');
  expect(html).not.toContain('4711');
  for (const [, address] of html.matchAll(/href="([^"]+)"/g)) expect((await fetch(url + address)).status).toBe(200);
  const read = await fetch(`${url}/nope-4711`);
  expect([read.status, read.headers.get('content-type')]).toEqual([404, 'text/plain; charset=utf-8']);
});
