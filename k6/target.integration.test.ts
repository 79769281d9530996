import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { refuseForeign, refuseUnhealthy } from './target.ts';

const at = (clinic: string, more = {}) => ({ clinic, passwordFile: '/nowhere', ...more });

test.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://127.8.9.1', 'http://[::1]:8080'])(
  '%s is this machine',
  (url) => {
    expect(() => refuseForeign(at(url), false)).not.toThrow();
  },
);

test.each([
  'https://clinic.example',
  'http://10.0.0.7:8080',
  'http://127.0.0.1.attacker.example',
  'http://localhost.example',
  'http://0.0.0.0:8080',
  'http://localhost@clinic.example',
])('%s is not: it needs an owner', (url) => {
  expect(() => refuseForeign(at(url), false)).toThrow('--i-own-this-target');
  expect(() => refuseForeign(at(url), true)).not.toThrow();
});

test('Prometheus and Tempo are looked at as well', () => {
  expect(() => refuseForeign(at('http://localhost', { tempo: 'http://tempo.example' }), false)).toThrow(
    '--i-own-this-target',
  );
});

test.each(['clinic', 'ftp://localhost', ''])('%j is no base URL', (url) => {
  expect(() => refuseForeign(at(url), true)).toThrow('must be a base URL');
});

async function clinic(status: (path: string) => number) {
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/elsewhere' ? 200 : status(request.url!), { location: '/elsewhere' }).end(),
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an ill clinic is refused, and its ill part named', async () => {
  const url = await clinic((path) => (path.endsWith('/storage') ? 503 : 200));
  await expect(refuseUnhealthy(at(url))).rejects.toThrow("The clinic's storage is not healthy");
});

test('a redirect is no health', async () => {
  await expect(refuseUnhealthy(at(await clinic(() => 302)))).rejects.toThrow('answered 302');
});

test('nothing there: how to start it', async () => {
  await expect(refuseUnhealthy(at('http://127.0.0.1:9'))).rejects.toThrow('npm start');
});

test('a healthy clinic without its password file', async () => {
  const url = await clinic(() => 200);
  await expect(refuseUnhealthy(at(url))).rejects.toThrow('/nowhere');
  const passwordFile = join(tmpdir(), `clinic-password-${process.pid}`);
  writeFileSync(passwordFile, 'synthetic');
  await expect(refuseUnhealthy({ clinic: url, passwordFile })).resolves.toBeUndefined();
});
