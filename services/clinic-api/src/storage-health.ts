import type { RequestHandler } from 'express';
import type { DocumentStore } from './document-store.ts';
import { Problem } from './problem.ts';
import { singleFlight } from './single-flight.ts';

/**
 * `GET /api/health/storage`: writes a small file, syncs it, reads it back and removes it. 200 with `latency_ms`, `free_bytes` and
 * `total_bytes`, or 503 with `reason`: `storage_full` or `storage_unavailable`.
 */
export function storageHealth(store: Pick<DocumentStore, 'probe'>): RequestHandler {
  const probe = singleFlight(() => store.probe());
  return async (_req, res) => {
    try {
      const { latency, free, total } = await probe();
      const latency_ms = Math.round(latency * 1000) / 1000;
      res.json({ status: 'up', latency_ms, free_bytes: free, total_bytes: total });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      res.status(503).json({ status: 'down', reason: error.code });
    }
  };
}
