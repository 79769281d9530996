import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface StoredObject {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** A place that holds backups, by names such as `base/20261122T013000Z/manifest.json`. An object is there whole, or not at all. */
export interface Target {
  list(prefix: string): Promise<StoredObject[]>;
  /** Rejects when there is none of this name. */
  read(name: string): Promise<Readable>;
  /** Copies a file of this machine. */
  copy(name: string, file: string): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface Written {
  readonly size: number;
  readonly sha256: string;
}

/** The place on this machine, where backups are made. */
export interface Repository extends Target {
  /** Writes what flows in; what is interrupted leaves nothing of that name. */
  write(name: string, source: Readable): Promise<Written>;
  path(name: string): string;
}

const PARTIAL = '.partial-write';

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Folders made on the way are durable as well. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let each = path; each.length >= dirname(first).length; each = dirname(each)) await sync(each);
}

export function openFolder(folder: string): Repository {
  const path = (name: string) => join(folder, name);
  async function write(name: string, source: Readable): Promise<Written> {
    const file = path(name);
    const partial = `${file}${PARTIAL}`;
    const hash = createHash('sha256');
    let size = 0;
    // It may fail before it is read from.
    source.on('error', () => {});
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        done(null, chunk);
      },
    });
    try {
      await makeFolder(dirname(file));
      await pipeline(source, count, createWriteStream(partial, { mode: 0o600 }));
      await sync(partial);
      await rename(partial, file);
      await sync(dirname(file));
    } catch (error) {
      source.destroy();
      await rm(partial, { force: true });
      throw error;
    }
    return { size, sha256: hash.digest('hex') };
  }
  return {
    path,
    write,
    async list(prefix) {
      const root = path(prefix);
      const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return [];
          throw error;
        },
      );
      const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(PARTIAL));
      const found = await Promise.all(
        files.map(async (entry) => {
          const file = join(entry.parentPath, entry.name);
          // One that another run removed meanwhile is not there.
          const about = await stat(file).catch(() => undefined);
          return about && { name: relative(folder, file), size: about.size };
        }),
      );
      return found.filter((each) => each !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async read(name) {
      const file = await open(path(name), 'r');
      return file.createReadStream();
    },
    async copy(name, file) {
      await write(name, createReadStream(file));
    },
    async remove(name) {
      await rm(path(name), { force: true });
      // Empty folders are of no use; one that is not empty stays.
      await rmdir(dirname(path(name))).catch(() => {});
    },
  };
}

/** Removes what a killed run had half written, which may be a whole base backup. Nobody else may be writing to the folder. */
export async function removePartial(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const entry of entries) if (entry.endsWith(PARTIAL)) await rm(join(folder, entry), { force: true });
}

export async function readText(target: Pick<Target, 'read'>, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await target.read(name)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
