import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { engineProgram } from '../../../stack/engines.mjs';
import { testPager } from './pager.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'pager-alertmanager-'));
let pager: Awaited<ReturnType<typeof testPager>>;
let alertmanager: ChildProcess;
let port: number;

async function freePort(): Promise<number> {
  const server = createServer();
  const free = await listenOn(server, { host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.close(resolve));
  return free;
}

async function startAlertmanager(): Promise<void> {
  alertmanager = spawn(
    engineProgram('alertmanager'),
    [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  );
  await vi.waitUntil(ready, { timeout: 10_000, interval: 50 });
}

const ready = () =>
  fetch(`http://127.0.0.1:${port}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

async function kill(): Promise<void> {
  alertmanager.kill('SIGKILL');
  await once(alertmanager, 'exit');
}

const STARTED = new Date(Date.now() - 500).toISOString();

/** What Prometheus sends for as long as an alert fires, and once it has ended. */
async function send(alert: { startsAt?: string; endsAt?: string } = {}): Promise<void> {
  const labels = { alertname: 'SlowEvents', metric: 'page_load', severity: 'page' };
  const response = await fetch(`http://127.0.0.1:${port}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels, annotations: { value: '6', limit: '5' }, startsAt: STARTED, ...alert }]),
  });
  expect(response.status).toBe(200);
}

beforeAll(async () => {
  pager = await testPager({ now: Date.now });
  port = await freePort();
  writeFileSync(
    join(folder, 'alertmanager.yml'),
    `route: { receiver: pager, group_by: [alertname, metric], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: pager
    webhook_configs: [{ url: "${pager.url}/alertmanager", send_resolved: true, timeout: 5s }]
`,
  );
  await startAlertmanager();
}, 20_000);

afterAll(async () => {
  await kill();
  await pager.remove();
  rmSync(folder, { recursive: true, force: true });
});

const pages = () => pager.get('/api/pages');

it('takes one page from a real Alertmanager, over its SIGKILL, to its end', { timeout: 30_000 }, async () => {
  await send();
  await expect
    .poll(pages, { timeout: 5000 })
    .toMatchObject([
      { alertname: 'SlowEvents', status: 'firing', starts_at: STARTED, value: 6, limit: 5, notifications: 1 },
    ]);

  await kill();
  await startAlertmanager();
  // A Prometheus that restarted as well tells another beginning.
  await send({ startsAt: new Date().toISOString() });
  await expect.poll(pages, { timeout: 5000 }).toMatchObject([{ status: 'firing', notifications: 2 }]);

  const endsAt = new Date().toISOString();
  await send({ endsAt });
  await expect.poll(pages, { timeout: 8000 }).toMatchObject([{ status: 'resolved', resolved_at: endsAt }]);
  expect(await pages()).toHaveLength(1);
});
