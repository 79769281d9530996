import pg from 'pg';

export interface DatabaseOptions {
  /** `postgres://user@host:port/name`. */
  readonly url: string;
  readonly password: string;
  /** Connections at most. */
  readonly max?: number;
  /** Milliseconds. */
  readonly connectTimeout?: number;
  readonly statementTimeout?: number;
}

/** The database did not answer, or not in time: nothing is known to be wrong with the request. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
}

type Row = pg.QueryResultRow;
export type Query = <Result extends Row>(text: string, values?: readonly unknown[]) => Promise<Result[]>;

export interface Database {
  readonly pool: pg.Pool;
  /** Rows; rejects with a DatabaseUnavailable, or with what PostgreSQL said of the statement. */
  readonly query: Query;
  /**
   * Runs `work`, then `last`, in one transaction of a pooled connection; for requests. Statements are sent without waiting
   * for one another unless the caller awaits: BEGIN goes with the first, COMMIT with those of `last`. Resolves once it is
   * committed; when anything rejects, nothing of it is kept. `last` must send its statements before it awaits.
   */
  pooled<Result>(
    work: (query: Query) => Promise<Result>,
    last?: (query: Query, result: Result) => Promise<void>,
  ): Promise<Result>;
  /** Runs `work` in one transaction of a connection of its own, without a statement timeout; for migrations. */
  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** SQLSTATE of an error that PostgreSQL reported. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined;

/** SQLSTATE of a row that names another which does not exist. */
export const FOREIGN_KEY_VIOLATION = '23503';

/** Of an error that ends a program, what may be told: PostgreSQL's own words can hold what is in a row, so only its code. */
export function reasonOf(error: unknown): string {
  const state = sqlState(error) ?? sqlState((error as { cause?: unknown } | undefined)?.cause);
  if (state !== undefined) return `the database refused (${state}).`;
  return error instanceof Error ? error.message : 'unknown error';
}

/** Connection lost, no resources, shut down or starting up, statement cancelled by its timeout. */
const UNAVAILABLE = /^(?:08|53|57)/;

async function rows<Result extends Row>(
  client: pg.Pool | pg.ClientBase,
  text: string,
  values: readonly unknown[],
): Promise<Result[]> {
  return (await unavailableWhenLost(client.query<Result>(text, [...values]))).rows;
}

async function unavailableWhenLost<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (error) {
    const state = sqlState(error);
    if (state !== undefined && !UNAVAILABLE.test(state)) throw error;
    throw new DatabaseUnavailable('The database did not answer.', { cause: error });
  }
}

async function connected(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    // A refused account is told as what it is when the service starts.
    throw new DatabaseUnavailable('The database did not answer.', { cause: error });
  }
}

async function inTransaction<Result>(
  client: pg.PoolClient,
  work: (query: Query) => Promise<Result>,
  last?: (query: Query, result: Result) => Promise<void>,
): Promise<Result> {
  let over = false;
  let sent = 0;
  const query: Query = async (text, values = []) => {
    // The connection may serve another request by now.
    if (over) throw new Error('This transaction is over.');
    sent++;
    return rows(client, text, values);
  };
  const commit = async () => {
    // A transaction in which a statement failed answers COMMIT with ROLLBACK.
    const { command } = await unavailableWhenLost(client.query('COMMIT'));
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back.');
  };
  let broken = false;
  try {
    const begun = rows(client, 'BEGIN', []);
    const [result] = await Promise.all([work(query), begun]);
    const before = sent;
    const done = last?.(query, result);
    over = true;
    if (last && sent === before) {
      await done;
      throw new Error('The last statements of a transaction were not sent, so it is not committed.');
    }
    const [finished, ended] = await Promise.allSettled([done, commit()]);
    if (finished.status === 'rejected') throw finished.reason;
    if (ended.status === 'rejected') throw ended.reason;
    return result;
  } catch (error) {
    over = true;
    await client.query('ROLLBACK').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

export function openDatabase({
  url,
  password,
  max = 10,
  connectTimeout = 3000,
  statementTimeout = 5000,
}: DatabaseOptions): Database {
  const { hostname, port, username, pathname } = new URL(url);
  const connection = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    database: decodeURIComponent(pathname.slice(1)),
    password,
    application_name: 'clinic-api',
    connectionTimeoutMillis: connectTimeout,
  };
  const pool = new pg.Pool({
    ...connection,
    max,
    // One stays open for the next request; each further one costs the server some 15 MB.
    min: 1,
    pipeline: true,
    idleTimeoutMillis: 10_000,
    statement_timeout: statementTimeout,
    // The server cancels a statement; this is for a server that no longer answers at all.
    query_timeout: statementTimeout + 1000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
  });
  // A connection that dies while idle: the next query opens another. Without a listener this would end the process.
  pool.on('error', () => {});
  // And one that dies in a transaction, when the pool does not listen: its statements reject, which is enough.
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    pool,
    query: (text, values = []) => rows(pool, text, values),
    async pooled(work, last) {
      return inTransaction(await connected(pool), work, last);
    },
    async transaction(work) {
      const client = new pg.Client(connection);
      client.on('error', () => {});
      try {
        await client.connect();
        await client.query('BEGIN');
        const result = await work((text, values = []) => rows(client, text, values));
        await client.query('COMMIT');
        return result;
      } finally {
        await client.end(); // without COMMIT this rolls back
      }
    },
    close: () => pool.end(),
  };
}

const WRONG_ACCESS: Readonly<Record<string, string>> = {
  '28P01': 'DATABASE_PASSWORD_FILE holds a password that the database does not accept',
  '28000': 'DATABASE_URL names a user that the database does not accept',
  '3D000': 'DATABASE_URL names a database that does not exist',
};

export interface WaitOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly waiting: (secondsLeft: number) => void;
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Resolves once the database answers. Rejects when it did not in time, at once when it refuses the account. */
export async function waitForDatabase(
  { query }: Pick<Database, 'query'>,
  {
    timeout = 60_000,
    waiting,
    now = () => performance.now(),
    sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }: WaitOptions,
): Promise<void> {
  const deadline = now() + timeout;
  for (let pause = 250; ; pause = Math.min(pause * 2, 4000)) {
    try {
      await query('SELECT 1');
      return;
    } catch (error) {
      const wrong = WRONG_ACCESS[sqlState(error) ?? ''];
      if (wrong) throw new Error(`${wrong}.`);
      const left = deadline - now();
      if (left <= 0) {
        throw new Error(
          `The database of DATABASE_URL did not answer for ${timeout / 1000} s. Start it, or correct the URL.`,
        );
      }
      waiting(Math.ceil(left / 1000));
      await sleep(Math.min(pause, left));
    }
  }
}
