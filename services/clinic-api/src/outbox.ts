import type { EMAIL_STATES } from '@clinic/catalogue/vocabulary';
import { errorType } from '@clinic/instrumentation/node/attributes';
import type { Database } from './database.ts';
import type { Log } from './log.ts';
import type { MailServer } from './mail-server.ts';

export type EmailState = (typeof EMAIL_STATES)[number];

export interface OutboxOptions {
  readonly database: Pick<Database, 'query'>;
  readonly server: MailServer;
  readonly log: Log;
  /** Aborted when the worker is to end. */
  readonly signal: AbortSignal;
  /** Resolves after so many milliseconds; rejects when the worker is to end. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

interface Due {
  readonly id: string;
  readonly kind: string;
  readonly recipient: string;
  readonly attempts: number;
  readonly starts_at: Date | null;
}

const BATCH = 20;
/** Seconds for which a mail is nobody else's; longer than a batch usually takes. Who dies with it has it sent again after that. */
const LEASE = 180;
const IDLE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** With the pauses below: about a day and a half. */
const MAX_ATTEMPTS = 12;

/** Seconds from an answer "not now" to the next attempt, the first being 1: half a minute, doubling, at most eight hours. */
export const retryAfter = (attempts: number): number => Math.min(8 * 3600, 30 * 2 ** (attempts - 1));

/** As little as possible: a mail may be read on the way. */
function contentOf({ kind, starts_at }: Due): { subject: string; text: string } {
  if (kind === 'document_ready') {
    return { subject: 'A document is ready', text: 'A document is ready for you. Ask the practice for it.\n' };
  }
  const when =
    starts_at
      ?.toISOString()
      .replace(/:\d\d\.\d+Z$/, ' UTC')
      .replace('T', ' at ') ?? 'the time agreed on';
  return kind === 'appointment_reminder'
    ? { subject: 'Your appointment', text: `A reminder of your appointment: ${when}.\n` }
    : { subject: 'Your appointment', text: `Your appointment is booked: ${when}.\n` };
}

/** Takes mails that are due, those that have waited longest first, so that no other worker sends them meanwhile. */
const take = (database: Pick<Database, 'query'>) =>
  database.query<Due>(
    `UPDATE emails SET next_attempt_at = now() + make_interval(secs => ${LEASE})
     FROM (
       SELECT emails.id, starts_at FROM emails LEFT JOIN appointments ON appointments.id = appointment_id
       WHERE emails.state IN ('queued', 'deferred') AND next_attempt_at <= now()
       ORDER BY next_attempt_at LIMIT ${BATCH} FOR UPDATE OF emails SKIP LOCKED
     ) AS due
     WHERE emails.id = due.id
     RETURNING emails.id, kind, recipient, attempts, starts_at`,
  );

/** The provider may have told more by now: then only the attempt is counted. */
const settle = (database: Pick<Database, 'query'>, id: string, state: EmailState, next: string) =>
  database.query(
    `UPDATE emails SET attempts = attempts + 1,
       state = CASE WHEN ours THEN $2 ELSE state END,
       changed_at = CASE WHEN ours THEN now() ELSE changed_at END,
       next_attempt_at = CASE WHEN ours THEN $3::timestamptz ELSE next_attempt_at END
     FROM (SELECT state IN ('queued', 'deferred') AND next_attempt_at < 'infinity' AS ours FROM emails WHERE id = $1 FOR UPDATE) AS now_is
     WHERE id = $1`,
    [id, state, next],
  );

const giveBack = (database: Pick<Database, 'query'>, ids: readonly string[]) =>
  database.query(
    "UPDATE emails SET next_attempt_at = now() WHERE id = ANY($1) AND state IN ('queued', 'deferred') AND next_attempt_at < 'infinity'",
    [ids],
  );

/**
 * Sends what waits in the outbox, one after the other, until `signal` is aborted. While the mail server or the database is away it
 * pauses: nothing is lost, and no attempt is counted. A mail whose answer was lost is sent again under the same Message-ID.
 */
export async function runOutbox({ database, server, log, signal, sleep }: OutboxOptions): Promise<never> {
  /** `away`: the mail server does not answer, or is to be asked no more; `more`: there may be more that is due. */
  async function sendBatch(): Promise<'away' | 'more' | 'idle'> {
    const due = await take(database);
    for (const [index, mail] of due.entries()) {
      const outcome = signal.aborted
        ? 'away'
        : await server.send({ id: mail.id, to: mail.recipient, ...contentOf(mail) });
      if (outcome === 'away') {
        await giveBack(
          database,
          due.slice(index).map(({ id }) => id),
        );
        return 'away';
      }
      const given = outcome === 'deferred' && mail.attempts + 1 >= MAX_ATTEMPTS ? 'bounced' : outcome;
      const next =
        given === 'deferred' ? new Date(Date.now() + retryAfter(mail.attempts + 1) * 1000).toISOString() : 'infinity';
      await settle(database, mail.id, given, next);
    }
    return due.length === BATCH ? 'more' : 'idle';
  }

  for (let failures = 0, away = false; ; ) {
    let outcome: 'away' | 'more' | 'idle' | 'failed';
    try {
      outcome = await sendBatch();
    } catch (error) {
      outcome = 'failed';
      if (failures === 0) log('error', 'outbox_failed', { error: errorType(error) });
    }
    signal.throwIfAborted();
    if (outcome === 'away' && !away) log('warn', 'mail_server_away');
    if (outcome === 'away' || outcome === 'failed') {
      failures++;
      away ||= outcome === 'away';
      await sleep(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(failures, 10)));
    } else {
      if (away) log('info', 'mail_server_back');
      failures = 0;
      away = false;
      if (outcome === 'idle') await sleep(IDLE_MS);
    }
  }
}
