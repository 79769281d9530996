import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT } from '../stack-under-test.ts';

/** What a stack needs of the repository. */
const PARTS = [
  'alertmanager',
  'catalogue',
  'collector',
  'docker-compose.yml',
  'grafana',
  'instrumentation',
  'package-lock.json',
  'package.json',
  'postgres',
  'prometheus',
  'runbooks',
  'services',
  'stack',
  'tempo',
];

/** Replaces a text in a file of the tree. */
export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of the tree that may be changed: its own packages are copied, all others are the installed ones. */
export class TreeCopy {
  readonly root = mkdtempSync(join(tmpdir(), 'clinic-tree-'));
  readonly #originals = new Map<string, string>();

  constructor() {
    for (const part of PARTS) {
      cpSync(join(ROOT, part), join(this.root, part), {
        recursive: true,
        filter: (path) => basename(path) !== 'node_modules',
      });
    }
    this.#link('node_modules');
    for (const service of readdirSync(join(ROOT, 'services'))) this.#link(join('services', service, 'node_modules'));
    const ours = join(this.root, 'node_modules/@clinic');
    rmSync(ours, { recursive: true, force: true });
    cpSync(join(ROOT, 'node_modules/@clinic'), ours, { recursive: true, verbatimSymlinks: true });
  }

  /** A folder whose entries are links; caches are not shared. */
  #link(folder: string): void {
    let names: string[];
    try {
      names = readdirSync(join(ROOT, folder));
    } catch {
      return;
    }
    mkdirSync(join(this.root, folder), { recursive: true });
    for (const name of names) {
      if (name !== '.cache') symlinkSync(join(ROOT, folder, name), join(this.root, folder, name));
    }
  }

  read(file: string): string {
    return readFileSync(join(this.root, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text);
  }

  /** Throws when the text is not there: a patch that changes nothing would prove nothing. */
  apply({ file, from, to }: Patch): void {
    const text = this.read(file);
    if (!text.includes(from)) throw new Error(`${file} no longer holds: ${from}\nCorrect the patch of this test.`);
    if (!this.#originals.has(file)) this.#originals.set(file, text);
    this.write(
      file,
      text.replaceAll(from, () => to),
    );
  }

  /** Takes back every patch since the last {@link keep}. */
  restore(): void {
    for (const [file, text] of this.#originals) this.write(file, text);
    this.#originals.clear();
  }

  /** What was patched so far stays. */
  keep(): void {
    this.#originals.clear();
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
