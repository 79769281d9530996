/**
 * Handlers of an application that does everything wrong: each puts what it is sent into errors, spans, statements or outgoing
 * requests. The test adds them to a copy of the clinic, in front of its pages.
 */
import { SpanStatusCode, trace } from '@opentelemetry/api';
import express, { type ErrorRequestHandler, type RequestHandler, Router } from 'express';

type Words = Readonly<Record<string, string>>;
type Query = (text: string, values?: readonly unknown[]) => Promise<unknown>;

interface FaultyOptions {
  readonly query: Query;
  readonly recordMetric: (name: string, ms: number) => void;
  readonly metrics: readonly string[];
}

const wordsOf = (body: unknown) => body as Words;

function throwing(words: Words): never {
  const cause = new Error(words.cause, { cause: new Error(words.root) });
  const error = new AggregateError([new Error(words.one)], words.message, { cause });
  Object.defineProperty(error, 'name', { value: `${words.class}Error` });
  throw Object.assign(error, { code: words.code, patient: words.property, status: 500 });
}

const spans: RequestHandler = async (req, res) => {
  const words = wordsOf(req.body);
  const tracer = trace.getTracer(words.attribute!);
  const link = { context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 } };
  const span = tracer.startSpan(words.name!, {
    attributes: { 'url.full': words.attribute!, 'error.type': words.attribute!, 'server.address': [words.list!] },
    links: [{ ...link, attributes: { patient: words.link! } }],
  });
  span.setAttribute('http.route', words.template!);
  span.addEvent(words.event!, { patient: words.event! });
  span.recordException(new Error(words.exception));
  span.setStatus({ code: SpanStatusCode.ERROR, message: words.status! });
  span.end();
  res.sendStatus(204);
};

export function faultyRoutes({ query, recordMetric, metrics }: FaultyOptions): Router {
  const router = Router();
  const ignored = (work: Promise<unknown>) => work.then(undefined, () => undefined);
  router.use(express.json());
  router.post('/notes/errors', (req) => throwing(wordsOf(req.body)));
  router.post('/notes/text', (req) => {
    throw wordsOf(req.body).text;
  });
  router.post('/notes/object', (req) => {
    throw { message: wordsOf(req.body).object, toString: () => wordsOf(req.body).object };
  });
  router.post('/notes/spans', spans);
  router.post('/notes/metrics', (req, res) => {
    recordMetric(wordsOf(req.body).name!, 60_000);
    // So many of one pages on-call.
    for (let times = 0; times < 6; times++) for (const metric of metrics) recordMetric(metric, 60_000);
    res.sendStatus(204);
  });
  router.post('/notes/sql', async (req, res) => {
    const words = wordsOf(req.body);
    await query(`/* ${words.comment} */ SELECT 1 FROM clients WHERE email = '${words.literal}'`);
    await query('SELECT 1 FROM clients WHERE email = $1', [words.parameter]);
    await ignored(query(`EXECUTE ${words.prepared}`));
    await ignored(query('SELECT $1::text::int', [words.number]));
    await query('SELECT 1 FROM clinical_notes WHERE id = $1', [words.number]);
    res.sendStatus(204);
  });
  router.post('/notes/sentence', async (req, res) => {
    const { message, detail, hint, constraint } = wordsOf(req.body);
    await query(
      `DO $$ BEGIN RAISE EXCEPTION '${message}' USING DETAIL = '${detail}', HINT = '${hint}', CONSTRAINT = '${constraint}'; END $$`,
    );
    res.sendStatus(204);
  });
  router.post('/notes/row', async (req, res) => {
    await query(`INSERT INTO users (email, name, role, password_hash) VALUES ($1, $1, 'clinician', 'none')`, [
      `${wordsOf(req.body).row}UPPERCASE@clinic.example`,
    ]);
    res.sendStatus(204);
  });
  router.post('/notes/fetch', async (req, res) => {
    const { url, path, query: search, header, password } = wordsOf(req.body);
    const target = new URL(`/${path}?patient=${search}`, url);
    await ignored(fetch(target, { headers: { 'x-patient': header! } }));
    target.hostname = 'localhost';
    await ignored(fetch(target));
    // The address stands in the message of the error.
    await ignored(fetch(`http://jane:${password}@127.0.0.1:1/`));
    res.sendStatus(204);
  });
  router.post('/notes/uncaught', (req, res) => {
    res.sendStatus(204);
    setTimeout(() => {
      throw new Error(wordsOf(req.body).message, { cause: new Error(wordsOf(req.body).message) });
    }, 50);
  });
  router.post('/notes/rejected', (req, res) => {
    res.sendStatus(204);
    setTimeout(() => void Promise.reject(new Error(wordsOf(req.body).message)), 50);
  });
  // Errors go on to the application's own handler.
  router.use(((error, _req, _res, next) => next(error)) satisfies ErrorRequestHandler);
  return router;
}
