import { DatabaseSync } from 'node:sqlite';
import { type Alert, type Severity, severityOf } from './delivery.ts';

/** One line of the inbox: an alert from its first delivery to its end. Times in epoch milliseconds. */
export interface Entry {
  readonly id: number;
  readonly severity: Severity;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: number;
  readonly receivedAt: number;
  readonly lastReceivedAt: number;
  readonly resolvedAt: number | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: number | null;
  /** How often it was delivered, repetitions included. */
  readonly notifications: number;
}

/** repeated: says nothing new, as does the end of what was never heard of; refused: neither page nor ticket. */
export type Outcome = 'new' | 'repeated' | 'resolved' | 'refused';

export interface Delivered {
  readonly outcome: Outcome;
  readonly entry?: Entry;
}

export type Acknowledged =
  | { readonly outcome: 'acknowledged' | 'unchanged' | 'taken'; readonly entry: Entry }
  | { readonly outcome: 'unknown' };

export interface ListOptions {
  readonly severity: Severity;
  readonly status?: 'firing' | 'resolved' | undefined;
}

/** The durable inbox. All methods throw when the storage fails, and have changed nothing then. */
export interface Inbox {
  /** Stores all alerts or none; what it returns is on disk. */
  deliver(alerts: readonly Alert[], now: number): Delivered[];
  /** Newest first, at most {@link LIST_LIMIT}. */
  list(options: ListOptions): Entry[];
  page(id: number): Entry | undefined;
  acknowledge(id: number, by: { readonly name: string; readonly takeOver: boolean; readonly at: number }): Acknowledged;
  /** Pages that fire. */
  open(): { readonly acknowledged: number; readonly unacknowledged: number };
  lastSignOfLife(): number | undefined;
  signOfLife(at: number): void;
  close(): void;
}

export const LIST_LIMIT = 500;
/** Alertmanager repeats what fires, a page every 4 h and a ticket every 12 h; not heard for longer, it is over. */
export const UNHEARD_MS: Readonly<Record<Severity, number>> = { page: 5 * 3_600_000, ticket: 13 * 3_600_000 };
export const RETENTION_MS = 90 * 24 * 3_600_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('page', 'ticket')),
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    last_received_at INTEGER NOT NULL,
    resolved_at INTEGER,
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    notifications INTEGER NOT NULL DEFAULT 1,
    UNIQUE (fingerprint, starts_at)
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS one_fires ON entries (fingerprint) WHERE resolved_at IS NULL;
  CREATE INDEX IF NOT EXISTS by_end ON entries (resolved_at);
  CREATE TABLE IF NOT EXISTS sign_of_life (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
`;

const COLUMNS = `id, severity, labels, annotations, starts_at AS startsAt, received_at AS receivedAt,
  last_received_at AS lastReceivedAt, resolved_at AS resolvedAt, acknowledged_by AS acknowledgedBy,
  acknowledged_at AS acknowledgedAt, notifications`;

type Row = Omit<Entry, 'labels' | 'annotations'> & { readonly labels: string; readonly annotations: string };

function entryOf(row: unknown): Entry | undefined {
  if (row === undefined) return undefined;
  const { labels, annotations, ...rest } = row as Row;
  return { ...rest, labels: JSON.parse(labels), annotations: JSON.parse(annotations) };
}

/** Opens or creates the inbox. Throws when the file cannot be used. */
export function openInbox(file: string): Inbox {
  const database = new DatabaseSync(file, { timeout: 250 });
  // FULL: an acknowledged delivery is never sent again by Alertmanager, so it must survive a power cut.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(SCHEMA);

  const byId = database.prepare(`SELECT ${COLUMNS} FROM entries WHERE id = ?`);
  const firing = database.prepare(`SELECT ${COLUMNS} FROM entries WHERE fingerprint = ? AND resolved_at IS NULL`);
  const ended = database.prepare(`SELECT ${COLUMNS} FROM entries WHERE fingerprint = ? AND starts_at = ?`);
  const insert = database.prepare(`INSERT INTO entries
    (fingerprint, severity, labels, annotations, starts_at, received_at, last_received_at) VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const repeat = database.prepare(`UPDATE entries SET labels = ?, annotations = ?, last_received_at = ?,
    notifications = notifications + 1 WHERE id = ?`);
  const reopen = database.prepare(`UPDATE entries SET labels = ?, annotations = ?, last_received_at = ?,
    notifications = notifications + 1, resolved_at = NULL, acknowledged_by = NULL, acknowledged_at = NULL WHERE id = ?`);
  const resolve = database.prepare(`UPDATE entries SET resolved_at = ?, last_received_at = ?,
    notifications = notifications + 1 WHERE id = ?`);
  const forget = database.prepare('DELETE FROM entries WHERE resolved_at < ?');
  const acknowledge = database.prepare('UPDATE entries SET acknowledged_by = ?, acknowledged_at = ? WHERE id = ?');
  const countOpen = database.prepare(`SELECT count(acknowledged_by) AS acknowledged, count(*) AS firing FROM entries
    WHERE severity = 'page' AND resolved_at IS NULL`);
  const readSign = database.prepare('SELECT at FROM sign_of_life');
  const writeSign = database.prepare(
    'INSERT INTO sign_of_life (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at',
  );

  const entry = (id: number | bigint): Entry => entryOf(byId.get(id))!;

  function deliverOne(alert: Alert, now: number): Delivered[] {
    const severity = severityOf(alert);
    if (!severity) return [{ outcome: 'refused' }];
    const { fingerprint, startsAt, endsAt } = alert;
    const labels = JSON.stringify(alert.labels);
    const annotations = JSON.stringify(alert.annotations);
    // Of one fingerprint only one entry fires. Its startsAt may differ: a restarted Prometheus counts from its restart.
    const open = entryOf(firing.get(fingerprint));
    if (alert.status === 'resolved') {
      // What began and ended before that which fires now is an earlier entry, delivered again.
      if (!open || Math.max(startsAt, endsAt) < open.startsAt) return [{ outcome: 'repeated' }];
      resolve.run(endsAt >= open.startsAt ? endsAt : now, now, open.id);
      return [{ outcome: 'resolved', entry: entry(open.id) }];
    }
    if (open && (open.startsAt === startsAt || now - open.lastReceivedAt <= UNHEARD_MS[severity])) {
      repeat.run(labels, annotations, now, open.id);
      return [{ outcome: 'repeated', entry: entry(open.id) }];
    }
    // Its end got lost, as when it came while Alertmanager was down. What fires now must wake somebody again.
    const over: Delivered[] = [];
    if (open) {
      resolve.run(open.lastReceivedAt, now, open.id);
      over.push({ outcome: 'resolved', entry: entry(open.id) });
    }
    // Alertmanager believes an alert over when it hears nothing of it for minutes; heard again, it has its old startsAt.
    // It pages again: whoever acknowledged it has gone back to sleep.
    const same = entryOf(ended.get(fingerprint, startsAt));
    if (same) {
      reopen.run(labels, annotations, now, same.id);
      return [...over, { outcome: 'new', entry: entry(same.id) }];
    }
    const { lastInsertRowid } = insert.run(fingerprint, severity, labels, annotations, startsAt, now, now);
    return [...over, { outcome: 'new', entry: entry(lastInsertRowid) }];
  }

  function transaction<Result>(work: () => Result): Result {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  return {
    deliver: (alerts, now) =>
      transaction(() => {
        const delivered = alerts.flatMap((alert) => deliverOne(alert, now));
        forget.run(now - RETENTION_MS);
        return delivered;
      }),
    list: ({ severity, status }) => {
      const state = status === undefined ? '' : `AND resolved_at IS ${status === 'firing' ? '' : 'NOT'} NULL`;
      return database
        .prepare(
          `SELECT ${COLUMNS} FROM entries WHERE severity = ? ${state} ORDER BY received_at DESC, id DESC LIMIT ?`,
        )
        .all(severity, LIST_LIMIT)
        .map((row) => entryOf(row)!);
    },
    page: (id) => {
      const found = entryOf(byId.get(id));
      return found?.severity === 'page' ? found : undefined;
    },
    acknowledge: (id, { name, takeOver, at }) =>
      transaction((): Acknowledged => {
        const found = entryOf(byId.get(id));
        if (found?.severity !== 'page') return { outcome: 'unknown' };
        if (found.acknowledgedBy === name) return { outcome: 'unchanged', entry: found };
        if (found.acknowledgedBy !== null && !takeOver) return { outcome: 'taken', entry: found };
        acknowledge.run(name, at, id);
        return { outcome: 'acknowledged', entry: entry(id) };
      }),
    open: () => {
      const { acknowledged, firing: all } = countOpen.get() as { acknowledged: number; firing: number };
      return { acknowledged, unacknowledged: all - acknowledged };
    },
    lastSignOfLife: () => (readSign.get() as { at: number } | undefined)?.at,
    signOfLife: (at) => {
      writeSign.run(at);
    },
    close: () => database.close(),
  };
}
