import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createMailbox, type Mailbox, type Outcome } from '../../mailbox/src/mailbox.ts';
import { createReports } from '../../mailbox/src/reports.ts';
import { signatureOf } from './email-events.ts';
import { type MailServer, openMailServer } from './mail-server.ts';
import { retryAfter, runOutbox } from './outbox.ts';
import { type Ask, asking } from './testing/client.ts';
import type { ClinicProcess } from './testing/clinic-process.ts';
import { sessionOf } from './testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

let all: TestClinic;
let prepared: Prepared;
let clinics: ClinicProcess[];
let ask: Ask;
let desk: string;
let clients: string[];

/** Between the clinic and its mail server: can be away, and can lose the answer to a mail that was taken. */
const door = { port: 0, target: 0, away: true, loseAnswers: 0, server: undefined as Server | undefined };
const sockets = new Set<Socket>();

async function openDoor(): Promise<void> {
  door.server = createServer((incoming) => {
    sockets.add(incoming);
    incoming.on('error', () => {}).on('close', () => sockets.delete(incoming));
    if (door.away) return void incoming.destroy();
    const outgoing = connect(door.target, '127.0.0.1');
    let sent = false;
    outgoing.on('error', () => incoming.destroy());
    outgoing.on('data', (reply) => {
      if (sent && door.loseAnswers > 0) {
        door.loseAnswers--;
        incoming.destroy();
        outgoing.destroy();
        return;
      }
      if (/^354 /m.test(reply.toString())) sent = true;
      incoming.write(reply);
    });
    outgoing.on('close', () => incoming.destroy());
    incoming.on('data', (data) => outgoing.write(data)).on('close', () => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await once(door.server, 'listening');
  door.port = (door.server.address() as AddressInfo).port;
}

beforeAll(async () => {
  await openDoor();
  all = await testClinic();
  prepared = await all.prepare('clinic', { clients: 30 });
  const environment = { ...prepared.environment, SMTP_URL: `smtp://127.0.0.1:${door.port}` };
  // Two of them, as while one version takes over from another: they share the outbox.
  clinics = await Promise.all([all.start(environment), all.start(environment)]);
  ask = asking(clinics[0]!.url);
  desk = await sessionOf(prepared.owner.query, 'frontdesk@clinic.example');
  clients = (await prepared.owner.query<{ id: string }>('SELECT id FROM clients ORDER BY id')).map(({ id }) => id);
}, 60_000);
afterAll(async () => {
  door.server?.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(clinics?.map((clinic) => clinic.stop()) ?? []);
  await all?.close();
}, 30_000);

/** Starts the provider's server; `taken` lists what it took. */
async function startMailbox({ silent = false } = {}): Promise<{ mailbox: Mailbox; taken: string[] }> {
  const leaving = new AbortController();
  const reports = createReports({
    url: `${clinics[0]!.url}/email-events`,
    key: all.secret('email_webhook_key'),
    sleep: (ms) => wait(ms, undefined, { signal: leaving.signal }),
    log: () => {},
  });
  const taken: string[] = [];
  const mailbox = createMailbox({
    taken: (id: string, outcomes: readonly Outcome[]) => {
      taken.push(id);
      if (!silent) reports.add(id, outcomes);
    },
  });
  door.target = await mailbox.listen(0, '127.0.0.1');
  reports.run().catch(() => {});
  onTestFinished(async () => {
    door.away = true;
    leaving.abort();
    await mailbox.close();
  });
  return { mailbox, taken };
}

let minute = 0;
async function book(client: string): Promise<string> {
  const starts_at = new Date(Date.UTC(2033, 0, 3, 8, 5 * minute++)).toISOString();
  const answer = await ask('POST', '/api/appointments', {
    token: desk,
    body: { client_id: client, clinician_id: 1, starts_at, minutes: 5 },
  });
  expect(answer.status).toBe(201);
  const [mail] = await prepared.owner.query<{ id: string }>('SELECT id FROM emails WHERE appointment_id = $1', [
    answer.body.id,
  ]);
  return mail!.id;
}
interface Mail {
  readonly state: string;
  readonly attempts: number;
  readonly waits: boolean;
}
async function mail(id: string): Promise<Mail> {
  const [row] = await prepared.owner.query<Mail>(
    "SELECT state, attempts, next_attempt_at < 'infinity' AS waits FROM emails WHERE id = $1",
    [id],
  );
  return row!;
}
const becomes = (id: string, expected: Partial<Mail>) =>
  expect.poll(() => mail(id), { timeout: 40_000, interval: 100 }).toMatchObject(expected);

test('while the mail server is away mail waits and no attempt is counted; then each is told apart: delivered, bounced, deferred', async () => {
  const recipients = ['client', 'bounce-client', 'defer-client', 'later-client'];
  for (const [index, name] of recipients.entries()) {
    await prepared.owner.query('UPDATE clients SET email = $2 WHERE id = $1', [
      clients[index],
      `${name}@clinic.example`,
    ]);
  }
  const ids: string[] = [];
  for (const index of recipients.keys()) ids.push(await book(clients[index]!));
  const said = () => clinics.map((clinic) => clinic.output()).join();
  await expect.poll(said, { timeout: 20_000 }).toContain('mail_server_away');
  for (const id of ids) expect(await mail(id)).toEqual({ state: 'queued', attempts: 0, waits: true });
  expect(await ask('GET', '/api/health/email')).toMatchObject({
    status: 503,
    body: { status: 'down', outbox: { queued: 4, deferred: 0 } },
  });

  const { mailbox, taken } = await startMailbox();
  door.away = false;
  await becomes(ids[0]!, { state: 'delivered', attempts: 1, waits: false });
  await becomes(ids[1]!, { state: 'bounced', attempts: 1, waits: false });
  await becomes(ids[2]!, { state: 'deferred', attempts: 1, waits: true });
  await becomes(ids[3]!, { state: 'delivered', attempts: 1, waits: false });
  expect(taken.sort()).toEqual([ids[0], ids[1], ids[3]].sort());
  expect(mailbox.counts).toMatchObject({ taken: 3, repeated: 0, refused: 1 });
  expect(await ask('GET', '/api/health/email')).toMatchObject({
    status: 200,
    body: { outbox: { queued: 0, deferred: 1 } },
  });
  await expect.poll(said, { timeout: 10_000 }).toContain('mail_server_back');

  // The time has come for what was deferred.
  await prepared.owner.query('UPDATE clients SET email = $2 WHERE id = $1', [clients[2], 'x']);
  await prepared.owner.query(
    "UPDATE emails SET next_attempt_at = now(), recipient = 'client@clinic.example' WHERE id = $1",
    [ids[2]],
  );
  await becomes(ids[2]!, { state: 'delivered', attempts: 2, waits: false });
}, 90_000);

test('two workers and a server that comes and goes: every mail arrives, none is sent twice', async () => {
  const { mailbox, taken } = await startMailbox();
  door.away = false;
  const queued = await prepared.owner.query<{ id: string }>(
    `INSERT INTO emails (client_id, kind, recipient)
     SELECT $1, 'appointment_reminder', 'client-' || n || '@clinic.example' FROM generate_series(1, 120) AS n RETURNING id`,
    [clients[0]],
  );
  await expect.poll(() => taken.length, { timeout: 30_000, interval: 5 }).toBeGreaterThan(20);
  door.away = true;
  for (const socket of sockets) socket.destroy();
  await wait(300);
  expect(taken.length).toBeLessThan(120);
  door.away = false;
  const delivered = () =>
    prepared.owner.query<{ id: string }>(
      "SELECT id FROM emails WHERE state = 'delivered' AND recipient LIKE 'client-%' AND id = ANY($1)",
      [queued.map(({ id }) => id)],
    );
  await expect.poll(async () => (await delivered()).length, { timeout: 60_000, interval: 200 }).toBe(120);
  expect(mailbox.counts.taken).toBe(120);
  // Of each worker, the one whose answer was lost when the server went.
  expect(mailbox.counts.repeated).toBeLessThanOrEqual(2);
  expect([...taken].sort()).toEqual(queued.map(({ id }) => id).sort());
}, 120_000);

test('an answer that is lost has the mail sent again under the same id, which the server knows', async () => {
  // One that tells what became of a mail would have it not sent again.
  const { mailbox, taken } = await startMailbox({ silent: true });
  door.loseAnswers = 1;
  door.away = false;
  const id = await book(clients[0]!);
  await expect.poll(() => mailbox.counts.repeated, { timeout: 40_000 }).toBe(1);
  expect(taken).toEqual([id]);
  await becomes(id, { state: 'sent', attempts: 1, waits: false });
}, 60_000);

test('a report counts when it is signed, timely and known, once, and never backwards', async () => {
  const [row] = await prepared.owner.query<{ id: string }>(
    `INSERT INTO emails (client_id, kind, recipient, state, next_attempt_at)
     VALUES ($1, 'appointment_reminder', 'x@clinic.example', 'sent', 'infinity') RETURNING id`,
    [clients[0]],
  );
  const id = row!.id;
  const now = Math.floor(Date.now() / 1000);
  const report = (
    body: string,
    { timestamp = String(now), key = all.secret('email_webhook_key'), signature = '' } = {},
  ) =>
    ask('POST', '/email-events', {
      body,
      headers: {
        'x-email-timestamp': timestamp,
        'x-email-signature': signature || signatureOf(key, timestamp, Buffer.from(body)).toString('hex'),
      },
    });
  const delivered = JSON.stringify({ id, state: 'delivered' });
  const refused = [
    await report(delivered, { key: 'another key' }),
    await report(delivered, { timestamp: String(now - 400) }),
    await report(delivered, { timestamp: String(now + 400) }),
    await report(delivered, { timestamp: 'now' }),
    await report(delivered, { signature: 'zz' }),
    await report(`${delivered} `, {
      signature: signatureOf(all.secret('email_webhook_key'), String(now), Buffer.from(delivered)).toString('hex'),
    }),
    await ask('POST', '/email-events', { body: delivered }),
  ];
  expect(refused.map(({ body }) => body.code)).toEqual(Array(7).fill('email_event_refused'));
  expect((await mail(id)).state).toBe('sent');
  const wrong = JSON.stringify({ id, state: 'queued' });
  expect((await report(wrong)).body.code).toBe('request_invalid');
  expect((await report('{"canary')).body.code).toBe('body_malformed');
  expect(
    (await report(JSON.stringify({ id: '11111111-1111-4111-8111-111111111111', state: 'delivered' }))).body.code,
  ).toBe('email_unknown');

  const states: string[] = [];
  for (const state of ['deferred', 'delivered', 'delivered', 'deferred', 'bounced', 'delivered']) {
    expect((await report(JSON.stringify({ id, state }))).status).toBe(204);
    states.push((await mail(id)).state);
  }
  expect(states).toEqual(['deferred', 'delivered', 'delivered', 'delivered', 'bounced', 'bounced']);
});

describe('one worker', () => {
  let alone: Prepared;
  let client: string;
  beforeAll(async () => {
    alone = await all.prepare('alone', { clients: 1 });
    client = (await alone.owner.query<{ id: string }>('SELECT id FROM clients'))[0]!.id;
  }, 60_000);

  /** Works through mails to these addresses, in this order. */
  async function work(
    server: MailServer,
    recipients: readonly string[],
    leaving = new AbortController(),
  ): Promise<{ events: string[]; ended: Promise<unknown>; mails: () => Promise<Mail[]> }> {
    await alone.owner.query('DELETE FROM emails');
    await alone.owner.query(
      `INSERT INTO emails (client_id, kind, recipient, next_attempt_at)
       SELECT $1, 'appointment_reminder', recipient, now() - make_interval(secs => 100 - n)
       FROM unnest($2::text[]) WITH ORDINALITY AS listed (recipient, n)`,
      [client, recipients],
    );
    const events: string[] = [];
    const ended = runOutbox({
      database: alone.app,
      server,
      log: (_level, event) => events.push(event),
      signal: leaving.signal,
      sleep: (ms) => wait(ms, undefined, { signal: leaving.signal }),
    }).catch((error: unknown) => error);
    onTestFinished(async () => {
      leaving.abort();
      await ended;
    });
    const mails = () =>
      alone.owner.query<Mail>(
        `SELECT state, attempts, next_attempt_at < 'infinity' AS waits FROM emails
         ORDER BY array_position($1::text[], recipient)`,
        [recipients],
      );
    return { events, ended, mails };
  }

  /** Answers every line with what `answer` says of it. */
  async function saying(greeting: string, answer: (line: string) => string): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => {}).write(`${greeting}\r\n`);
      socket.on('data', (data) => {
        for (const line of data.toString().split('\r\n').filter(Boolean)) socket.write(`${answer(line)}\r\n`);
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const from = 'practice@clinic.example';

  test.each([
    ['is greeted with 554', '554 No', () => '250 Yes'],
    ['is not let send by 530', '220 Yes', (line: string) => (line.startsWith('MAIL') ? '530 No' : '250 Yes')],
  ])('that %s knows nothing of the mail, which waits', async (_, greeting, answer) => {
    const url = await saying(greeting, answer);
    const { events, mails } = await work(openMailServer({ url, from }), ['client@clinic.example']);
    await expect.poll(() => events, { timeout: 5000 }).toContain('mail_server_away');
    expect(await mails()).toEqual([{ state: 'queued', attempts: 0, waits: true }]);
  });

  test('whose password is refused knows nothing of the mail, which waits', async () => {
    // The certificate is that of the package.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const answered: number[] = [];
    const server = new SMTPServer({
      secure: true,
      logger: false,
      onAuth(_auth, _session, answer) {
        answered.push(535);
        answer(Object.assign(new Error('No'), { responseCode: 535 }));
      },
    });
    server.listen(0, '127.0.0.1');
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });
    await once(server.server, 'listening');
    const url = `smtps://practice@127.0.0.1:${(server.server.address() as AddressInfo).port}`;
    const { events, mails } = await work(openMailServer({ url, from, password: 'wrong' }), ['client@clinic.example']);
    await expect.poll(() => events, { timeout: 5000 }).toContain('mail_server_away');
    expect(answered).toContain(535);
    expect(await mails()).toEqual([{ state: 'queued', attempts: 0, waits: true }]);
  });

  test('gives up an address that no server can be asked about, and goes on', async () => {
    const mailbox = createMailbox({ taken: () => {} });
    const port = await mailbox.listen(0, '127.0.0.1');
    onTestFinished(() => mailbox.close());
    const url = `smtp://127.0.0.1:${port}`;
    const { mails } = await work(openMailServer({ url, from }), [' ', 'client@clinic.example']);
    await expect.poll(mails, { timeout: 5000 }).toEqual([
      { state: 'bounced', attempts: 1, waits: false },
      { state: 'sent', attempts: 1, waits: false },
    ]);
  });

  test('that is to end sends no further mail, and gives back what it took', async () => {
    const leaving = new AbortController();
    const sent: string[] = [];
    const server: MailServer = {
      async send({ to }) {
        sent.push(to);
        if (sent.length === 2) leaving.abort();
        return 'sent';
      },
      greet: async () => {},
    };
    const { events, ended } = await work(
      server,
      ['a', 'b', 'c', 'd'].map((name) => `${name}@clinic.example`),
      leaving,
    );
    await ended;
    expect(sent).toHaveLength(2);
    expect(events).toEqual([]);
    const due = await alone.owner.query('SELECT FROM emails WHERE attempts = 0 AND next_attempt_at <= now()');
    expect(due).toHaveLength(2);
  });
});

test('waits between attempts double, from half a minute to eight hours', () => {
  expect([1, 2, 3, 10, 11, 12].map(retryAfter)).toEqual([30, 60, 120, 15_360, 28_800, 28_800]);
});

test('nobody is named in logs and telemetry', () => {
  const said = [...clinics.map((clinic) => clinic.output()), ...all.sink.bodies].join('\n');
  expect(said).not.toMatch(/@clinic\.example|appointment is booked|message-id/i);
});
