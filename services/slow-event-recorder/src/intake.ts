import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Ledger, Receipt } from './ledger.ts';
import { NotOtlpError, type ParsedLogs, parseLogs } from './otlp-logs.ts';

/** Of a body as it arrives, and of what a compressed one inflates to. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A sender that goes on after it was told 413 is cut off here. */
const MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES;
const RETRY_AFTER_S = 1;

const inflate = promisify(gunzip);

export interface IntakeOptions {
  readonly ledger: Ledger;
  /** Called when the events are on disk. */
  readonly onStored: (parsed: ParsedLogs, receipt: Receipt) => void;
  readonly onStorageError: (error: unknown) => void;
}

/** google.rpc.Code */
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;

/** A request that cannot be used; the message holds nothing of it. */
class RefusedRequest extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * `POST /v1/logs`, OTLP/HTTP with JSON. 200 means that every good record of the request is on disk, also if it was
 * before. 400, 413 and 415 are final; 503 asks for the same request again.
 */
export function intake({ ledger, onStored, onStorageError }: IntakeOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let parsed: ParsedLogs;
    try {
      parsed = parseLogs(await readJson(request));
    } catch (error) {
      const refused = error instanceof NotOtlpError ? new RefusedRequest(400, error.message) : error;
      if (!(refused instanceof RefusedRequest)) throw error; // the sender is gone
      answer(response, refused.status, { code: INVALID_ARGUMENT, message: refused.message });
      return;
    }
    let receipt: Receipt;
    try {
      receipt = ledger.record(parsed.events);
    } catch (error) {
      onStorageError(error);
      response.setHeader('retry-after', RETRY_AFTER_S);
      answer(response, 503, { code: UNAVAILABLE, message: 'The events could not be stored. Send them again.' });
      return;
    }
    answer(response, 200, partialSuccess(parsed));
    onStored(parsed, receipt);
  };
}

function partialSuccess({ rejected }: ParsedLogs): object {
  const count = [...rejected.values()].reduce((sum, reason) => sum + reason, 0);
  if (count === 0) return {};
  const reasons = [...rejected].map(([reason, times]) => `${reason} ${times}`).join(', ');
  return { partialSuccess: { rejectedLogRecords: count, errorMessage: `Records rejected, by reason: ${reasons}.` } };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    request.resume();
    throw new RefusedRequest(
      415,
      'Only OTLP/HTTP with content-type application/json is accepted. Set `encoding: json` on the exporter.',
    );
  }
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') {
    request.resume();
    throw new RefusedRequest(415, 'Only content-encoding gzip, or none, is accepted.');
  }
  const bytes = await readBody(request);
  try {
    const body = encoding === 'gzip' ? await inflate(bytes, { maxOutputLength: MAX_BODY_BYTES }) : bytes;
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new RefusedRequest(400, `The body is not ${encoding === 'gzip' ? 'gzip-compressed ' : ''}JSON.`);
  }
}

function tooLarge(): RefusedRequest {
  return new RefusedRequest(413, `The body is larger than ${MAX_BODY_BYTES} bytes. Send fewer records at a time.`);
}

/** Keeps at most MAX_BODY_BYTES; what comes after is read and dropped, so that the sender gets to see the answer. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_DISCARDED_BYTES) request.destroy();
        else if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
        else {
          chunks = [];
          reject(tooLarge());
        }
      })
      .on('end', () => resolve(Buffer.concat(chunks)))
      .on('close', () => reject(new Error('The sender went away.')))
      .on('error', reject);
  });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
