import type { ServerResponse } from 'node:http';
import { METRIC_NAME, TOLERATED_SLOW_EVENTS, WINDOW_MS } from '@clinic/catalogue/limits';
import { z } from 'zod';
import type { Ledger } from './ledger.ts';

const MAX_LIMIT = 1000;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const epochMilliseconds = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const isoTime = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/)
  .transform((text) => {
    const unit = text.replace(/^\d+/, '') as keyof typeof UNIT_MS;
    return { ago: Number.parseInt(text, 10) * UNIT_MS[unit] };
  });

const parameters = z.strictObject({
  metric: z.string().regex(METRIC_NAME).optional(),
  since: z.union([epochMilliseconds, isoTime, duration]).default(0),
  limit: z
    .string()
    .regex(/^\d{1,4}$/)
    .transform(Number)
    .pipe(z.number().min(1).max(MAX_LIMIT))
    .default(100),
});

/** What each parameter must be; also the list of those that exist. */
export const RULES: Readonly<Record<keyof z.output<typeof parameters>, string>> = {
  metric: 'must be the name of one metric',
  since: 'must be an ISO 8601 time with a zone, epoch milliseconds, or a duration such as 90s, 15m or 1h',
  limit: `must be a whole number from 1 to ${MAX_LIMIT}`,
};

export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** The parameter that is wrong. */
  readonly parameter?: string;
}

/** RFC 9457. */
export function problem(response: ServerResponse, { status, ...rest }: Problem): void {
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: 'about:blank', status, ...rest }));
}

/** `GET /api/slow-events?metric=&since=&limit=`: events newest first. */
export function listSlowEvents(ledger: Ledger, now: () => number) {
  return (response: ServerResponse, search: URLSearchParams): void => {
    const query = parse(search);
    if ('detail' in query) {
      problem(response, query);
      return;
    }
    const { metric, since, limit } = query;
    const events = ledger.newest({ metric, limit, since: typeof since === 'number' ? since : now() - since.ago });
    json(
      response,
      events.map((event) => ({
        ...event,
        recorded_at: new Date(event.recorded_at).toISOString(),
        counted: event.counted === 1,
      })),
    );
  };
}

/**
 * `GET /api/slow-events/count`: events of the last hour by metric, whether there are more than are tolerated, and when the oldest
 * of them leaves the hour (null when there is none).
 */
export function countSlowEvents(ledger: Ledger) {
  return (response: ServerResponse): void => {
    const counts = [...ledger.window()].map(([metric, { count, oldest }]) => [
      metric,
      {
        count,
        limit_reached: count > TOLERATED_SLOW_EVENTS,
        oldest_leaves_at: oldest === null ? null : new Date(oldest + WINDOW_MS).toISOString(),
      },
    ]);
    json(response, Object.fromEntries(counts));
  };
}

function parse(search: URLSearchParams): z.output<typeof parameters> | Problem {
  const repeated = Object.keys(RULES).find((name) => search.getAll(name).length > 1);
  if (repeated !== undefined) return wrongParameter(repeated, 'must be given once');
  const result = parameters.safeParse(Object.fromEntries(search));
  if (result.success) return result.data;
  const wrong = result.error.issues.find(({ path }) => path.length > 0)?.path[0] as keyof typeof RULES | undefined;
  if (wrong !== undefined) return wrongParameter(wrong, RULES[wrong]);
  const detail = `There is no such parameter. These exist: ${Object.keys(RULES).join(', ')}.`;
  return { status: 400, title: 'Unknown parameter', detail };
}

function wrongParameter(parameter: string, rule: string): Problem {
  return { status: 400, title: 'Wrong parameter', detail: `${parameter} ${rule}.`, parameter };
}

function json(response: ServerResponse, body: object): void {
  response
    .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(body));
}
