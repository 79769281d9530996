import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { judge, onlyParameters, type Upstream } from './allow-list.ts';
import { answerError } from './answer.ts';

const TITLES: Readonly<Record<Upstream, string>> = { prometheus: 'Prometheus', tempo: 'Tempo' };
/** Far above what the slowest question takes; for Tempo also below ten seconds, since a refresh gives up what was asked before it. */
const ANSWER_WITHIN_MS: Readonly<Record<Upstream, number>> = { prometheus: 30_000, tempo: 8_000 };
const MAX_BODY_BYTES = 256 * 1024;
const PASSED_ON = ['content-type', 'content-encoding', 'content-length', 'vary'] as const;

export interface ProxyOptions {
  /** Base URL of each server, without a slash at its end. */
  readonly urls: Readonly<Record<Upstream, string>>;
  /** How long each may take to answer, in ms; default 30 s for Prometheus, 8 s for Tempo. */
  readonly answerWithinMs?: Readonly<Record<Upstream, number>>;
}

/** Sends allowed requests on to the servers and streams their answers back. */
export function createProxy({ urls, answerWithinMs = ANSWER_WITHIN_MS }: ProxyOptions) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 4 });

  async function pass(
    upstream: Upstream,
    path: string,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const method = request.method ?? 'GET';
    const verdict = judge(upstream, method, path, query);
    if (verdict.kind === 'unknown-path') {
      answerError(response, 404, 'not_found', `The preview passes nothing on to this path of ${TITLES[upstream]}.`);
      return;
    }
    if (verdict.kind === 'method') {
      response.setHeader('allow', verdict.allow);
      answerError(response, 405, 'method', `This path answers ${verdict.allow}: the preview only reads.`);
      return;
    }
    const unknownParameter = () =>
      answerError(response, 400, 'bad_data', 'A parameter is not among those that this path takes.');
    if (verdict.kind === 'parameters') return unknownParameter();

    let body: string | undefined;
    if (method === 'POST') {
      const text = await readForm(request);
      if (text === undefined) {
        answerError(response, 413, 'bad_data', `A form of at most ${MAX_BODY_BYTES / 1024} KiB is taken here.`);
        return;
      }
      body = onlyParameters(verdict.parameters, text);
      if (body === undefined) return unknownParameter();
    }
    const target = `${urls[upstream]}${verdict.path}${verdict.query && `?${verdict.query}`}`;
    await forward({ target, method, body, upstream, accept: request.headers.accept }, request, response);
  }

  function forward(
    call: { target: string; method: string; body: string | undefined; upstream: Upstream; accept: string | undefined },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    return new Promise((resolve) => {
      const headers: Record<string, string> = { accept: call.accept ?? 'application/json' };
      const encoding = request.headers['accept-encoding'];
      if (typeof encoding === 'string') headers['accept-encoding'] = encoding;
      if (call.body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
      const withinMs = answerWithinMs[call.upstream];
      const signal = AbortSignal.timeout(withinMs);
      const outgoing = httpRequest(call.target, { method: call.method, headers, agent, signal }, (answer) => {
        response.statusCode = answer.statusCode ?? 502;
        for (const name of PASSED_ON) {
          const value = answer.headers[name];
          if (value !== undefined) response.setHeader(name, value);
        }
        response.setHeader('cache-control', 'no-store');
        pipeline(answer, response).then(resolve, () => {
          response.destroy();
          resolve();
        });
      });
      // A panel that is no longer looked at must not keep Prometheus busy.
      response.once('close', () => outgoing.destroy());
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        resolve();
        if (response.headersSent || response.destroyed) return;
        const late = signal.aborted;
        const title = TITLES[call.upstream];
        const why = late ? `no answer within ${withinMs / 1000} s` : (error.code ?? 'connection lost');
        const message =
          error.code === 'ECONNREFUSED'
            ? // Short: the smallest panel must hold it.
              `${title} is not running (yet). See npm run status.`
            : `${title} does not answer (${why}). Panels ask again at the next refresh.`;
        answerError(response, late ? 504 : 502, 'unavailable', message);
      });
      outgoing.end(call.body);
    });
  }

  return { pass, close: () => agent.destroy() };
}

async function readForm(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined;
}
