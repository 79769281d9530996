import { RETENTION_MS } from '@clinic/catalogue/recovery';
import { listBackups } from './base-backup.ts';
import type { BackupKey } from './key.ts';
import { archiveName, manifestName } from './manifest.ts';
import { loadManifest } from './restore.ts';
import type { Target } from './target.ts';
import { listSegments } from './wal-archive.ts';

/** Deletes base backups that are too old, save the newest, then the WAL that is older than the oldest that is left. */
export async function retain(
  target: Target,
  { key, now }: { readonly key: BackupKey; readonly now: number },
): Promise<string[]> {
  const ids = await listBackups(target);
  const removed: string[] = [];
  const kept = [];
  for (const id of ids) {
    const manifest = await loadManifest(target, key, id).catch(() => undefined);
    // One that cannot be read is for a person to look at.
    if (!manifest) continue;
    if (id === ids.at(-1) || now - manifest.finishedAt <= RETENTION_MS) kept.push(manifest);
    else {
      await target.remove(manifestName(id));
      await target.remove(archiveName(id));
      removed.push(id);
    }
  }
  for (const system of new Set(kept.map((manifest) => manifest.system))) {
    const oldest = kept
      .filter((manifest) => manifest.system === system)
      .map(({ startSegment }) => startSegment)
      .sort()[0];
    for (const { segment, name } of await listSegments(target, system)) {
      if (oldest !== undefined && segment < oldest) await target.remove(name);
    }
  }
  return removed;
}
