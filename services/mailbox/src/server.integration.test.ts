import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

const KEY = 'key-of-a-test';
const folder = mkdtempSync(join(tmpdir(), 'mailbox-'));
const keyFile = join(folder, 'key');
writeFileSync(keyFile, `${KEY}\n`);

/** Stands for the clinic: what it was told, and how it answers. */
const clinic = { status: 204, told: [] as { id: string; state: string; valid: boolean }[] };
const receiver = createServer(async (request, response) => {
  const body = await text(request);
  const timestamp = String(request.headers['x-email-timestamp']);
  const valid =
    request.headers['x-email-signature'] === createHmac('sha256', KEY).update(`${timestamp}.${body}`).digest('hex') &&
    Math.abs(Date.now() / 1000 - Number(timestamp)) < 60;
  if (clinic.status === 204) clinic.told.push({ ...JSON.parse(body), valid });
  response.writeHead(clinic.status).end();
});

function startMailbox(environment: Readonly<Record<string, string>> = {}) {
  const { port } = receiver.address() as AddressInfo;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts')], {
    env: {
      LISTEN: '127.0.0.1:0',
      MANAGEMENT_LISTEN: '127.0.0.1:0',
      EVENTS_URL: `http://127.0.0.1:${port}/email-events`,
      WEBHOOK_KEY_FILE: keyFile,
      ...environment,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part;
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, output: () => output, exited };
}

beforeAll(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  receiver.close();
  receiver.closeAllConnections();
  rmSync(folder, { recursive: true });
});

test('mail is taken, and what became of it is told once, in order, signed, also to a clinic that was away', async () => {
  const { child, output, exited } = startMailbox();
  const listening = /"event":"listening","port":(\d+),"management_port":(\d+)/;
  await expect.poll(output, { timeout: 10_000 }).toMatch(listening);
  const [, port, managementPort] = listening.exec(output())!;
  expect((await fetch(`http://127.0.0.1:${managementPort}/healthz`)).status).toBe(200);
  const server = nodemailer.createTransport({ host: '127.0.0.1', port: Number(port) });
  const send = (id: string, to: string) =>
    server.sendMail({
      messageId: `<${id}@clinic.example>`,
      from: 'practice@clinic.example',
      to,
      subject: 'canary',
      text: 'canary',
    });
  const [delivered, bounced, later] = [randomUUID(), randomUUID(), randomUUID()];
  clinic.status = 503;
  await send(delivered, 'canary@clinic.example');
  await send(bounced, 'bounce-canary@clinic.example');
  await send(later, 'later-canary@clinic.example');
  await send(delivered, 'canary@clinic.example');
  await expect(send(randomUUID(), 'defer-canary@clinic.example')).rejects.toMatchObject({ responseCode: 451 });
  await expect(
    server.sendMail({ messageId: '<x@y>', from: 'practice@clinic.example', to: 'canary@clinic.example', text: 'x' }),
  ).rejects.toMatchObject({ responseCode: 554 });
  await expect.poll(output, { timeout: 10_000 }).toContain('clinic_away');
  clinic.status = 204;
  const told = [
    { id: delivered, state: 'delivered', valid: true },
    { id: bounced, state: 'bounced', valid: true },
    { id: later, state: 'deferred', valid: true },
    { id: later, state: 'delivered', valid: true },
  ];
  await expect.poll(() => clinic.told, { timeout: 20_000 }).toEqual(told);
  const counts = await (await fetch(`http://127.0.0.1:${managementPort}/counts`)).json();
  expect(counts).toEqual({ taken: 3, repeated: 1, refused: 2, told: 4, dropped: 0, waiting: 0 });
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(output()).not.toMatch(/canary|clinic\.example/);
}, 60_000);

test.each([
  ['LISTEN', 'canary'],
  ['EVENTS_URL', 'canary:8080'],
  ['WEBHOOK_KEY_FILE', '/nowhere/canary'],
])(
  'a wrong %s stops the start and is named, its value is not told',
  async (key, value) => {
    const { output, exited } = startMailbox({ [key]: value });
    expect(await exited).toBe(1);
    expect(output()).toContain(key);
    expect(output()).not.toContain('canary');
  },
  20_000,
);

test('an address that is taken stops the start', async () => {
  const { port } = receiver.address() as AddressInfo;
  const { output, exited } = startMailbox({ LISTEN: `127.0.0.1:${port}` });
  expect(await exited).toBe(1);
  expect(output()).toContain('LISTEN: cannot listen on 127.0.0.1');
}, 20_000);
