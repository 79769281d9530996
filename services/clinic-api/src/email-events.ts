import { createHmac, timingSafeEqual } from 'node:crypto';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import type { Database } from './database.ts';
import { Problem } from './problem.ts';
import { run } from './route.ts';

/** Seconds that a report may be old, or early by a clock that is wrong. */
const WINDOW = 300;

const report = z.strictObject({ id: z.guid().toLowerCase(), state: z.enum(['delivered', 'bounced', 'deferred']) });

export interface EmailEventsOptions {
  readonly database: Pick<Database, 'query'>;
  /** Shared with the mail provider. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What is signed: the time, so that a report cannot be sent again later, and the body as it came. */
export const signatureOf = (key: string, timestamp: string, body: Buffer): Buffer =>
  createHmac('sha256', key).update(`${timestamp}.`).update(body).digest();

const raw = express.raw({ type: () => true, limit: '1kb' });

/**
 * `POST /email-events`: `{ id, state }`, what became of a mail: delivered, bounced or deferred (the provider tries again by
 * itself); `X-Email-Timestamp` in seconds, `X-Email-Signature` in hex. 204, also when it is told again or too late: a mail only
 * goes from deferred to delivered to bounced.
 */
export function emailEvents({ database, key, now = Date.now }: EmailEventsOptions): RequestHandler {
  return async (request, response) => {
    await run(raw, request, response);
    const timestamp = request.get('x-email-timestamp') ?? '';
    const signature = request.get('x-email-signature') ?? '';
    const body: unknown = request.body;
    const timely = /^\d{1,12}$/.test(timestamp) && Math.abs(now() / 1000 - Number(timestamp)) <= WINDOW;
    if (!Buffer.isBuffer(body) || !timely || !/^[0-9a-f]{64}$/.test(signature))
      throw new Problem('email_event_refused');
    if (!timingSafeEqual(Buffer.from(signature, 'hex'), signatureOf(key, timestamp, body))) {
      throw new Problem('email_event_refused');
    }
    const { id, state } = report.parse(parsed(body));
    const [email] = await database.query<{ id: string }>(
      `WITH known AS (SELECT id FROM emails WHERE id = $1), changed AS (
         UPDATE emails SET state = $2, changed_at = now(), next_attempt_at = 'infinity'
         WHERE id = $1 AND state <> $2 AND CASE $2
           WHEN 'deferred' THEN state IN ('queued', 'sent')
           WHEN 'delivered' THEN state IN ('queued', 'sent', 'deferred')
           ELSE true
         END
       ) SELECT id FROM known`,
      [id, state],
    );
    if (!email) throw new Problem('email_unknown');
    response.status(204).end();
  };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Problem('body_malformed');
  }
}
