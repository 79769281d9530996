/**
 * What the security audit has worked out so far, in an SQLite file. Removed, it is worked out again from the clinic's own audit log,
 * sign-offs included, save what was noted while it happened: flags, attacks, and when something was seen first.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { EXPLANATIONS, SIGN_IN_OUTCOMES } from '@clinic/catalogue/vocabulary';
import { type Anchor, GENESIS } from './chain.ts';

export type Explanation = (typeof EXPLANATIONS)[number];

/** A chart that was opened. Times in epoch milliseconds. */
export interface Access {
  readonly seq: number;
  readonly at: number;
  readonly actor: number;
  readonly role: string;
  readonly action: string;
  readonly client: string;
  readonly explanation: Explanation;
  /** The reason given for breaking the glass. */
  readonly reason: string | null;
}

/** An attempt to sign in; account and source are keyed hashes. */
export interface SignIn {
  readonly seq: number;
  readonly at: number;
  readonly outcome: SignInOutcome;
  readonly account: string;
  readonly source: string;
  /** 1 when the account exists. */
  readonly known: 0 | 1;
}

export type SignInOutcome = (typeof SIGN_IN_OUTCOMES)[number];

/** What a person who looked into an access found. */
export const VERDICTS = ['legitimate', 'follow_up', 'violation'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Review {
  /** The access. */
  readonly seq: number;
  readonly reviewer: number;
  readonly at: number;
  readonly verdict: Verdict;
}

/** A pattern in what one person did on one day. */
export interface Flag {
  readonly pattern: string;
  readonly actor: number;
  /** Epoch milliseconds when it was first seen. */
  readonly at: number;
}

/** The audit log is read twice: what explains an access may be written a little later, an attack is not waited for. */
export const STREAMS = ['accesses', 'events'] as const;
export type Stream = (typeof STREAMS)[number];

/** What a stretch of the audit log holds. */
export interface Findings {
  readonly stream: Stream;
  readonly accesses: readonly Access[];
  readonly signIns: readonly SignIn[];
  readonly reviews: readonly Review[];
  /** The last row of the stretch. */
  readonly end: Anchor;
}

export const DAY_MS = 86_400_000;
/** Longer than the 28 days that a habit is learnt from. */
const KEPT_MS = 35 * DAY_MS;

const SCHEMA = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -2048;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS positions (stream TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accesses (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor INTEGER NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  client TEXT NOT NULL,
  explanation TEXT NOT NULL,
  reason TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS accesses_at ON accesses (at);
CREATE INDEX IF NOT EXISTS accesses_review ON accesses (seq) WHERE explanation IN ('unexplained', 'break_glass');
CREATE TABLE IF NOT EXISTS totals (
  role TEXT NOT NULL, action TEXT NOT NULL, explanation TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (role, action, explanation)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sign_ins (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  account TEXT NOT NULL,
  source TEXT NOT NULL,
  known INTEGER NOT NULL,
  -- 1 when this account had signed in from this source within the 28 days before.
  familiar INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sign_ins_at ON sign_ins (at);
CREATE INDEX IF NOT EXISTS sign_ins_pair ON sign_ins (account, source, at) WHERE outcome = 'accepted';
CREATE TABLE IF NOT EXISTS reviews (
  seq INTEGER PRIMARY KEY, reviewer INTEGER NOT NULL, at INTEGER NOT NULL, verdict TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS flags (
  pattern TEXT NOT NULL, actor INTEGER NOT NULL, day INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (pattern, actor, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attacks (pattern TEXT PRIMARY KEY, last_seen INTEGER NOT NULL, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS first_seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** An attack that pauses for less than this is one attack. */
const SAME_ATTACK_MS = 6 * 3_600_000;
const FAMILIAR_MS = 28 * DAY_MS;

export interface Notebook {
  /** How far the log has been read. */
  position(stream: Stream): Anchor;
  /** Keeps what a stretch of the log holds, all of it or nothing; the same stretch again changes nothing. */
  add(findings: Findings): void;
  /** Forgets what came from rows after this one: a restored database has others there. */
  forgetFrom(anchor: Anchor): void;
  /** Rows of one of the tables above. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[];
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined;
  /** Keeps a flag, one a day of each pattern and person; true when it is new. */
  flag(flag: Flag): boolean;
  /** Notes that an attack is going on; true when it has begun. */
  attack(pattern: string, at: number): boolean;
  /** When something with this id was seen first: now, unless it is known. */
  firstSeen(id: string, at: number): number;
  prune(now: number): void;
  close(): void;
}

/** Opens the notebook; `:memory:` keeps nothing. Throws when the file cannot be used. */
export function openNotebook(file: string): Notebook {
  const database = new DatabaseSync(file);
  database.exec(SCHEMA);
  const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  const statement = (sql: string) => {
    const found = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, found);
    return found;
  };
  const run = (sql: string, ...values: SQLInputValue[]) => Number(statement(sql).run(...values).changes);
  const get = <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).get(...values) as Row | undefined;
  const transaction = (work: () => void) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  };
  const moveTo = (stream: Stream, { seq, hash }: Anchor) =>
    run(
      'INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash',
      ...[stream, seq, hash],
    );
  const position = (stream: Stream) =>
    get<Anchor>('SELECT seq, hash FROM positions WHERE stream = ?', stream) ?? GENESIS;

  return {
    position,
    add({ stream, accesses, signIns, reviews, end }) {
      transaction(() => {
        for (const { seq, at, actor, role, action, client, explanation, reason } of accesses) {
          const added = run(
            'INSERT OR IGNORE INTO accesses VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
            ...[seq, at, actor, role, action, client, explanation, reason],
          );
          if (added === 0) continue;
          run(
            'INSERT INTO totals VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1',
            ...[role, action, explanation],
          );
        }
        for (const { seq, at, outcome, account, source, known } of signIns) {
          run(
            `INSERT OR IGNORE INTO sign_ins VALUES (?, ?, ?, ?, ?, ?, EXISTS (
              SELECT 1 FROM sign_ins WHERE account = ? AND source = ? AND outcome = 'accepted' AND at < ? AND at >= ?))`,
            ...[seq, at, outcome, account, source, known, account, source, at, at - FAMILIAR_MS],
          );
        }
        for (const { seq, reviewer, at, verdict } of reviews) {
          run('INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?)', seq, reviewer, at, verdict);
        }
        moveTo(stream, end);
      });
    },
    forgetFrom(anchor) {
      transaction(() => {
        // The counts of what happened stay: it did happen, and a counter does not go down.
        for (const table of ['accesses', 'sign_ins', 'reviews']) run(`DELETE FROM ${table} WHERE seq > ?`, anchor.seq);
        for (const stream of STREAMS) if (position(stream).seq > anchor.seq) moveTo(stream, anchor);
      });
    },
    all: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).all(...values) as Row[],
    get,
    flag: ({ pattern, actor, at }) =>
      run('INSERT OR IGNORE INTO flags VALUES (?, ?, ?, ?)', pattern, actor, Math.floor(at / DAY_MS), at) > 0,
    attack(pattern, at) {
      const before = get<{ last_seen: number }>('SELECT last_seen FROM attacks WHERE pattern = ?', pattern);
      const begun = !before || at - before.last_seen > SAME_ATTACK_MS;
      run(
        `INSERT INTO attacks VALUES (?, ?, 1)
         ON CONFLICT DO UPDATE SET last_seen = max(last_seen, excluded.last_seen), count = count + ?`,
        ...[pattern, at, begun ? 1 : 0],
      );
      return begun;
    },
    firstSeen(id, at) {
      run('INSERT OR IGNORE INTO first_seen VALUES (?, ?)', id, at);
      return get<{ at: number }>('SELECT at FROM first_seen WHERE id = ?', id)!.at;
    },
    prune(now) {
      transaction(() => {
        run('DELETE FROM sign_ins WHERE at < ?', now - KEPT_MS);
        run(
          `DELETE FROM accesses WHERE at < ? AND (explanation NOT IN ('unexplained', 'break_glass')
           OR EXISTS (SELECT 1 FROM reviews AS r WHERE r.seq = accesses.seq))`,
          now - KEPT_MS,
        );
        run(
          'DELETE FROM reviews WHERE at < ? AND NOT EXISTS (SELECT 1 FROM accesses AS a WHERE a.seq = reviews.seq)',
          now - KEPT_MS,
        );
      });
    },
    close: () => database.close(),
  };
}
