import { RETENTION_MS } from '@clinic/catalogue/recovery';
import { listBackups } from './base-backup.ts';
import type { BackupKey } from './key.ts';
import { archiveName, manifestName } from './manifest.ts';
import { loadManifest } from './restore.ts';
import type { Target } from './target.ts';
import { listSegments } from './wal-archive.ts';

/** When a backup of this name began, in epoch milliseconds. */
const begunAt = (id: string) => Date.parse(id.replace(/(....)(..)(..T..)(..)/, '$1-$2-$3:$4:'));

/**
 * Deletes base backups that are too old, save the newest, then the WAL that is older than the oldest that is left; and archives
 * as old without a manifest, which an interrupted backup left.
 * @returns ids of what was deleted
 */
export async function retain(
  target: Pick<Target, 'list' | 'read' | 'remove'>,
  { key, now }: { readonly key: BackupKey; readonly now: number },
): Promise<string[]> {
  const ids = await listBackups(target);
  const found = [];
  let unreadable = false;
  for (const id of ids) {
    const manifest = await loadManifest(target, key, id).catch(() => undefined);
    if (manifest) found.push(manifest);
    // One that cannot be read is for a person to look at, who may have its key: within the time it needs its WAL.
    else if (now - begunAt(id) <= RETENTION_MS) unreadable = true;
  }
  const newest = found.at(-1);
  const kept = found.filter((each) => each === newest || now - each.finishedAt <= RETENTION_MS);
  const removed = found.filter((each) => !kept.includes(each)).map(({ id }) => id);
  for (const id of removed) {
    await target.remove(manifestName(id));
    await target.remove(archiveName(id));
  }
  for (const { name } of await target.list('base')) {
    const id = name.split('/')[1] ?? '';
    if (!ids.includes(id) && now - begunAt(id) > RETENTION_MS) await target.remove(name);
  }
  if (unreadable) return removed;
  for (const system of new Set(found.map((manifest) => manifest.system))) {
    const oldest = kept
      .filter((manifest) => manifest.system === system)
      .map(({ startSegment }) => startSegment)
      .sort()[0];
    for (const { segment, name } of await listSegments(target, system)) {
      // Of a cluster without a backup, WAL is of no use.
      if (oldest === undefined || segment < oldest) await target.remove(name);
    }
  }
  return removed;
}
