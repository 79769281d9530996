// An app that calls another by every way in which node:http can be imported, with `canary` in all that could be told of it.
// Writes what the other one was sent as `traceparent`, and ends.
import * as all from 'node:http';
import standard, { createServer, get as named } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { telemetry } from './profiled-telemetry.ts';

const listening = (server: all.Server) =>
  new Promise<number>((resolve) => {
    server.listen(0, () => resolve((server.address() as AddressInfo).port));
  });
const told: Record<string, unknown> = {};
const upstream = createServer((req, res) => {
  told[new URL(req.url!, 'http://x').pathname] = req.headers.traceparent;
  res.writeHead(503).end();
});
const port = await listening(upstream);
const call = (get: typeof named, host: string, path: string) =>
  new Promise((resolve) => {
    get(`http://${host}:${port}${path}?canary=canary`, (answer) => answer.resume().on('end', resolve));
  });

const app = express();
app.use(telemetry.middleware, express.json());
app.post('/api/clients/:id', async (_req, res) => {
  await call(named, '127.0.0.1', '/named');
  await call(all.get, '127.0.0.1', '/all');
  await call(standard.get, '127.0.0.1', '/standard');
  await call(named, 'localhost', '/unlisted');
  await (await fetch(`http://127.0.0.1:${port}/fetch?canary`)).text();
  telemetry.performanceMonitor.recordMetric('api_call', 1500);
  setTimeout(() => {
    throw new Error('canary');
  });
  await new Promise((resolve) => process.once('uncaughtException', resolve));
  res.status(500).send('canary');
});
const server = createServer(app);
const own = await listening(server);
const ask = (body: string) =>
  fetch(`http://127.0.0.1:${own}/api/clients/canary?canary=canary`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', tracestate: 'canary=canary', baggage: 'canary=canary' },
    body,
  }).then((answer) => answer.text());
await ask('{"name":"canary"}');
await ask('{"canary');
await new Promise((resolve) => setTimeout(resolve, 50));
await telemetry.shutdown();
process.stdout.write(JSON.stringify(told));
process.exit(0);
