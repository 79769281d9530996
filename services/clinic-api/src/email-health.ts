import type { RequestHandler } from 'express';
import type { Database } from './database.ts';
import type { MailServer } from './mail-server.ts';
import { singleFlight } from './single-flight.ts';

interface Outbox {
  readonly queued: number;
  readonly deferred: number;
  readonly oldest_seconds: number;
}

/**
 * `GET /api/health/email`: connects to the mail server and is greeted, and looks into the outbox. 200 or 503, with `latency_ms` of
 * the greeting, and `outbox`: mails that wait for us (`queued`, `deferred`) and how long the oldest has; null without a database.
 */
export function emailHealth({ query }: Pick<Database, 'query'>, server: MailServer): RequestHandler {
  const check = singleFlight(async () => {
    const start = performance.now();
    const up = await server.greet().then(
      () => true,
      () => false,
    );
    const latency = performance.now() - start;
    const outbox = await query<Outbox>(
      `SELECT (count(*) FILTER (WHERE state = 'queued'))::int AS queued, (count(*) FILTER (WHERE state = 'deferred'))::int AS deferred,
         coalesce(extract(epoch FROM now() - min(created_at)), 0)::int AS oldest_seconds
       FROM emails WHERE state IN ('queued', 'deferred') AND next_attempt_at < 'infinity'`,
    ).then(
      ([row]) => row ?? null,
      () => null,
    );
    return { up, latency, outbox };
  });
  return async (_req, res) => {
    const { up, latency, outbox } = await check();
    res
      .status(up ? 200 : 503)
      .json({ status: up ? 'up' : 'down', latency_ms: Math.round(latency * 1000) / 1000, outbox });
  };
}
