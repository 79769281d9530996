import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, truncateSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Ask, type Asked, asking } from './testing/client.ts';
import type { ClinicProcess } from './testing/clinic-process.ts';
import { sessionOf } from './testing/session.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

// Each waits for a disk and a database that others use as well.
vi.setConfig({ testTimeout: 30_000 });

let all: TestClinic;
let prepared: Prepared;
let clinic: ClinicProcess;
let ask: Ask;
let clinician: string;
let colleague: string;
let desk: string;
let clients: string[];

beforeAll(async () => {
  all = await testClinic();
  prepared = await all.prepare('clinic', { clients: 60 });
  clinic = await all.start(prepared.environment);
  ask = asking(clinic.url);
  const { query } = prepared.owner;
  clinician = await sessionOf(query, 'clinician@clinic.example');
  colleague = await sessionOf(query, 'clinician-02@clinic.example');
  desk = await sessionOf(query, 'frontdesk@clinic.example');
  clients = (await query<{ id: string }>('SELECT id FROM clients ORDER BY id')).map(({ id }) => id);
}, 60_000);
afterAll(async () => {
  await clinic?.stop();
  await all?.close();
}, 30_000);

const get = (path: string, token = clinician) => ask('GET', path, { token });
const post = (path: string, body: unknown, asked: Asked = {}) =>
  ask('POST', path, { token: clinician, body, ...asked });
const audited = (action: string, outcome: string) =>
  prepared.owner.query<{ reason: string | null; client_id: string | null; resource_id: string | null }>(
    'SELECT reason, client_id, resource_id FROM audit_log WHERE action = $1 AND outcome = $2 ORDER BY seq',
    [action, outcome],
  );

describe('appointments', () => {
  test('50 posts at the same moment for times that overlap: one is booked, 49 are refused, each is audited', async () => {
    const before = (await audited('appointment_created', 'refused')).length;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        const minute = String(index % 30).padStart(2, '0');
        const body = {
          client_id: clients[index % 5],
          clinician_id: 1,
          starts_at: `2031-03-03T10:${minute}:00Z`,
          minutes: 30,
        };
        return ask('POST', '/api/appointments', { token: index % 2 ? clinician : desk, body });
      }),
    );
    const codes = answers.map(({ status, body }) => `${status} ${body.code ?? 'booked'}`).sort();
    expect(codes).toEqual(['201 booked', ...Array(49).fill('409 appointment_overlap')]);
    const refused = (await audited('appointment_created', 'refused')).slice(before);
    expect(refused.map(({ reason }) => reason)).toEqual(Array(49).fill('appointment_overlap'));
    expect(refused.every(({ client_id }) => clients.includes(client_id ?? ''))).toBe(true);
    const booked = answers.find(({ status }) => status === 201)!;
    const mails = await prepared.owner.query(
      "SELECT kind, emails.state FROM emails JOIN appointments ON appointments.id = appointment_id WHERE starts_at::date = '2031-03-03'",
    );
    expect(mails).toEqual([{ kind: 'appointment_booked', state: 'queued' }]);
    expect((await audited('appointment_created', 'allowed')).at(-1)).toMatchObject({ resource_id: booked.body.id });
  }, 60_000);

  test('what is cancelled makes room; it can be booked again only while there is room', async () => {
    const book = (time: string) =>
      post('/api/appointments', {
        client_id: clients[0],
        clinician_id: 1,
        starts_at: `2031-03-04T${time}:00Z`,
        minutes: 60,
      });
    const change = (id: unknown, state: string) =>
      ask('PATCH', `/api/appointments/${id}`, { token: desk, body: { state } });
    const first = await book('09:00');
    expect((await change(first.body.id, 'cancelled')).body).toMatchObject({ state: 'cancelled', minutes: 60 });
    expect((await book('09:30')).status).toBe(201);
    expect(await change(first.body.id, 'booked')).toMatchObject({ status: 409, body: { code: 'appointment_overlap' } });
    expect((await book('10:30')).status).toBe(201);
    expect((await change(first.body.id, 'gone')).status).toBe(400);
    expect((await change('11111111-1111-4111-8111-111111111111', 'missed')).body.code).toBe('appointment_unknown');
  });

  test('are listed between two times, of one clinician or all', async () => {
    const list = (query: string) => get(`/api/appointments?${query}`, desk);
    const { body } = await list('from=2031-03-03T00:00:00Z&to=2031-03-05T00:00:00Z');
    const listed = body.appointments as { starts_at: string; clinician_id: number; state: string }[];
    expect(listed.map(({ starts_at }) => starts_at)).toEqual(listed.map(({ starts_at }) => starts_at).sort());
    expect(listed).toHaveLength(4);
    expect((body.clinicians as object[]).length).toBe(12);
    const ofTwo = await list('from=2031-03-03T00:00:00Z&to=2031-03-05T00:00:00Z&clinician_id=4');
    expect(ofTwo.body.appointments).toEqual([]);
    for (const wrong of ['', 'from=2031-03-03T00:00:00Z&to=2031-06-03T00:00:00Z', 'from=x&to=y']) {
      expect((await list(wrong)).body.code).toBe('request_invalid');
    }
  });
});

describe('clinical notes', () => {
  test('are signed by their author, once, and then nothing changes them', async () => {
    const written = await post('/api/clinical-notes', { client_id: clients[1], kind: 'progress', body: 'Synthetic.' });
    expect([written.status, written.headers.get('location')]).toEqual([201, `/api/clinical-notes/${written.body.id}`]);
    const own = await get('/api/clinical-notes');
    expect((own.body.notes as object[])[0]).toMatchObject({
      id: written.body.id,
      signed: false,
      client_id: clients[1],
    });
    const sign = (token: string) => ask('POST', `/api/clinical-notes/${written.body.id}/signature`, { token });
    expect(await sign(colleague)).toMatchObject({ status: 403, body: { code: 'note_not_yours' } });
    expect((await sign(clinician)).body).toMatchObject({ signed: true });
    expect(await sign(clinician)).toMatchObject({ status: 409, body: { code: 'note_signed' } });
    const shown = await get(`/api/clinical-notes/${written.body.id}`, colleague);
    expect(shown.body).toMatchObject({ body: 'Synthetic.', signed: true, own: false });
    expect((await audited('note_read', 'allowed')).at(-1)).toMatchObject({
      client_id: clients[1],
      resource_id: written.body.id,
    });
    for (const sql of [
      "UPDATE clinical_notes SET body = 'x' WHERE id = $1",
      'DELETE FROM clinical_notes WHERE id = $1',
    ]) {
      await expect(prepared.owner.query(sql, [written.body.id])).rejects.toThrow('a signed note cannot be changed');
      await expect(prepared.app.query(sql, [written.body.id])).rejects.toThrow('permission denied');
    }
    await expect(
      prepared.app.query('UPDATE clinical_notes SET signed_at = NULL WHERE id = $1', [written.body.id]),
    ).rejects.toThrow('a signed note cannot be changed');
  });

  test('belong to an appointment of the same client, or to none', async () => {
    const [other] = await prepared.owner.query<{ id: string; client_id: string }>(
      'SELECT id, client_id FROM appointments WHERE client_id <> $1 LIMIT 1',
      [clients[1]],
    );
    const note = { kind: 'progress', body: 'Synthetic.', appointment_id: other!.id };
    const refused = await post('/api/clinical-notes', { ...note, client_id: clients[1] });
    expect(refused).toMatchObject({ status: 422, body: { code: 'note_appointment_unknown' } });
    expect((await post('/api/clinical-notes', { ...note, client_id: other!.client_id })).status).toBe(201);
  });
});

test('the dashboard counts what waits for oneself and which mails did not arrive this week, and names nobody', async () => {
  const { query } = prepared.owner;
  const dashboard = async (token?: string) => (await get('/api/dashboard', token)).body;
  const before = await dashboard();
  const ofColleague = await dashboard(colleague);
  const { body: note } = await post('/api/clinical-notes', {
    client_id: clients[1],
    kind: 'progress',
    body: 'Synthetic.',
  });
  const [mail] = await query<{ id: string }>("SELECT id FROM emails WHERE state = 'delivered' LIMIT 1");
  const mailIs = (state: string, days: number) =>
    query('UPDATE emails SET state = $2, changed_at = now() - make_interval(days => $3) WHERE id = $1', [
      mail!.id,
      state,
      days,
    ]);
  await mailIs('bounced', 6);
  const counts = (start: typeof before, { notes, mails }: { notes: number; mails: number }) => ({
    unsigned_notes: Number(start.unsigned_notes) + notes,
    emails_undelivered: Number(start.emails_undelivered) + mails,
  });
  expect(await dashboard()).toEqual(counts(before, { notes: 1, mails: 1 }));
  expect(await dashboard(colleague)).toEqual(counts(ofColleague, { notes: 0, mails: 1 }));
  await mailIs('bounced', 8);
  await ask('POST', `/api/clinical-notes/${note.id}/signature`, { token: clinician });
  expect(await dashboard()).toEqual(before);
});

describe('charts', () => {
  test('show the front desk no notes and no medications, and neither shows the text of a note', async () => {
    const [chart, front] = [await get(`/api/clients/${clients[2]}`), await get(`/api/clients/${clients[2]}`, desk)];
    expect(Object.keys(chart.body)).toEqual([
      'client',
      'appointments',
      'documents',
      'clinicians',
      'notes',
      'medications',
    ]);
    expect(Object.keys(front.body)).toEqual(['client', 'appointments', 'documents', 'clinicians']);
    expect((chart.body.notes as object[]).length).toBeGreaterThan(0);
    expect(chart.text).not.toContain('Synthetic note');
  });

  test('open after the glass was broken, for a listed reason', async () => {
    const broken = await post(`/api/clients/${clients[3]}/break-glass`, { reason: 'emergency' });
    expect(broken.status).toBe(201);
    expect((await audited('break_glass', 'allowed')).at(-1)).toMatchObject({
      reason: 'emergency',
      client_id: clients[3],
    });
    expect((await post(`/api/clients/${clients[3]}/break-glass`, { reason: 'curiosity' })).body.code).toBe(
      'request_invalid',
    );
  });

  test.each([
    ['hazel', 'each word begins a name'],
    ['HAZEL mock', 'two words, in any order'],
    ['mock hazel', 'two words, in any order'],
  ])('are found by %s: %s', async (search) => {
    const { body } = await get(`/api/clients?search=${encodeURIComponent(search)}`);
    const [expected] = await prepared.owner.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM clients WHERE given_name = 'Hazel' ${search.includes(' ') ? "AND family_name LIKE 'Mock%'" : ''}`,
    );
    expect(body.total).toBe(expected!.total);
    expect(body.total).toBeGreaterThan(0);
  });
});

describe('documents', () => {
  const upload = (content: string, headers: Readonly<Record<string, string>> = {}) =>
    post(`/api/clients/${clients[4]}/documents`, content, {
      headers: { 'content-type': 'text/plain', 'x-document-name': 'a%20name.txt', ...headers },
    });
  const stored = () => readdirSync(prepared.environment.DOCUMENT_STORE!).length;

  test('come back as they were, as a download that no browser shows', async () => {
    const content = '<script>alert(1)</script>';
    const { status, body } = await upload(content, { 'x-document-name': encodeURIComponent('../é "x"\r\n.html') });
    expect([status, body.name]).toEqual([201, '../é "x"\r\n.html']);
    const document = await get(`/api/documents/${body.id}`);
    expect([document.status, document.text]).toEqual([200, content]);
    expect(Object.fromEntries(document.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': "attachment; filename*=UTF-8''.._%C3%A9%20%22x%22%0D%0A.html",
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'no-store',
    });
    expect((await audited('document_read', 'allowed')).at(-1)).toMatchObject({
      client_id: clients[4],
      resource_id: body.id,
    });
    expect((await get(`/api/documents/${body.id}`, desk)).body.code).toBe('role_refused');
    expect((await get('/api/documents', desk)).body.total).toBeGreaterThan(0);
  });

  test('of another type, without a name, too large or of nobody are refused and leave nothing', async () => {
    const before = stored();
    const codes = [
      await upload('x', { 'content-type': 'text/html' }),
      await upload('x', { 'x-document-name': '' }),
      await upload('x', { 'x-document-name': '%ff' }),
      await upload('x', { 'x-document-name': 'a'.repeat(201) }),
      await upload('x'.repeat(5_000_001)),
      await post('/api/clients/11111111-1111-4111-8111-111111111111/documents', 'x', {
        headers: { 'content-type': 'text/plain', 'x-document-name': 'x' },
      }),
    ].map(({ body }) => body.code);
    const name = 'document_name_invalid';
    expect(codes).toEqual(['document_type_refused', name, name, name, 'document_too_large', 'client_unknown']);
    const chunked = await fetch(`${clinic.url}/api/clients/${clients[4]}/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${clinician}`, 'content-type': 'text/plain', 'x-document-name': 'x' },
      body: new Blob([new Uint8Array(5_100_000)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(stored()).toBe(before);
    expect(readdirSync(join(prepared.environment.DOCUMENT_STORE!, 'incoming'))).toEqual([]);
  });

  test('that are refused half way leave the connection to the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (method: string, path: string, body: Buffer[] = []) => {
      const outgoing = request(`${clinic.url}${path}`, {
        agent,
        method,
        headers: { authorization: `Bearer ${clinician}`, 'content-type': 'text/plain', 'x-document-name': 'x' },
      });
      const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
      for (const chunk of body) outgoing.write(chunk);
      outgoing.end();
      const [answer] = await answered;
      await text(answer);
      return answer.statusCode;
    };
    const chunks = Array.from({ length: 12 }, () => Buffer.alloc(1_000_000));
    expect(await send('POST', `/api/clients/${clients[4]}/documents`, chunks)).toBe(413);
    expect(await send('GET', '/api/documents')).toBe(200);
    agent.destroy();
  });

  test('whose sender goes away are not stored', async () => {
    const before = stored();
    const { hostname, port } = new URL(clinic.url);
    const socket = createConnection(Number(port), hostname);
    socket.write(
      `POST /api/clients/${clients[4]}/documents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${clinician}\r\n` +
        'content-type: text/plain\r\nx-document-name: x\r\ncontent-length: 1000\r\n\r\nhalf',
    );
    const incoming = join(prepared.environment.DOCUMENT_STORE!, 'incoming');
    await expect.poll(() => readdirSync(incoming).length, { timeout: 10_000 }).toBe(1);
    socket.destroy();
    await expect.poll(() => readdirSync(incoming).length, { timeout: 10_000 }).toBe(0);
    expect(stored()).toBe(before);
  });

  const limit = (bytes: string) => spawnSync('prlimit', [`--pid=${clinic.child.pid}`, `--fsize=${bytes}:`]).status;

  test.runIf(process.platform === 'linux')(
    'find no room: that is told, nothing half remains, and with room it goes on',
    async () => {
      const before = stored();
      expect(limit('1000')).toBe(0);
      expect(await upload('x'.repeat(5000))).toMatchObject({ status: 507, body: { code: 'storage_full' } });
      expect([stored(), readdirSync(join(prepared.environment.DOCUMENT_STORE!, 'incoming'))]).toEqual([before, []]);
      expect((await get('/api/documents')).status).toBe(200);
      expect(limit('unlimited')).toBe(0);
      expect((await upload('x'.repeat(5000))).status).toBe(201);
    },
  );

  test('that are damaged on the disk are told as such, and not one byte is sent', async () => {
    const { body } = await upload('a document that will be cut');
    truncateSync(join(prepared.environment.DOCUMENT_STORE!, String(body.id)), 10);
    expect(await get(`/api/documents/${body.id}`)).toMatchObject({ status: 500, body: { code: 'document_damaged' } });
    expect(clinic.output()).toContain('"code":"document_damaged"');
  });
});

const INJECTIONS = [
  "'; DROP TABLE clients; --",
  "' OR '1'='1",
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '{{7*7}}#{7*7}<%= 7*7 %>',
  '$1\\0\\x00%00',
  '../../../etc/passwd',
  '{"$gt":""}',
  'Robert\u202e\ufeff\u0007',
];

describe('what somebody injects', () => {
  test('is kept as it was typed, as data, wherever text is kept', async () => {
    for (const text of INJECTIONS) {
      const note = await post('/api/clinical-notes', { client_id: clients[5], kind: 'phone', body: text });
      expect((await get(`/api/clinical-notes/${note.body.id}`)).body.body).toBe(text);
      const headers = { 'content-type': 'text/plain', 'x-document-name': encodeURIComponent(text) };
      const document = await post(`/api/clients/${clients[5]}/documents`, text, { headers });
      expect(document.body.name).toBe(text);
      expect((await get(`/api/documents/${document.body.id}`)).text).toBe(text);
      expect((await get(`/api/clients?search=${encodeURIComponent(text)}`)).body).toMatchObject({ total: 0 });
    }
    const json = await get(`/api/clients/${clients[5]}`);
    expect(json.headers.get('content-type')).toContain('application/json');
  });

  test('is refused with a code wherever no text belongs, never echoed, and audited', async () => {
    const appointment = { client_id: clients[0], clinician_id: 1, starts_at: '2032-01-01T10:00:00Z', minutes: 30 };
    const note = { client_id: clients[0], kind: 'phone', body: 'x' };
    for (const text of INJECTIONS) {
      const typed = encodeURIComponent(text);
      const before = (await prepared.owner.query("SELECT seq FROM audit_log WHERE outcome = 'refused'")).length;
      const answers = [
        ...Object.keys(appointment).map((field) => post('/api/appointments', { ...appointment, [field]: text })),
        post('/api/appointments', { ...appointment, [text]: text }),
        ask('PATCH', `/api/appointments/${typed}`, { token: clinician, body: { state: 'booked' } }),
        ...['client_id', 'kind', 'appointment_id'].map((field) =>
          post('/api/clinical-notes', { ...note, [field]: text }),
        ),
        post(`/api/clients/${clients[0]}/break-glass`, { reason: text }),
        post(`/api/clinical-notes/${typed}/signature`, {}),
        get(`/api/clinical-notes/${typed}`),
        get(`/api/documents/${typed}`),
        get(`/api/clients/${typed}`),
        ...['clients', 'documents', 'clinical-notes'].map((path) => get(`/api/${path}?page=${typed}`)),
        get(`/api/appointments?from=${typed}&to=${typed}`),
        post(`/api/clients/${clients[0]}/documents`, 'x', {
          headers: { 'content-type': 'text/x', 'x-document-name': typed },
        }),
      ];
      for (const { status, body, text: said } of await Promise.all(answers)) {
        expect([400, 404, 415]).toContain(status);
        expect(body.code).toMatch(/^[a-z_]+$/);
        expect(said).not.toContain(text);
      }
      const after = (await prepared.owner.query("SELECT seq FROM audit_log WHERE outcome = 'refused'")).length;
      expect(after - before).toBe(answers.length);
    }
    const [tables] = await prepared.owner.query<{ clients: number; words: number }>(
      `SELECT (SELECT count(*)::int FROM clients) AS clients,
         (SELECT count(*)::int FROM audit_log WHERE audit_log::text ~ 'DROP|script|passwd') AS words`,
    );
    expect(tables).toEqual({ clients: 60, words: 0 });
  }, 60_000);

  test.each(['a\0b', '\ud800'])('and cannot be kept as it is, is refused: %j', async (text) => {
    const note = await post('/api/clinical-notes', { client_id: clients[0], kind: 'phone', body: text });
    expect(note).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
    expect((await get(`/api/clients?search=${encodeURIComponent(text.toWellFormed())}`)).body.total).toBe(0);
  });
});

test('the storage is asked for real', async () => {
  expect((await get('/api/health/storage')).body).toMatchObject({ status: 'up', free_bytes: expect.any(Number) });
  expect(await get('/api/health/email')).toMatchObject({ status: 503, body: { status: 'down' } });
});

test('nothing that was typed or stored is in logs and telemetry', async () => {
  const [{ words } = { words: '' }] = await prepared.owner.query<{ words: string }>(
    "SELECT string_agg(DISTINCT word, '|') AS words FROM (SELECT family_name FROM clients UNION SELECT email FROM clients) AS all_words (word)",
  );
  const said = [clinic.output(), ...all.sink.bodies].join('\n');
  expect(said).not.toMatch(new RegExp(`${words.replaceAll('.', '\\.')}|DROP TABLE|alert\\(1\\)|etc/passwd|Synthetic`));
});
