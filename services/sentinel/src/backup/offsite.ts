import type { Repository, Target } from './target.ts';

/** These are written anew under the same name; everything else never changes. */
const CHANGES = /\.part\.zst\.age$|^documents\/index\.json$/;
/** What others refer to comes first, so that the copy is whole at any moment. */
const ORDER = [/^wal\//, /^documents\/[^i]/, /^documents\/index/, /^base\/.*\.age$/, /^base\//];

const rank = (name: string) => ORDER.findIndex((pattern) => pattern.test(name));

/**
 * Brings everything of the repository to the target, and removes there what retention removed here, save when the repository is
 * empty: that is an accident, not retention.
 * @returns how many bytes are in the copy
 */
export async function copyOffsite(repository: Repository, target: Target): Promise<number> {
  const folders = ['wal', 'documents', 'base'];
  const here = (await Promise.all(folders.map((folder) => repository.list(folder)))).flat();
  const there = new Map(
    (await Promise.all(folders.map((folder) => target.list(folder)))).flat().map(({ name, size }) => [name, size]),
  );
  for (const { name, size } of here.sort((a, b) => rank(a.name) - rank(b.name))) {
    if (there.get(name) === size && !CHANGES.test(name)) continue;
    await target.copy(name, repository.path(name)).catch((error: NodeJS.ErrnoException) => {
      // It became whole under another name meanwhile; the next round has it.
      if (error.code !== 'ENOENT' || !CHANGES.test(name)) throw error;
    });
  }
  const names = new Set(here.map(({ name }) => name));
  if (here.some(({ name }) => name.endsWith('/manifest.json'))) {
    // A backup stops being visible before it goes.
    const gone = [...there.keys()].filter((name) => !names.has(name)).sort((a, b) => rank(b) - rank(a));
    for (const name of gone) await target.remove(name);
  }
  return here.reduce((sum, { size }) => sum + size, 0);
}
