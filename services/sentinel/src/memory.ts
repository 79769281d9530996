import { DatabaseSync } from 'node:sqlite';

/** What sentinel keeps over restarts, as JSON by name; a disk that is full or a file that is broken throws. */
export interface Memory {
  get<Value>(name: string): Value | undefined;
  set(name: string, value: unknown): void;
  /** What a schedule keeps. */
  last(job: string): number | undefined;
  remember(job: string, due: number): void;
  close(): void;
}

export function openMemory(file: string): Memory {
  const database = new DatabaseSync(file);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -256; PRAGMA busy_timeout = 5000',
  );
  database.exec('CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID');
  const read = database.prepare('SELECT value FROM memory WHERE name = ?');
  const write = database.prepare(
    'INSERT INTO memory VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const get = <Value>(name: string): Value | undefined => {
    const row = read.get(name);
    return row === undefined ? undefined : ((JSON.parse(String(row.value)) ?? undefined) as Value | undefined);
  };
  const set = (name: string, value: unknown) => void write.run(name, JSON.stringify(value ?? null));
  return {
    get,
    set,
    last: (job) => get<number>(`due:${job}`),
    remember: (job, due) => set(`due:${job}`, due),
    close: () => database.close(),
  };
}
