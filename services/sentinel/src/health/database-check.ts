import { CONNECTION_USE_LIMIT } from '@clinic/catalogue/recovery';
import type { ConnectionOptions } from '../database.ts';
import type { Probe } from './check.ts';
import { onOneConnection } from './one-connection.ts';

interface Row {
  readonly recovering: boolean;
  readonly used: number;
  readonly usable: number;
  readonly followers_behind: number;
}

const QUESTION = `
SELECT
  pg_is_in_recovery() AS recovering,
  (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS usable,
  -- Followers other than the receiver of WAL, which has a check of its own.
  (SELECT count(*)::int FROM pg_stat_replication
   WHERE application_name NOT IN ('pg_receivewal', 'pg_basebackup') AND replay_lag > interval '1 minute') AS followers_behind,
  -- A real table, not only a server that answers.
  (SELECT count(*)::int FROM (SELECT id FROM users LIMIT 1) AS one) AS seen`;

/** A new connection, a query that reads a table, how many connections are in use, and whether followers keep up. */
export function databaseProbe(connection: ConnectionOptions): Probe {
  return (signal) =>
    onOneConnection(connection, signal, async (client) => {
      const row = (await client.query<Row>(QUESTION)).rows[0];
      if (row === undefined) return { state: 'down', message: 'It answers a query with nothing.' };
      if (row.recovering) return { state: 'down', message: 'It recovers, and takes no writes.' };
      const use = `${row.used} of ${row.usable} connections are in use`;
      if (row.used >= row.usable * CONNECTION_USE_LIMIT) return { state: 'degraded', message: `${use}.` };
      if (row.followers_behind > 0) {
        return { state: 'degraded', message: `${row.followers_behind} followers are more than a minute behind.` };
      }
      return { state: 'healthy', message: `${use}.` };
    });
}
