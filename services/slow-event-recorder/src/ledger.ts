import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { limitOf, MAX_METRICS, METRICS, OTHER_METRIC, WINDOW_MS } from '@clinic/catalogue/limits';
import { ConfigurationError } from '@clinic/instrumentation/node/configuration';
import type { SlowEvent } from './otlp-logs.ts';

/** Rows outlive the window by two hours, so that a Prometheus that lost its data can be given all of the window again. */
export const RETENTION_MS = WINDOW_MS + 2 * 3_600_000;

/**
 * The load guard: an event gets no point when this many points of its metric lie within GUARD_MS before or after it, so a burst
 * gives ten points and a flood about one a second. Without it a flood makes the rule's query exceed Prometheus' limits, and
 * a rule that fails pages nobody.
 *
 * It hides no page. An event goes without a point only where ten points lie within 20 s, which is more than
 * the five that are tolerated, so while these are in the window the alert fires by them alone. They leave the window at most 10 s
 * before the event would: a page that fires ends up to 10 s earlier than by events alone, which `keep_firing_for` covers.
 * It invents none: a point is only ever written for an event, one for each.
 * Points that Prometheus refused do not count as neighbours: they make no alert fire.
 */
const GUARD_POINTS = 10;
const GUARD_MS = 10_000;

const PRUNE_ROWS = 500;
const PRUNE_PAGES = 256;

/** Why a stored event has no point in Prometheus. */
export const UNSAMPLED = ['burst', 'expired'] as const;
export type Unsampled = (typeof UNSAMPLED)[number];

export interface Receipt {
  readonly stored: number;
  readonly duplicates: number;
  readonly unsampled: Readonly<Record<Unsampled, number>>;
}

/** What Prometheus is told of one event. */
export interface Point {
  readonly seq: number;
  readonly metric: string;
  readonly durationMs: number;
  /** Epoch milliseconds, unique for its metric. */
  readonly sampleAt: number;
}

/** A stored event, as the API shows it. Times in epoch milliseconds. */
export interface StoredEvent {
  readonly uid: string;
  readonly metric: string;
  readonly duration_ms: number;
  readonly threshold_ms: number;
  readonly route: string;
  readonly trace_id: string | null;
  readonly recorded_at: number;
  /** 1 when it has a point that no replica refused, so that it counts towards a page. */
  readonly counted: 0 | 1;
}

export interface Backlog {
  /** Points that wait. */
  readonly depth: number;
  /** Epoch milliseconds since when the first of them waits; null when none waits. */
  readonly since: number | null;
}

export interface LedgerOptions {
  /** Path of the database, or `:memory:`. */
  readonly file: string;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

// auto_vacuum must come before anything else is written, or the file never gives space back.
const SCHEMA = `
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 4194304;
PRAGMA cache_size = -1024;
CREATE TABLE IF NOT EXISTS slow_events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL UNIQUE,
  metric TEXT NOT NULL,
  duration_ms REAL NOT NULL,
  threshold_ms REAL NOT NULL,
  route TEXT NOT NULL,
  trace_id TEXT,
  service TEXT,
  recorded_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  sample_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS by_time ON slow_events (metric, recorded_at);
CREATE UNIQUE INDEX IF NOT EXISTS by_sample ON slow_events (metric, sample_at) WHERE sample_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_arrival ON slow_events (received_at);
CREATE INDEX IF NOT EXISTS points ON slow_events (seq) WHERE sample_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS totals (metric TEXT PRIMARY KEY, events INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replicas (
  replica TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL,
  rewound_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused_points (
  seq INTEGER NOT NULL REFERENCES slow_events (seq) ON DELETE CASCADE,
  replica TEXT NOT NULL,
  PRIMARY KEY (seq, replica)
) STRICT, WITHOUT ROWID;
`;

const QUERIES = {
  insert: `INSERT INTO slow_events
    (uid, metric, duration_ms, threshold_ms, route, trace_id, service, recorded_at, received_at, sample_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO NOTHING`,
  neighbours: `SELECT count(*) AS count FROM (SELECT 1 FROM slow_events AS e
    WHERE metric = ? AND sample_at >= ? AND sample_at <= ?
    AND NOT EXISTS (SELECT 1 FROM refused_points AS r WHERE r.seq = e.seq) LIMIT ?)`,
  taken: 'SELECT 1 FROM slow_events WHERE metric = ? AND sample_at = ?',
  addTotal: `INSERT INTO totals (metric, events) VALUES (?, ?)
    ON CONFLICT (metric) DO UPDATE SET events = events + excluded.events`,
  totals: 'SELECT metric, events FROM totals',
  cursor: 'SELECT cursor FROM replicas WHERE replica = ?',
  saveCursor: 'UPDATE replicas SET cursor = ? WHERE replica = ?',
  saveRewind: `INSERT INTO replicas (replica, cursor, rewound_at) VALUES (?, ?, ?)
    ON CONFLICT (replica) DO UPDATE SET cursor = excluded.cursor, rewound_at = excluded.rewound_at`,
  saveRefused: 'INSERT OR IGNORE INTO refused_points (seq, replica) SELECT seq, ? FROM slow_events WHERE seq = ?',
  // Columns of the point that the outbox sends, in the order of arrival.
  outbox: `SELECT seq, metric, duration_ms AS durationMs, sample_at AS sampleAt FROM slow_events AS e
    WHERE seq > ? AND sample_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM refused_points AS r WHERE r.seq = e.seq AND r.replica = ?) ORDER BY seq LIMIT ?`,
  backlog: `SELECT count(*) AS depth, min(received_at) AS since FROM slow_events AS e
    WHERE seq > ? AND sample_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM refused_points AS r WHERE r.seq = e.seq AND r.replica = ?)`,
  rewoundAt: 'SELECT rewound_at FROM replicas WHERE replica = ?',
  beforeWindow: `SELECT coalesce(
    (SELECT min(seq) - 1 FROM slow_events WHERE sample_at IS NOT NULL AND sample_at > ?),
    (SELECT max(seq) FROM slow_events), 0) AS cursor`,
  accepted: `SELECT count(*) AS count FROM slow_events AS e WHERE metric = ? AND sample_at > ? AND sample_at <= ? AND seq <= ?
    AND NOT EXISTS (SELECT 1 FROM refused_points AS r WHERE r.seq = e.seq AND r.replica = ?)`,
  samples: 'SELECT count(*) AS count FROM slow_events WHERE metric = ? AND sample_at > ? AND sample_at <= ?',
  window: 'SELECT count(*) AS count, min(recorded_at) AS oldest FROM slow_events WHERE metric = ? AND recorded_at > ?',
  newest: `SELECT uid, metric, duration_ms, threshold_ms, route, trace_id, recorded_at, sample_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM refused_points AS r WHERE r.seq = e.seq) AS counted
    FROM slow_events AS e WHERE metric = ? AND recorded_at >= ? ORDER BY recorded_at DESC, seq DESC LIMIT ?`,
  prune: `DELETE FROM slow_events WHERE seq IN
    (SELECT seq FROM slow_events WHERE received_at < ? ORDER BY received_at LIMIT ${PRUNE_ROWS})`,
  touch: 'UPDATE replicas SET cursor = cursor',
  alive: 'SELECT 1 FROM slow_events LIMIT 1',
} as const;

/**
 * The durable list of slow events, in one SQLite file with one writer. What its methods write is on disk when they return; they
 * throw when it is not, and then nothing of the call is kept.
 */
export class Ledger {
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync | undefined;
  readonly #statements: Readonly<Record<keyof typeof QUERIES, StatementSync>>;
  readonly #totals: Map<string, number>;
  readonly #now: () => number;
  #writable = true;

  /** Throws a ConfigurationError that names DATABASE_FILE when the file cannot be used or another process uses it. */
  constructor({ file, now = Date.now }: LedgerOptions) {
    this.#now = now;
    this.#lock = file === ':memory:' ? undefined : lock(file);
    try {
      this.#database = new DatabaseSync(file, { timeout: 500 });
      this.#database.exec(SCHEMA);
      this.#statements = Object.fromEntries(
        Object.entries(QUERIES).map(([name, sql]) => [name, this.#database.prepare(sql)]),
      ) as Record<keyof typeof QUERIES, StatementSync>;
    } catch (error) {
      this.#lock?.close();
      throw unusable(error);
    }
    this.#totals = new Map(METRICS.map((metric) => [metric, 0]));
    for (const { metric, events } of this.#statements.totals.all())
      this.#totals.set(metric as string, events as number);
  }

  /** False from a write that failed until the next one that succeeds, and when the database does not answer. */
  get healthy(): boolean {
    try {
      this.#statements.alive.get();
      return this.#writable;
    } catch {
      return false;
    }
  }

  /** Every metric that has a series, and how many of its events were ever stored. */
  get totals(): ReadonlyMap<string, number> {
    return this.#totals;
  }

  /** Stores each event once, all of them or none. Throws when they are not on disk. */
  record(events: readonly SlowEvent[]): Receipt {
    const now = this.#now();
    const added = new Map<string, number>();
    const unsampled = { burst: 0, expired: 0 };
    let stored = 0;
    this.#write(() => {
      for (const event of events) {
        const metric = this.#admit(event.metric, added);
        // A source whose clock is ahead says when it sent the event at the earliest: now.
        const recordedAt = Math.min(event.time ?? now, now);
        const reason = this.#unsampled(metric, recordedAt, now);
        const { changes } = this.#statements.insert.run(
          event.uid,
          metric,
          event.durationMs,
          limitOf(metric),
          event.route,
          event.traceId,
          event.service,
          recordedAt,
          now,
          reason ? null : this.#freeMillisecond(metric, recordedAt),
        );
        if (changes === 0) continue;
        stored++;
        if (reason) unsampled[reason]++;
        added.set(metric, (added.get(metric) ?? 0) + 1);
      }
      for (const [metric, count] of added) this.#statements.addTotal.run(metric, count);
    });
    for (const [metric, count] of added) this.#totals.set(metric, (this.#totals.get(metric) ?? 0) + count);
    return { stored, duplicates: events.length - stored, unsampled };
  }

  /**
   * The last seq that the replica has accepted. A replica that is new here begins with the window, because Prometheus may
   * refuse what is older.
   */
  cursor(replica: string): number {
    const known = this.#statements.cursor.get(replica);
    if (known) return known.cursor as number;
    const cursor = this.beforeWindow();
    this.#write(() => this.#statements.saveRewind.run(replica, cursor, 0));
    return cursor;
  }

  /** Marks all up to `cursor` as settled by the replica, and those in `refused` as refused for good. */
  settle(replica: string, cursor: number, refused: readonly number[]): void {
    this.#write(() => {
      for (const seq of refused) this.#statements.saveRefused.run(replica, seq);
      this.#statements.saveCursor.run(cursor, replica);
    });
  }

  rewind(replica: string, cursor: number): void {
    this.#write(() => this.#statements.saveRewind.run(replica, cursor, this.#now()));
  }

  /** The seq before the first point of the window. */
  beforeWindow(): number {
    return this.#statements.beforeWindow.get(this.#now() - WINDOW_MS)?.cursor as number;
  }

  /** The next points after `cursor` for the replica, in order of arrival. */
  pointsAfter(cursor: number, replica: string, limit: number): Point[] {
    return this.#statements.outbox.all(cursor, replica, limit) as unknown as Point[];
  }

  backlog(cursor: number, replica: string): Backlog {
    const { depth, since } = this.#statements.backlog.get(cursor, replica) as unknown as Backlog;
    // Points that are written once more have waited since then, not since they arrived.
    const rewoundAt = this.#statements.rewoundAt.get(replica)?.rewound_at as number | undefined;
    return { depth, since: since === null ? null : Math.max(since, rewoundAt ?? 0) };
  }

  /** Points in the hour up to `at` that the replica has accepted, by metric; metrics without any are left out. */
  accepted(replica: string, cursor: number, at: number): Map<string, number> {
    return this.#perMetric((metric) => this.#statements.accepted.get(metric, at - WINDOW_MS, at, cursor, replica));
  }

  /** Points in the last hour for every metric, 0 included. Prometheus must count the same. */
  samples(): Map<string, number> {
    const now = this.#now();
    const samples = new Map([...this.#totals.keys()].map((metric) => [metric, 0]));
    const counts = this.#perMetric((metric) => this.#statements.samples.get(metric, now - WINDOW_MS, now));
    for (const [metric, count] of counts) samples.set(metric, count);
    return samples;
  }

  /** Events of the last hour and the time of the oldest (epoch milliseconds), for every metric. */
  window(): Map<string, { readonly count: number; readonly oldest: number | null }> {
    const since = this.#now() - WINDOW_MS;
    return new Map(
      [...this.#totals.keys()].map((metric) => [
        metric,
        this.#statements.window.get(metric, since) as { count: number; oldest: number | null },
      ]),
    );
  }

  /** Events recorded at or after `since` (epoch milliseconds), newest first; of every metric when none is named. */
  newest({ metric, since, limit }: { metric?: string | undefined; since: number; limit: number }): StoredEvent[] {
    const metrics = metric === undefined ? [...this.#totals.keys()] : [metric];
    return metrics
      .flatMap((name) => this.#statements.newest.all(name, since, limit) as unknown as StoredEvent[])
      .sort((a, b) => b.recorded_at - a.recorded_at)
      .slice(0, limit);
  }

  /**
   * Deletes a few rows past retention and gives their space back. Returns whether there may be more: small steps leave room for
   * events to be stored in between. After a failed write it writes once, so that health shows when the disk is well again.
   */
  prune(): boolean {
    if (!this.#writable) this.#write(() => this.#statements.touch.run());
    const before = this.#now() - RETENTION_MS;
    let deleted = 0;
    this.#write(() => {
      deleted = Number(this.#statements.prune.run(before).changes);
    });
    this.#database.exec(`PRAGMA incremental_vacuum(${PRUNE_PAGES})`);
    return deleted === PRUNE_ROWS;
  }

  close(): void {
    this.#database.close();
    this.#lock?.close();
  }

  #admit(metric: string, added: ReadonlyMap<string, number>): string {
    if (this.#totals.has(metric) || added.has(metric)) return metric;
    const names = this.#totals.size + [...added.keys()].filter((name) => !this.#totals.has(name)).length;
    return names < MAX_METRICS ? metric : OTHER_METRIC;
  }

  #unsampled(metric: string, recordedAt: number, now: number): Unsampled | undefined {
    if (recordedAt <= now - WINDOW_MS) return 'expired';
    const { count } = this.#statements.neighbours.get(
      metric,
      recordedAt - GUARD_MS,
      recordedAt + GUARD_MS,
      GUARD_POINTS,
    ) as { count: number };
    return count >= GUARD_POINTS ? 'burst' : undefined;
  }

  /** Prometheus keeps one value per series and millisecond, so two events of one metric never share one. */
  #freeMillisecond(metric: string, from: number): number {
    let at = from;
    while (this.#statements.taken.get(metric, at)) at++;
    return at;
  }

  #perMetric(query: (metric: string) => Record<string, unknown> | undefined): Map<string, number> {
    const counts = [...this.#totals.keys()].map((metric) => [metric, query(metric)?.count as number] as const);
    return new Map(counts.filter(([, count]) => count > 0));
  }

  #write(work: () => unknown): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      work();
      this.#database.exec('COMMIT');
      this.#writable = true;
    } catch (error) {
      this.#writable = false;
      // SQLite has rolled back by itself after some errors, a full disk among them.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

/**
 * Holds a lock that ends with the process, however it ends. A file of its own, so that the database can still be read and
 * copied by other programs while the recorder runs.
 */
function lock(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(`${file}.lock`, { timeout: 1000 });
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode !== 5) throw unusable(error);
    throw new ConfigurationError(
      'DATABASE_FILE: another slow-event-recorder uses this database, and two would count events twice. Stop the other one, or give this one a file of its own.',
    );
  }
}

function unusable(error: unknown): ConfigurationError {
  return new ConfigurationError(
    `DATABASE_FILE: the database cannot be used (${(error as Error).message}). Name a file in a folder that exists and that this user can write to.`,
  );
}
