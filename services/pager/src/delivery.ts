import { z } from 'zod';
import { Problem } from './problem.ts';

/** What decides how an alert is shown: a page wakes somebody, a ticket waits for the morning. */
export type Severity = 'page' | 'ticket';

/** One alert of a delivery. Times in epoch milliseconds. */
export interface Alert {
  readonly fingerprint: string;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: number;
  /** Of no meaning while it fires. */
  readonly endsAt: number;
}

export interface Delivery {
  readonly alerts: readonly Alert[];
  /** Alerts of the delivery that could not be read. */
  readonly refused: number;
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const words = z.record(z.string(), z.string());

// Neither object is strict: Alertmanager adds fields between versions (groupKey, notification_reason, ...).
const envelope = z.object({ version: z.literal('4'), alerts: z.array(z.unknown()) });
const alert = z.object({
  fingerprint: z.string().min(1).max(128),
  status: z.enum(['firing', 'resolved']),
  labels: words,
  annotations: words,
  startsAt: time,
  endsAt: time,
});

/**
 * Reads an Alertmanager webhook, version 4. An alert that cannot be read does not take the others with it; a delivery
 * in which none can be read is a Problem (400).
 */
export function readDelivery(body: unknown): Delivery {
  const outer = envelope.safeParse(body);
  const read = outer.success ? outer.data.alerts.map((item) => alert.safeParse(item)) : [];
  const alerts = read.flatMap((result) => (result.success ? [result.data] : []));
  if (!outer.success || (read.length > 0 && alerts.length === 0)) {
    const issues = (outer.error ?? read[0]?.error)?.issues ?? [];
    // Only keys of the schema are named: the keys of labels and annotations are the sender's.
    const keys = new Set(issues.map(({ path }) => String(path[0] ?? 'the whole body')));
    throw new Problem({
      status: 400,
      title: 'Not an Alertmanager delivery',
      detail: `The body is not an Alertmanager webhook of version 4. Wrong or missing: ${[...keys].join(', ')}.`,
    });
  }
  return { alerts, refused: read.length - alerts.length };
}

export function severityOf({ labels }: Alert): Severity | undefined {
  return labels.severity === 'page' || labels.severity === 'ticket' ? labels.severity : undefined;
}
