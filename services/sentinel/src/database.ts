import pg from 'pg';

export interface ConnectionOptions {
  /** `postgres://user@host:port/name`. */
  readonly url: string;
  readonly password: string;
}

/** A URL and a password as pg, and PostgreSQL's own programs, want them. */
export function connectionOf({ url, password }: ConnectionOptions) {
  const { hostname, port, username, pathname } = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    database: decodeURIComponent(pathname.slice(1)),
    password,
  };
}

/** At most three connections, none while nothing is asked. */
export function openPool(options: ConnectionOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connectionOf(options),
    application_name: 'sentinel',
    max: 3,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    query_timeout: 61_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
  });
  // A connection that dies while idle: the next query opens another. Without a listener this would end the process.
  pool.on('error', () => {});
  return pool;
}
