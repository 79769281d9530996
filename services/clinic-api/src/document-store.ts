import { createHash, randomUUID } from 'node:crypto';
import type { ReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from './problem.ts';

/** Bytes. */
export const MAX_DOCUMENT_SIZE = 5_000_000;

/** What has arrived whole and is on the disk, but is not a document yet. */
export interface ReceivedFile {
  /** Bytes. */
  readonly size: number;
  readonly sha256: Buffer;
  /** Puts it in its place, durably. To be called before the transaction that writes its row commits. */
  keep(): Promise<void>;
  /** Removes it unless it was kept. */
  discard(): Promise<void>;
}

export interface StorageProbe {
  /** Milliseconds to write, sync, read back and remove a small file. */
  readonly latency: number;
  /** Bytes. */
  readonly free: number;
  readonly total: number;
}

export interface SweepOptions {
  /** Which of these ids are documents. */
  readonly documents: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Files named by their document's id, directly in `folder`. Beside them `incoming/` holds what arrives, and `orphaned/` what no row
 * names. Rejects with the problems storage_full, storage_unavailable, document_too_large, document_damaged, body_incomplete.
 */
export interface DocumentStore {
  receive(id: string, chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<ReceivedFile>;
  /** A stream of the whole file, after its content was found to be what `sha256` says. */
  read(id: string, sha256: Buffer): Promise<ReadStream>;
  probe(): Promise<StorageProbe>;
  /**
   * Removes what never became a document: uploads that were cut off, after an hour; files without a row are set aside after an
   * hour and removed after 30 days. Resolves with how many files it moved or removed.
   */
  sweep(options: SweepOptions): Promise<number>;
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const GRACE_MS = 3_600_000;
const ORPHANED_FOR_MS = 30 * 86_400_000;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Runs work on files; what the disk refuses becomes a problem that says whether it is full. */
async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new Problem(FULL.has(code) ? 'storage_full' : 'storage_unavailable', { cause: error });
  }
}

async function withFile<Result>(path: string, flags: string, work: (file: FileHandle) => Promise<Result>) {
  const file = await open(path, flags, 0o600);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** What fails here is the sender, not the disk. */
async function* whole(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch {
    throw new Problem('body_incomplete');
  }
}

/** A rename is durable once its folder is. */
const syncFolder = (path: string) => withFile(path, 'r', (folder) => folder.sync());

/** Creates the folders. Rejects when that cannot be done. */
export async function openDocumentStore(folder: string): Promise<DocumentStore> {
  const incoming = join(folder, 'incoming');
  const orphaned = join(folder, 'orphaned');
  try {
    for (const each of [incoming, orphaned]) await mkdir(each, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `DOCUMENT_STORE: the folder cannot be created or written (${code}). Give it to the user that this runs as.`,
    );
  }

  async function write(path: string, chunks: AsyncIterable<Buffer> | Iterable<Buffer>) {
    const hash = createHash('sha256');
    let size = 0;
    await withFile(path, 'wx', async (file) => {
      for await (const chunk of whole(chunks)) {
        size += chunk.length;
        if (size > MAX_DOCUMENT_SIZE) throw new Problem('document_too_large');
        hash.update(chunk);
        // Not `write`: a disk that is nearly full takes a part without an error.
        await file.writeFile(chunk);
      }
      await file.sync();
    });
    return { size, sha256: hash.digest() };
  }

  /** Files of a folder that were last changed before the time given. */
  async function olderThan(path: string, time: number): Promise<string[]> {
    const files: string[] = [];
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const changed = await stat(join(path, entry.name)).catch(() => undefined);
      if (changed && changed.mtimeMs < time) files.push(entry.name);
    }
    return files;
  }

  return {
    receive: (id, chunks) =>
      onDisk(async () => {
        const partial = join(incoming, id);
        const discard = () => rm(partial, { force: true });
        try {
          const { size, sha256 } = await write(partial, chunks);
          return {
            size,
            sha256,
            keep: () =>
              onDisk(async () => {
                await rename(partial, join(folder, id));
                await syncFolder(folder);
              }),
            discard,
          };
        } catch (error) {
          await discard().catch(() => {});
          throw error;
        }
      }),

    async read(id, sha256) {
      let file: FileHandle;
      try {
        file = await open(join(folder, id), 'r');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        throw new Problem(code === 'ENOENT' ? 'document_damaged' : 'storage_unavailable', { cause: error });
      }
      try {
        const hash = createHash('sha256');
        for await (const chunk of file.createReadStream({ autoClose: false, start: 0 })) hash.update(chunk as Buffer);
        if (!hash.digest().equals(sha256)) throw new Problem('document_damaged');
        // The same open file: what is sent is what was checked.
        return file.createReadStream({ start: 0 });
      } catch (error) {
        await file.close();
        throw error instanceof Problem ? error : new Problem('storage_unavailable', { cause: error });
      }
    },

    probe: () =>
      onDisk(async () => {
        const start = performance.now();
        const path = join(incoming, `probe-${randomUUID()}`);
        const content = Buffer.from(`${process.hrtime.bigint()}`);
        try {
          await withFile(path, 'w', async (file) => {
            await file.writeFile(content);
            await file.sync();
          });
          if (!(await readFile(path)).equals(content)) throw new Problem('storage_unavailable');
        } finally {
          await rm(path, { force: true });
        }
        const { bavail, blocks, bsize } = await statfs(folder);
        return { latency: performance.now() - start, free: bavail * bsize, total: blocks * bsize };
      }),

    async sweep({ documents, now }) {
      let swept = 0;
      for (const name of await olderThan(incoming, now - GRACE_MS)) {
        await rm(join(incoming, name), { force: true });
        swept++;
      }
      for (const name of await olderThan(orphaned, now - ORPHANED_FOR_MS)) {
        await rm(join(orphaned, name), { force: true });
        swept++;
      }
      const candidates = (await olderThan(folder, now - GRACE_MS)).filter((name) => ID.test(name));
      for (let at = 0; at < candidates.length; at += 1000) {
        const ids = candidates.slice(at, at + 1000);
        const known = await documents(ids);
        for (const id of ids) {
          if (known.has(id)) continue;
          // Set aside, not removed: a database that was restored to an earlier hour does not know its newest files.
          await rename(join(folder, id), join(orphaned, id));
          await utimes(join(orphaned, id), new Date(now), new Date(now));
          swept++;
        }
      }
      return swept;
    },
  };
}
