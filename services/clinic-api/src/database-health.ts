import type { RequestHandler } from 'express';
import { type Database, DatabaseUnavailable } from './database.ts';

/** `GET /api/health/database`: runs a real query. 200 or 503, with `latency_ms` and the use of the pool. */
export function databaseHealth({ query, pool }: Pick<Database, 'query' | 'pool'>): RequestHandler {
  return async (_req, res) => {
    const start = performance.now();
    const up = await query('SELECT count(*) FROM schema_migrations').then(
      () => true,
      (error: unknown) => {
        if (error instanceof DatabaseUnavailable) return false;
        throw error;
      },
    );
    const { totalCount, idleCount, waitingCount, options } = pool;
    res.status(up ? 200 : 503).json({
      status: up ? 'up' : 'down',
      latency_ms: Math.round((performance.now() - start) * 1000) / 1000,
      pool: { used: totalCount - idleCount, idle: idleCount, pending: waitingCount, max: options.max },
    });
  };
}
