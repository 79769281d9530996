import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();

/** Whoever still runs in it may be writing. */
const erase = (path: string) => rmSync(path, { recursive: true, force: true, maxRetries: 5 });

process.once('exit', () => {
  for (const path of folders) {
    try {
      erase(path);
    } catch (error) {
      console.error(`${path} stays: ${(error as Error).message}`);
    }
  }
});

/** Gone at the end of the process at the latest, so that whoever is told to stop need only exit. */
export function temporaryFolder(prefix: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), prefix));
  folders.add(path);
  return {
    path,
    remove() {
      erase(path);
      folders.delete(path);
    },
  };
}
