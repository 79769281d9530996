import { createWriteStream, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { listBackups } from './base-backup.ts';
import { startCopy } from './copy.ts';
import { documentName, readDocumentIndex } from './documents-backup.ts';
import type { BackupKey } from './key.ts';
import type { Manifest } from './manifest.ts';
import { ProgramFailed } from './program.ts';
import { loadManifest } from './restore.ts';
import { unseal } from './seal.ts';
import type { Target } from './target.ts';
import { verifyBackup } from './verify.ts';

export interface RestoreOptions {
  readonly source: Target;
  readonly key: BackupKey;
  readonly bin: string;
  /** A folder that does not exist, or is empty. PostgreSQL's user must be able to get to it. */
  readonly into: string;
  /** Epoch milliseconds: what was committed later is left out. Undefined: everything there is. */
  readonly at?: number | undefined;
}

export interface Restored {
  readonly backup: string;
  /** A data folder that PostgreSQL can be started on. */
  readonly data: string;
  readonly documents: string;
  /** When the last transaction that is in it was committed. */
  readonly lastCommit: Date | undefined;
}

const DEADLINE_MS = 6 * 60 * 60_000;

/** The newest backup that had ended by then. */
async function backupFor(source: Target, key: BackupKey, at: number | undefined): Promise<Manifest> {
  const ids = await listBackups(source);
  if (ids.length === 0)
    throw new Error('There is no backup here. Give the folder that holds base/, wal/ and documents/.');
  for (const id of ids.toReversed()) {
    const manifest = await loadManifest(source, key, id);
    if (at === undefined || manifest.finishedAt <= at) return manifest;
  }
  throw new Error(`No backup had ended by then; the oldest is ${ids[0]}.`);
}

/** Restores the database, as it was at a moment, and every document, into a folder. Nothing that runs is touched. */
export async function restoreTo({ source, key, bin, into, at }: RestoreOptions): Promise<Restored> {
  if (existsSync(into) && readdirSync(into).length > 0)
    throw new Error(`${into} is not empty: give a folder that does not exist.`);
  mkdirSync(into, { recursive: true, mode: 0o711 });
  const { id } = await backupFor(source, key, at);
  // Every byte is checked on the way: a damaged backup must not become the clinic's database.
  const { manifest, data, wal } = await verifyBackup({ source, key, bin, id, work: into });
  const copy = await startCopy({
    bin,
    data,
    wal,
    manifest,
    recovery: at === undefined ? { to: 'end' } : { to: 'time', at: new Date(at).toISOString() },
    deadline: DEADLINE_MS,
  }).catch((error: Error) => {
    const said = error.cause instanceof ProgramFailed ? error.cause.output : '';
    if (!said.includes('recovery ended before configured recovery target was reached')) throw error;
    throw new Error('The WAL does not reach that time. Give an earlier one, or none for everything there is.', {
      cause: error,
    });
  });
  const lastCommit = await copy.lastCommit();
  await copy.stop();
  rmSync(wal, { recursive: true, force: true });
  const documents = join(into, 'documents');
  mkdirSync(documents, { mode: 0o700 });
  const index = await readDocumentIndex(source, key).catch(() => ({}));
  for (const [document, sha256] of Object.entries(index)) {
    await pipeline(
      await unseal(await source.read(documentName(sha256)), key),
      createWriteStream(join(documents, document), { mode: 0o600 }),
    );
  }
  return { backup: id, data, documents, lastCommit };
}
