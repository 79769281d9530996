import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { BackupKey } from './key.ts';
import { sign, signedValue } from './manifest.ts';
import { seal } from './seal.ts';
import { type Repository, readText, type Target } from './target.ts';

/** The clinic names each file by its document's id. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const index = z.object({ documents: z.record(z.string().regex(ID), z.string().regex(/^[0-9a-f]{64}$/)) });

/** Of each document's id, the SHA-256 of its content. */
export type DocumentIndex = Readonly<Record<string, string>>;

export const DOCUMENT_INDEX = 'documents/index.json';
export const documentName = (sha256: string) => `documents/${sha256.slice(0, 2)}/${sha256}.zst.age`;

/** Throws when the text was altered, or written with another key. */
export const documentIndex = (key: BackupKey, text: string): DocumentIndex =>
  index.parse(signedValue(key, text)).documents;

export async function readDocumentIndex(target: Target, key: BackupKey): Promise<DocumentIndex> {
  return documentIndex(key, await readText(target, DOCUMENT_INDEX));
}

export interface DocumentsBackupOptions {
  readonly store: string;
  readonly repository: Repository;
  readonly key: BackupKey;
}

/**
 * Keeps each document under the hash of its content, so that what is kept can be told from what it should be. A document never
 * changes, so only new ones are read. One that was removed stays in the backup until retention says otherwise.
 * @returns how many documents are in the backup
 */
export async function backUpDocuments({ store, repository, key }: DocumentsBackupOptions): Promise<number> {
  const known: Record<string, string> = {};
  const before = await readDocumentIndex(repository, key).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return {};
    throw error;
  });
  Object.assign(known, before);
  let news = 0;
  const names = await readdir(store).catch((error: NodeJS.ErrnoException) => {
    // A clinic without a document has no folder yet.
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const id of names) {
    if (!ID.test(id) || known[id]) continue;
    // At most 5 MB each: the clinic takes no larger one.
    const content = await readFile(join(store, id));
    const sha256 = createHash('sha256').update(content).digest('hex');
    await repository.write(documentName(sha256), await seal(Readable.from([content]), key));
    known[id] = sha256;
    news++;
  }
  if (news > 0 || Object.keys(before).length === 0) {
    await repository.write(DOCUMENT_INDEX, Readable.from([sign(key, { documents: known })]));
  }
  return Object.keys(known).length;
}

/** SHA-256 of what flows in, as hex. */
export async function sha256Of(source: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Documents in use whose content is not what their row says, or that are not there. */
export async function damagedDocuments(
  store: string,
  rows: readonly { readonly id: string; readonly sha256: string }[],
): Promise<string[]> {
  const damaged: string[] = [];
  for (const { id, sha256 } of rows) {
    const actual = await sha256Of(createReadStream(join(store, id))).catch(() => undefined);
    if (actual !== sha256) damaged.push(id);
  }
  return damaged;
}
