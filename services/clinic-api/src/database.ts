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
  /** Runs `work` in one transaction of a connection without a statement timeout. */
  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** SQLSTATE of an error that PostgreSQL reported. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined;

/** Connection lost, no resources, shut down or starting up, statement cancelled by its timeout. */
const UNAVAILABLE = /^(?:08|53|57)/;

async function rows<Result extends Row>(
  client: pg.Pool | pg.Client,
  text: string,
  values: readonly unknown[],
): Promise<Result[]> {
  try {
    return (await client.query<Result>(text, [...values])).rows;
  } catch (error) {
    const state = sqlState(error);
    if (state !== undefined && !UNAVAILABLE.test(state)) throw error;
    throw new DatabaseUnavailable('The database did not answer.', { cause: error });
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
    idleTimeoutMillis: 10_000,
    statement_timeout: statementTimeout,
    // The server cancels a statement; this is for a server that no longer answers at all.
    query_timeout: statementTimeout + 1000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
  });
  // A connection that dies while idle: the next query opens another. Without a listener this would end the process.
  pool.on('error', () => {});
  return {
    pool,
    query: (text, values = []) => rows(pool, text, values),
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
  readonly timeout: number;
  readonly waiting: (secondsLeft: number) => void;
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Resolves once the database answers. Rejects when it did not in time, at once when it refuses the account. */
export async function waitForDatabase(
  { query }: Pick<Database, 'query'>,
  {
    timeout,
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
