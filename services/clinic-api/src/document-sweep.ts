import type { Database } from './database.ts';
import type { DocumentStore } from './document-store.ts';
import type { Log } from './log.ts';

const EVERY_MS = 3_600_000;

export interface SweepOptions {
  readonly database: Pick<Database, 'query'>;
  readonly store: Pick<DocumentStore, 'sweep'>;
  readonly log: Log;
  /** Resolves after so many milliseconds; rejects when it is to end. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** Clears the store of what is no document, now and every hour, until `sleep` rejects. */
export async function runSweeps({ database, store, log, sleep }: SweepOptions): Promise<never> {
  for (;;) {
    try {
      const swept = await store.sweep({
        now: Date.now(),
        documents: async (ids) => {
          const rows = await database.query<{ id: string }>('SELECT id FROM documents WHERE id = ANY($1::uuid[])', [
            ids,
          ]);
          return new Set(rows.map(({ id }) => id));
        },
      });
      if (swept > 0) log('info', 'documents_swept', { files: swept });
    } catch {
      // A database or disk that is away tells so elsewhere; the next hour will do.
      log('warn', 'documents_not_swept');
    }
    await sleep(EVERY_MS);
  }
}
