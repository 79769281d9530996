import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

export interface BodyOptions {
  /** Bytes. */
  readonly limit: number;
}

const JSON_TYPE = /^application\/json\s*(;\s*charset=("?)utf-8\2\s*)?$/i;

/** Reads a JSON body. Throws a Problem: 415 for another content type, 413 above the limit, 400 when it is not JSON. */
export async function readJson(request: IncomingMessage, { limit }: BodyOptions): Promise<unknown> {
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '') || request.headers['content-encoding']) {
    throw new Problem({
      status: 415,
      title: 'Unsupported media type',
      detail: 'The body must be sent with Content-Type: application/json and without a Content-Encoding.',
    });
  }
  const tooLarge = new Problem({
    status: 413,
    title: 'Body too large',
    detail: `The body may have ${limit} bytes at most. Send fewer alerts in one request (Alertmanager: max_alerts).`,
    headers: { connection: 'close' },
  });
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new Problem({ status: 400, title: 'Not JSON', detail: 'The body is not valid JSON in UTF-8.' });
  }
}
