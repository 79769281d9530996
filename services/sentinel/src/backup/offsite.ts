import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOCUMENT_INDEX, type DocumentIndex, documentIndex, readDocumentIndex } from './documents-backup.ts';
import type { BackupKey } from './key.ts';
import { sign } from './manifest.ts';
import { retain } from './retention.ts';
import { type Repository, readText, type Target } from './target.ts';

/** These are written anew under the same name; everything else never changes. */
const CHANGES = /\.part\.zst\.age$|^documents\/index\.json$/;
/** What others refer to comes first, so that the copy is whole at any moment. */
const ORDER = [/^wal\//, /^documents\/[^i]/, /^documents\/index/, /^base\/.*\.age$/, /^base\//];

const rank = (name: string) => ORDER.findIndex((pattern) => pattern.test(name));

async function copyText(target: Target, name: string, text: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'offsite-'));
  try {
    await writeFile(join(folder, 'text'), text);
    await target.copy(name, join(folder, 'text'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export interface OffsiteOptions {
  readonly key: BackupKey;
  readonly now: number;
}

/**
 * Adds our documents to those that the copy knows: a repository that a new machine has begun knows none of the older ones. An index that
 * the key does not open is kept aside: it is all that tells which of the older documents is which.
 */
async function copyIndex(repository: Repository, target: Target, { key, now }: OffsiteOptions): Promise<void> {
  const ours = await readDocumentIndex(repository, key);
  const text = await readText(target, DOCUMENT_INDEX);
  let theirs: DocumentIndex = {};
  try {
    theirs = documentIndex(key, text);
  } catch {
    await copyText(target, `documents/index-${now}.json`, text);
  }
  const documents = { ...theirs, ...ours };
  const news = Object.keys(documents).length > Object.keys(theirs).length;
  if (news || Object.keys(theirs).length === 0) await copyText(target, DOCUMENT_INDEX, sign(key, { documents }));
}

/**
 * Brings everything of the repository to the target. What is there and no longer here goes when it is too old, and not before: a
 * repository that lost its backups, or one that a new machine has begun, is the very case that the copy is for.
 * @returns how many bytes are in the copy
 */
export function offsiteCopier(repository: Repository, target: Target): (options: OffsiteOptions) => Promise<number> {
  let sentIndex = '';
  return async ({ key, now }) => {
    const folders = ['wal', 'documents', 'base'];
    const here = (await Promise.all(folders.map((folder) => repository.list(folder)))).flat();
    const there = new Map(
      (await Promise.all(folders.map((folder) => target.list(folder)))).flat().map(({ name, size }) => [name, size]),
    );
    for (const { name, size } of here.sort((a, b) => rank(a.name) - rank(b.name))) {
      if (there.get(name) === size && !CHANGES.test(name)) continue;
      if (name === DOCUMENT_INDEX && there.has(name)) {
        // Theirs is read only when either has changed since they were brought together.
        const ours = createHash('sha256')
          .update(await readText(repository, name))
          .digest('hex');
        if (sentIndex === `${ours} ${there.get(name)}`) continue;
        await copyIndex(repository, target, { key, now });
        const [copied] = (await target.list('documents')).filter((object) => object.name === name);
        sentIndex = `${ours} ${copied?.size}`;
        continue;
      }
      await target.copy(name, repository.path(name)).catch((error: NodeJS.ErrnoException) => {
        // It became whole under another name meanwhile; the next round has it.
        if (error.code !== 'ENOENT' || !CHANGES.test(name)) throw error;
      });
    }
    const names = new Set(here.map(({ name }) => name));
    const gone = [...there.keys()].filter((name) => !names.has(name));
    // A part became whole.
    for (const name of gone) if (names.has(name.replace(/\.part(?=\.zst\.age$)/, ''))) await target.remove(name);
    if (gone.some((name) => /^(base|wal)\//.test(name))) {
      const remove = async (name: string) => {
        if (!names.has(name)) await target.remove(name);
      };
      await retain({ list: target.list, read: target.read, remove }, { key, now });
    }
    return here.reduce((sum, { size }) => sum + size, 0);
  };
}
