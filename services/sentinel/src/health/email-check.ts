import { EMAIL_HEALTH } from '@clinic/catalogue/recovery';
import type { EMAIL_STATES } from '@clinic/catalogue/vocabulary';
import type { ConnectionOptions } from '../database.ts';
import type { Finding, Probe } from './check.ts';
import { onOneConnection } from './one-connection.ts';

type EmailState = (typeof EMAIL_STATES)[number];

export interface Delivery {
  readonly delivered: number;
  /** Bounced, or waiting for too long. */
  readonly failed: number;
}

export interface EmailObserved {
  /** Undefined when there are too few mails to say. */
  readonly ratio: number | undefined;
  /** Mails of the last day. */
  readonly items: ReadonlyMap<EmailState, number>;
}

/** `windows`: from the shortest on; the first with enough mails decides. */
export function deliveryState(windows: readonly Delivery[]): Finding & { readonly ratio: number | undefined } {
  const enough = windows.find(({ delivered, failed }) => delivered + failed >= EMAIL_HEALTH.minimum);
  if (!enough) {
    const { delivered, failed } = windows.at(-1) ?? { delivered: 0, failed: 0 };
    return {
      state: 'unknown',
      message: `The fate of ${delivered + failed} mails is known; fewer than ${EMAIL_HEALTH.minimum} say nothing.`,
      ratio: undefined,
    };
  }
  const all = enough.delivered + enough.failed;
  const ratio = enough.delivered / all;
  // Compared as whole numbers: 0.95 has no exact binary form, and 95 of 100 must be healthy.
  const atLeast = (share: number) => enough.delivered * 1000 >= Math.round(share * 1000) * all;
  const state = atLeast(EMAIL_HEALTH.healthy) ? 'healthy' : atLeast(EMAIL_HEALTH.degraded) ? 'degraded' : 'down';
  return { state, message: `${enough.delivered} of ${all} mails were delivered.`, ratio };
}

interface Row extends Record<string, string | number> {
  readonly state: EmailState;
  readonly items: number;
}

/** Of each state: mails of the last day; and per window how many were delivered, and how many failed. */
const QUESTION = `
SELECT state, count(*)::int AS items,
  ${EMAIL_HEALTH.windows
    .map((ms, index) => {
      const inWindow = `changed_at > now() - interval '${ms} milliseconds'`;
      const stuck = `state IN ('queued', 'sent', 'deferred') AND created_at BETWEEN now() - interval '${ms} milliseconds' - interval '${EMAIL_HEALTH.stuckAfter} milliseconds' AND now() - interval '${EMAIL_HEALTH.stuckAfter} milliseconds'`;
      return `count(*) FILTER (WHERE state = 'delivered' AND ${inWindow})::int AS delivered_${index},
  count(*) FILTER (WHERE (state = 'bounced' AND ${inWindow}) OR (${stuck}))::int AS failed_${index}`;
    })
    .join(',\n  ')}
FROM emails WHERE greatest(changed_at, created_at) > now() - interval '1 day' - interval '${EMAIL_HEALTH.stuckAfter} milliseconds'
GROUP BY state`;

/** Reads the outbox. A mail that waits for longer than a quarter of an hour counts as not delivered, so a dead provider shows. */
export function emailProbe(connection: ConnectionOptions, observed: (what: EmailObserved) => void): Probe {
  return (signal) =>
    onOneConnection(connection, signal, async (client) => {
      const { rows } = await client.query<Row>(QUESTION);
      const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
      const windows = EMAIL_HEALTH.windows.map((_, index) => ({
        delivered: sum(`delivered_${index}`),
        failed: sum(`failed_${index}`),
      }));
      const { ratio, ...finding } = deliveryState(windows);
      observed({ ratio, items: new Map(rows.map(({ state, items }) => [state, items])) });
      return finding;
    });
}
