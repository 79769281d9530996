import { request } from 'node:http';
import { Secret, TOTP } from 'otpauth';
import { eventually } from '../eventually.ts';
import type { Place, Planted } from './places.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly token?: string | undefined;
}

export interface ServerDriveOptions {
  readonly planted: Planted;
  /** The clinic's API. */
  readonly clinic: string;
  readonly management: string;
  /** Something that listens, which the clinic can be made to call. */
  readonly elsewhere: string;
  readonly password: string;
  /** As the owner of the database. */
  readonly query: (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;
}

/** The client of the words. */
export const CLIENT_ID = '7f3a7f3a-0000-4000-8000-0000000c0a5e';
const BOUNCES = '7f3a7f3a-0000-4000-8000-0000000b0ce5';
const DEFERS = '7f3a7f3a-0000-4000-8000-0000000defe5';
const NOBODY = '7f3a7f3a-0000-4000-8000-00000000b0d1';

/** Puts a word of its own into every part of requests, into the rows of a client, and into what goes wrong with them. */
export class ServerDrive {
  readonly #options: ServerDriveOptions;
  /** What was answered to requests that failed. */
  readonly refusals: Answer[] = [];

  constructor(options: ServerDriveOptions) {
    this.#options = options;
  }

  /** Not `fetch`: that would not send all of these headers, nor such paths. */
  ask(
    path: string,
    { method = 'GET', headers = {}, body, token }: Ask = {},
    base = this.#options.clinic,
  ): Promise<Answer> {
    const { hostname, port } = new URL(base);
    const bytes =
      body === undefined || Buffer.isBuffer(body) || typeof body === 'string'
        ? body
        : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          hostname,
          port,
          path,
          method,
          agent: false,
          headers: {
            ...(bytes === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
            ...(token ? { authorization: `Bearer ${token}` } : {}),
            ...headers,
          },
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('latin1');
          incoming.on('data', (chunk: string) => {
            text += chunk;
          });
          incoming.on('error', reject);
          incoming.on('end', () => {
            const answer = { status: incoming.statusCode ?? 0, text, headers: incoming.rawHeaders.join('\n') };
            if (answer.status >= 400) this.refusals.push(answer);
            resolve(answer);
          });
        },
      );
      // A server may close while a body that is too large is on its way.
      outgoing.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' || error.code === 'EPIPE'
          ? resolve({ status: 0, text: '', headers: '' })
          : reject(error),
      );
      outgoing.end(bytes);
    });
  }

  /** The same, and the status must be the expected one: a word that did not get where it belongs would prove nothing. */
  async expect(status: number, path: string, ask: Ask = {}): Promise<Answer> {
    const answer = await this.ask(path, ask);
    if (answer.status === status) return answer;
    throw new Error(`${ask.method ?? 'GET'} ${path}: ${answer.status} ${answer.text}, not ${status}`);
  }

  async signIn(name: string): Promise<string> {
    const body = { email: `${name}@clinic.example`, password: this.#options.password };
    const { text } = await this.expect(200, '/auth', { method: 'POST', body });
    return (JSON.parse(text) as { access_token: string }).access_token;
  }

  /** Rows as they are in a practice. */
  async people(): Promise<void> {
    const { planted, query } = this.#options;
    const { word } = planted;
    const client = (id: string, email: string) =>
      query(
        `INSERT INTO clients (id, given_name, family_name, born_on, email, phone, address, primary_clinician_id, synthetic)
         SELECT $1, $2, $3, '1990-01-01', $4, $5, $6, (SELECT min(id) FROM users WHERE email = 'clinician@clinic.example'), true`,
        [
          id,
          word('client: given name'),
          word('client: family name'),
          `${email}@clinic.example`,
          word('client: phone'),
          word('client: address'),
        ],
      );
    await client(CLIENT_ID, word('client: e-mail'));
    await client(BOUNCES, `bounce-${word('client: e-mail that bounces')}`);
    await client(DEFERS, `defer-${word('client: e-mail that is deferred')}`);
    await query(
      `INSERT INTO medications (client_id, prescribed_by, name, dose, started_on)
       SELECT id, primary_clinician_id, $2, $2, '2026-01-01' FROM clients WHERE id = $1`,
      [CLIENT_ID, word('client: medication')],
    );
    await query(`UPDATE messages SET body = $1 WHERE id = (SELECT min(id::text)::uuid FROM messages)`, [
      word('client: message'),
    ]);
  }

  async requests(): Promise<void> {
    const { word } = this.#options.planted;
    const html = { accept: 'text/html' };
    await this.expect(200, `/clients/${word('path: page of a client')}`, { headers: html });
    await this.expect(404, `/${word('path: page that does not exist')}`, { headers: html });
    await this.expect(404, `/api/${word('path: API that does not exist')}`);
    await this.expect(404, `/assets/${word('path: file that does not exist')}.js`);
    await this.expect(400, `/clients/%zz${word('path: escape that cannot be decoded')}`, { headers: html });
    await this.expect(404, `/${word('path: longer than any other')}/${'x'.repeat(8000)}`, { headers: html });
    await this.expect(404, `/${encodeURIComponent(`Zoë ${word('path: letters outside ASCII')} 王`)}`, {
      headers: html,
    });
    await this.expect(200, `/clients?patient=${word('query: of a page')}`, { headers: html });
    // Node refuses a method that it does not know before anything of ours sees it.
    await this.ask('/clients', { method: 'PROPFIND', headers: { 'x-method': word('method that does not exist') } });
    await this.expect(200, '/', {
      headers: {
        host: `${word('header: Host')}.example`,
        'user-agent': word('header: User-Agent'),
        referer: `https://clinic.example/clients/${word('header: Referer')}`,
        origin: `https://${word('header: Origin')}.example`,
        cookie: `patient=${word('header: Cookie')}`,
        'x-forwarded-for': word('header: X-Forwarded-For'),
        forwarded: `for=${word('header: Forwarded')}`,
        'x-request-id': word('header: X-Request-Id'),
        'accept-language': word('header: Accept-Language'),
        baggage: `patient=${word('header: baggage')}`,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: `patient=${word('header: tracestate')}`,
        [`x-${word('header: unknown name')}`]: word('header: unknown name'),
      },
    });
    await this.expect(200, '/', { headers: { traceparent: word('header: traceparent that is none') } });
    await this.expect(401, '/api/clients', { headers: { authorization: `Bearer ${word('header: Authorization')}` } });
  }

  async bodies(token: string): Promise<void> {
    const { word } = this.#options.planted;
    const post = (body: unknown, headers = {}) => ({ method: 'POST', body, headers, token });
    const notes = '/api/clinical-notes';
    await this.expect(400, notes, post(`[${word('body: malformed JSON')}]`));
    await this.expect(413, notes, post({ body: word('body: oversized').repeat(10_000) }));
    await this.expect(400, notes, post(Buffer.from(word('body: gzip that is none')), { 'content-encoding': 'gzip' }));
    await this.expect(
      415,
      notes,
      post({ body: 'x' }, { 'content-type': `application/json; charset=${word('body: charset that is none')}` }),
    );
    await this.ask(notes, post('x', { 'content-type': `text/${word('header: Content-Type')}` }));
    const fields = { client_id: CLIENT_ID, kind: 'progress' };
    const { text } = await this.expect(201, notes, post({ ...fields, body: word('note: body') }));
    const { id } = JSON.parse(text) as { id: string };
    await this.expect(200, `${notes}/${id}/signature`, { method: 'POST', token });
    await this.expect(200, `${notes}/${id}`, { token });
    await this.expect(201, notes, post({ ...fields, body: word('note: over-long body').repeat(1000) }));
    await this.expect(400, notes, post({ ...fields, body: word('note: body that is too long').repeat(2000) }));
    await this.expect(201, notes, post({ ...fields, body: `Zoë 王 🩺 ${word('note: letters outside ASCII')}` }));
    await this.expect(
      201,
      notes,
      post({ ...fields, body: `<img src=x onerror="${word('note: script in the body')}">` }),
    );
    await this.expect(400, notes, post({ ...fields, kind: word('note: kind that does not exist'), body: 'x' }));
    this.#options.planted.made('note: foreign key that fails', NOBODY);
    await this.expect(422, notes, post({ ...fields, client_id: NOBODY, body: 'x' }));
    await this.expect(
      400,
      `/api/clients/${CLIENT_ID}/break-glass`,
      post({ reason: word('break-glass: reason that is none') }),
    );
    await this.expect(400, '/api/appointments', post({ [word('appointment: field that does not exist')]: 1 }));
    await this.expect(400, '/api/appointments', post({ starts_at: word('appointment: time that is none') }));
    await this.expect(403, '/email-events', post({ state: word('e-mail event: state that is none') }));
  }

  async charts(token: string): Promise<void> {
    const { word } = this.#options.planted;
    await this.expect(404, `/api/clients/${word('path: API of a client')}`, { token });
    const chart = await this.expect(200, `/api/clients/${CLIENT_ID}`, { token });
    if (!chart.text.includes(word('client: family name'))) throw new Error('The chart does not show who it is of.');
    await this.expect(200, `/api/clients?search=${word('query: search for a client')}`, { token });
    await this.expect(200, `/api/clients?patient=${word('query: unknown parameter')}`, { token });
    const documents = `/api/clients/${CLIENT_ID}/documents`;
    const named = { 'x-document-name': `${word('document: name')}.txt`, 'content-type': 'text/plain' };
    const { text } = await this.expect(201, documents, {
      method: 'POST',
      headers: named,
      body: word('document: content'),
      token,
    });
    await this.expect(200, `/api/documents/${(JSON.parse(text) as { id: string }).id}`, { token });
    const type = `text/${word('document: type that is refused')}`;
    await this.expect(415, documents, {
      method: 'POST',
      headers: { ...named, 'content-type': type },
      body: 'x',
      token,
    });
    const broken = { ...named, 'x-document-name': `%zz${word('header: X-Document-Name')}` };
    await this.expect(400, documents, { method: 'POST', headers: broken, body: 'x', token });
    const large = word('document: content that is too large').repeat(400_000);
    await this.ask(documents, { method: 'POST', headers: named, body: large, token });
  }

  /** Mails go to the clients, and come back. */
  async appointments(token: string): Promise<void> {
    const { planted, query } = this.#options;
    const [clinician] = await query(`SELECT id FROM users WHERE email = 'clinician@clinic.example'`);
    const book = (client_id: string, hour: number, status: number) =>
      this.expect(status, '/api/appointments', {
        method: 'POST',
        token,
        body: { client_id, clinician_id: clinician?.id, starts_at: `2031-01-05T1${hour}:00:00Z`, minutes: 30 },
      });
    await book(CLIENT_ID, 0, 201);
    await book(BOUNCES, 1, 201);
    await book(DEFERS, 2, 201);
    await book(CLIENT_ID, 0, 409);
    const nobody = NOBODY.replace('b0d1', 'b0d2');
    planted.made('appointment: client that does not exist', nobody);
    await book(nobody, 3, 422);
  }

  /** Resolves when the mails have been sent, and it is known what became of them. */
  async mails(): Promise<void> {
    const wanted = ['bounced', 'deferred', 'delivered'];
    const states = async () => {
      const rows = await this.#options.query(
        `SELECT DISTINCT CASE WHEN state = 'queued' AND attempts > 0 THEN 'deferred' ELSE state END AS state
         FROM emails WHERE client_id = ANY ($1) ORDER BY state`,
        [[CLIENT_ID, BOUNCES, DEFERS]],
      );
      return rows.map(({ state }) => state);
    };
    await eventually(async () => (await states()).join() === wanted.join(), {
      within: 60_000,
      every: 250,
      what: `mails that are ${wanted.join(', ')}`,
    });
  }

  async accounts(): Promise<void> {
    const { planted, password } = this.#options;
    const { word } = planted;
    const post = (body: unknown) => ({ method: 'POST', body });
    await this.expect(401, '/auth', post({ email: `${word('sign-in: e-mail')}@clinic.example`, password: 'x' }));
    await this.expect(401, '/auth', post({ email: 'frontdesk@clinic.example', password: word('sign-in: password') }));
    await this.expect(400, '/auth', post({ [word('sign-in: unknown field')]: 1 }));
    const token = await this.signIn('admin');
    planted.made('session: access token', token);
    const factor = JSON.parse((await this.expect(200, '/api/second-factor', { method: 'POST', token })).text) as {
      secret: string;
    };
    planted.made('second factor: secret', factor.secret);
    const confirm = (code: string) => ({ method: 'POST', token, body: { code } });
    await this.ask('/api/second-factor/confirmation', confirm(word('second factor: code of its confirmation')));
    const code = new TOTP({ secret: Secret.fromBase32(factor.secret) }).generate();
    const confirmed = await this.expect(200, '/api/second-factor/confirmation', confirm(code));
    const [recovery] = (JSON.parse(confirmed.text) as { recovery_codes: string[] }).recovery_codes;
    planted.made('second factor: recovery code', recovery!);
    const admin = { email: 'admin@clinic.example', password };
    await this.expect(401, '/auth', post({ ...admin, code: word('sign-in: code') }));
    await this.expect(200, '/auth', post({ ...admin, code: recovery }));
    const user = {
      email: `${word('account: e-mail that is taken')}@clinic.example`,
      name: word('account: name'),
      role: 'clinician',
      password: word('account: password'),
    };
    await this.expect(201, '/api/users', { ...post(user), token });
    await this.expect(409, '/api/users', { ...post(user), token });
  }

  /** What an application can do wrong; the routes of faulty-routes.ts. */
  async faults(): Promise<void> {
    const { planted, elsewhere, management } = this.#options;
    const send = async (path: string, places: Readonly<Record<string, Place>>, status = 204) => {
      const words = Object.fromEntries(Object.entries(places).map(([key, place]) => [key, planted.word(place)]));
      await this.expect(status, `/notes/${path}`, { method: 'POST', body: { ...words, url: elsewhere } });
    };
    await send(
      'errors',
      {
        message: 'error: message',
        class: 'error: class',
        code: 'error: code',
        cause: 'error: cause',
        root: 'error: cause of the cause',
        property: 'error: property',
        one: 'error: one of several',
      },
      500,
    );
    await send('text', { text: 'thrown: text' }, 500);
    await send('object', { object: 'thrown: object' }, 500);
    await send('spans', {
      name: 'span: name',
      attribute: 'span: attribute',
      list: 'span: list in an attribute',
      template: 'span: unknown attribute with the key of a template',
      event: 'span: event',
      exception: 'span: exception',
      status: 'span: status message',
      link: 'span: link',
    });
    await send('metrics', { name: 'metric: name' });
    await send(
      'sql',
      {
        literal: 'SQL: literal',
        comment: 'SQL: comment',
        parameter: 'SQL: parameter',
        prepared: 'SQL: name of a prepared statement',
        number: 'SQL: value that is no number',
      },
      500,
    );
    await send(
      'sentence',
      {
        message: 'database error: message',
        detail: 'database error: detail',
        hint: 'database error: hint',
        constraint: 'database error: constraint',
      },
      500,
    );
    await send('row', { row: 'database error: row that fails a check' }, 500);
    await send('fetch', {
      path: 'fetch: path',
      query: 'fetch: query',
      header: 'fetch: header',
      password: 'fetch: password in the address',
    });
    await this.ask(`/${planted.word('management: path')}`, {}, management);
    const body = { [planted.word('management: body')]: 1 };
    await this.ask('/delay', { method: 'PUT', body }, management);
  }

  /** Each ends the process; `up` resolves when it serves again. */
  async crashes(up: () => Promise<void>): Promise<void> {
    const { word } = this.#options.planted;
    const crash = async (path: string, place: Place) => {
      await this.expect(204, `/notes/${path}`, { method: 'POST', body: { message: word(place) } });
      await up();
    };
    await crash('uncaught', 'uncaught error');
    await crash('rejected', 'unhandled rejection');
  }

  /** Batches that no browser of ours would send. */
  async telemetry(): Promise<void> {
    const { word } = this.#options.planted;
    let sequence = 0;
    const batch = (more: object) => ({
      v: 2,
      id: '7f3a'.repeat(8),
      seq: sequence++,
      n: 0,
      t: Date.now() - 1000,
      at: Date.now(),
      drop: 0,
      p: '/clients',
      ...more,
    });
    const post = (status: number, body: unknown, headers = {}, path = '/telemetry') =>
      this.expect(status, path, { method: 'POST', body, headers });
    const [traceId, spanId] = ['1'.repeat(32), '2'.repeat(16)];
    const items = (kind: string, ...list: readonly unknown[]) => post(204, batch({ [kind]: [list] }));
    await post(400, `{"v":2,"${word('telemetry: malformed body')}`);
    await post(400, batch({ [word('telemetry: unknown key')]: 1 }));
    await post(
      204,
      batch({ p: `/clients/${word('telemetry: page')}`, m: [['page_load', 9000, 1]], e: [['Error', 1]] }),
    );
    await items('m', word('telemetry: metric'), 9000, 1);
    await items('e', word('telemetry: type of an error'), 1);
    await items('e', 'Error', 1, '/clients', word('telemetry: frame of an error'), 1, 1);
    await items('c', word('telemetry: method of a call'), 9000, 1, traceId, spanId, '/clients', '/api/clients');
    await items('c', 'GET', 9000, 1, traceId, spanId, '/clients', `/api/clients/${word('telemetry: route of a call')}`);
    await items('s', word('telemetry: name of a span'), 9000, 1, traceId, spanId, '/clients');
    await items('l', 9000, 1, word('telemetry: trace id'), spanId, '/clients');
    await post(204, batch({ w: ['page_load', word('telemetry: word list')], m: [[1, 9000, 1, 0, 0, 2]] }));
    await post(
      204,
      batch({ m: [['page_load', 9000, 1, traceId, spanId]] }),
      {
        referer: `http://clinic.example/clients/${word('telemetry: Referer')}`,
        'user-agent': word('telemetry: User-Agent'),
        cookie: `patient=${word('telemetry: Cookie')}`,
        'x-forwarded-for': word('telemetry: X-Forwarded-For'),
      },
      `/telemetry?patient=${word('telemetry: query')}`,
    );
    await post(415, batch({}), { 'content-type': `text/${word('telemetry: Content-Type')}` });
    await this.ask(`/telemetry/${word('telemetry: path')}`, { method: 'POST', body: batch({}) });
  }

  /** All but what ends the process. */
  async all(): Promise<void> {
    await this.people();
    const token = await this.signIn('clinician');
    await this.requests();
    await this.bodies(token);
    await this.charts(token);
    await this.appointments(token);
    await this.accounts();
    await this.faults();
    await this.telemetry();
  }
}
