import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../schedule.ts';
import { type ClinicDatabase, startClinicDatabase } from '../testing/clinic-database.ts';
import { createCheck } from './check.ts';
import { databaseProbe } from './database-check.ts';
import { type EmailObserved, emailProbe } from './email-check.ts';
import { serviceProbe } from './service-check.ts';
import { storageProbe } from './storage-check.ts';
import { archiveState, walArchiveProbe } from './wal-archive-check.ts';

const never = new AbortController().signal;
let database: ClinicDatabase;
const servers: Server[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server whose answer can be changed. */
async function answering(): Promise<{ url: string; say(status: number, body: string): void }> {
  let answer = { status: 200, body: 'ok\n' };
  const port = await listening(
    createHttpServer((_request, response) => response.writeHead(answer.status).end(answer.body)),
  );
  return {
    url: `http://127.0.0.1:${port}`,
    say: (status, body) => {
      answer = { status, body };
    },
  };
}

beforeAll(async () => {
  database = await startClinicDatabase();
}, 120_000);
afterAll(async () => {
  for (const server of servers) server.close();
  await database?.close();
});

describe('services', () => {
  test('a service that answers 200 with something else is down', async () => {
    const { url, say } = await answering();
    const probe = serviceProbe({ name: 'pager', url });
    expect(await probe(never)).toMatchObject({ state: 'healthy' });
    say(200, '<html>It works!</html>');
    expect(await probe(never)).toMatchObject({ state: 'down', message: expect.stringContaining('200') });
    say(200, '');
    expect(await probe(never)).toMatchObject({ state: 'down' });
    say(503, 'ok\n');
    expect(await probe(never)).toMatchObject({ state: 'down', message: 'It answers 503.' });
  });

  test('one that takes the connection and says nothing ends with its deadline', async () => {
    const sockets: Socket[] = [];
    const port = await listening(createServer((socket) => sockets.push(socket)));
    const probe = serviceProbe({ name: 'tempo', url: `http://127.0.0.1:${port}` });
    const check = createCheck({ name: 'tempo', probe, clock: systemClock, deadline: 200, freshFor: 90_000 });
    await check.run();
    expect(check.current()).toMatchObject({ state: 'down', message: 'No answer within 0.2 s.' });
    // The first probe let go, so that a second can ask.
    await expect
      .poll(async () => {
        await check.run();
        return check.current().message;
      })
      .toBe('No answer within 0.2 s.');
    for (const socket of sockets) socket.destroy();
  });

  test('the storage is what the clinic says, if it says something', async () => {
    const { url, say } = await answering();
    const probe = storageProbe(url);
    say(200, '{"status":"up","latency_ms":1}');
    expect(await probe(never)).toMatchObject({ state: 'healthy' });
    for (const [status, body] of [
      [503, '{"status":"down","reason":"storage_full"}'],
      [200, '{"status":"down"}'],
      [200, '{}'],
      [200, 'ok'],
      [503, '{"status":"up"}'],
    ] as const) {
      say(status, body);
      expect(await probe(never), `${status} ${body}`).toMatchObject({ state: 'down' });
    }
    say(404, '');
    expect(await probe(never)).toMatchObject({ state: 'unknown' });
  });
});

describe('the database', () => {
  test('healthy; degraded when its connections are nearly used up; down when it is away', async () => {
    const probe = databaseProbe(database.sentinel);
    expect(await probe(never)).toMatchObject({
      state: 'healthy',
      message: expect.stringMatching(/^\d+ of \d+ connections/),
    });
    const away = databaseProbe({ url: 'postgres://clinic_sentinel@127.0.0.1:1/clinic', password: 'x' });
    await expect(away(never)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('one that hangs: down, and its connection is let go', async () => {
    // Takes the connection, as a frozen server's kernel does.
    let open = 0;
    const port = await listening(
      createServer((socket) => {
        open++;
        socket.once('close', () => open--);
        socket.on('error', () => {});
        socket.resume();
      }),
    );
    const probe = databaseProbe({ url: `postgres://clinic_sentinel@127.0.0.1:${port}/clinic`, password: 'x' });
    const check = createCheck({ name: 'database', probe, clock: systemClock, deadline: 300, freshFor: 90_000 });
    await check.run();
    expect(check.current()).toMatchObject({ state: 'down', message: 'No answer within 0.3 s.' });
    await expect.poll(() => open).toBe(0);
  });

  test('the archive of changes: nobody receives, and the slot is lost', async () => {
    const probe = walArchiveProbe({ ...database.sentinel, slot: 'clinic_sentinel' });
    expect(await probe(never)).toMatchObject({
      state: 'down',
      message: expect.stringContaining('no replication slot'),
    });
    await database.query(`SELECT pg_create_physical_replication_slot('clinic_sentinel', true)`);
    expect(await probe(never)).toMatchObject({ state: 'down', message: 'Nobody receives the WAL.' });
    expect(archiveState({ active: true, wal_status: 'reserved', behind: 0 })).toMatchObject({ state: 'healthy' });
    expect(archiveState({ active: true, wal_status: 'extended', behind: 64 * 1024 * 1024 })).toMatchObject({
      state: 'degraded',
    });
    expect(archiveState({ active: true, wal_status: 'unreserved', behind: 0 })).toMatchObject({ state: 'degraded' });
    expect(archiveState({ active: false, wal_status: 'lost', behind: 0 })).toMatchObject({ state: 'down' });
  });
});

describe('e-mail', () => {
  let observed: EmailObserved;
  const probe = () =>
    emailProbe(database.sentinel, (what) => {
      observed = what;
    })(never);
  const outbox = async (delivered: number, bounced: number, minutesAgo = 5) => {
    await database.query('TRUNCATE emails');
    await add('delivered', delivered, minutesAgo);
    await add('bounced', bounced, minutesAgo);
  };
  const add = (state: string, count: number, minutesAgo: number) =>
    database.query(
      `INSERT INTO emails (kind, recipient, state, created_at, changed_at, synthetic)
       SELECT 'appointment_booked', 'nobody@example.org', $1, now() - $3 * interval '1 minute', now() - $3 * interval '1 minute', true
       FROM generate_series(1, $2)`,
      [state, count, minutesAgo],
    );

  test.each([
    [96, 4, 'healthy'],
    [95, 5, 'healthy'],
    [949, 51, 'degraded'],
    [90, 10, 'degraded'],
    [899, 101, 'down'],
    [0, 100, 'down'],
  ])('%i delivered and %i not: %s', async (delivered, failed, state) => {
    await outbox(delivered, failed);
    expect(await probe()).toMatchObject({ state });
    expect(observed.ratio).toBeCloseTo(delivered / (delivered + failed), 9);
  });

  test('none, and too few, are unknown, never healthy', async () => {
    await outbox(0, 0);
    expect(await probe()).toMatchObject({ state: 'unknown' });
    expect(observed.ratio).toBeUndefined();
    await outbox(19, 0);
    expect(await probe()).toMatchObject({ state: 'unknown' });
    await outbox(20, 0);
    expect(await probe()).toMatchObject({ state: 'healthy' });
  });

  test('mails that wait for long count as not delivered: a provider that is dead shows', async () => {
    await outbox(100, 0, 30);
    await add('queued', 30, 20);
    expect(await probe()).toMatchObject({ state: 'down', message: '100 of 130 mails were delivered.' });
    expect(observed.items.get('queued')).toBe(30);
    // Those that have only just been written say nothing yet.
    await outbox(100, 0, 30);
    await add('queued', 30, 1);
    expect(await probe()).toMatchObject({ state: 'healthy' });
  });

  test('a quiet practice is judged by its last day, a busy one by its last hour', async () => {
    await outbox(100, 0, 300);
    await add('bounced', 15, 10);
    expect(await probe()).toMatchObject({ state: 'down', message: '100 of 115 mails were delivered.' });
    await add('bounced', 10, 10);
    expect(await probe()).toMatchObject({ state: 'down', message: '0 of 25 mails were delivered.' });
  });
});
