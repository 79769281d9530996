import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensurePackages } from '../../stack/packages.mjs';
import { ensureWeb } from '../../stack/web-build.mjs';
import { temporaryFolder } from './temporary-folder.ts';

/** What stands for the files as they are, committed or not. */
export const WORKING_TREE = 'working tree';

/** There is nothing to compare with. */
export class MissingBaseline extends Error {
  override readonly name = 'MissingBaseline';
}

/** One state of the product, built, in a temporary folder of its own. */
export interface Tree {
  readonly name: string;
  /** Commit; undefined for the working tree or when something was planted. */
  readonly commit: string | undefined;
  readonly root: string;
  /** Of what defines the load: the same files ask the same questions. Undefined when this state has none of them. */
  readonly script: string | undefined;
  /** Size of each kind of file that browsers get, gzipped; bytes. */
  readonly bundle: Readonly<Record<string, number>>;
  remove(): void;
}

/** A change of the source, to see whether it is found. */
export interface Plant {
  readonly name: string;
  readonly file: string;
  /** Must be in the file once. */
  readonly find: string;
  readonly replace: string;
}

export interface TreeOptions {
  /** The repository. */
  readonly root: string;
  /** A commit, branch or tag; or {@link WORKING_TREE}. */
  readonly reference: string;
  readonly plants?: readonly Plant[];
  /** The pages are needed by no request of the API. Default: true. */
  readonly pages?: boolean;
  readonly log?: (line: string) => void;
}

/** What the load consists of, folders included. */
const SCRIPT = ['k6/gate/workload.ts', 'k6/scenarios', 'k6/steps.ts'];
/** Of `node_modules`, what belongs to one checkout. */
const OWN = new Set(['@clinic', '.cache', '.vite', '.vite-temp', '.clinic-lock']);

function git(root: string, words: string[]): { status: number | null; stdout: Buffer } {
  const { status, stdout } = spawnSync('git', words, { cwd: root, maxBuffer: 512 << 20 });
  return { status, stdout };
}

function extract(root: string, reference: string, to: string): string | undefined {
  if (reference === WORKING_TREE) {
    const { status, stdout } = git(root, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
    if (status !== 0) throw new MissingBaseline(`${root} is not a git checkout, so there is nothing to compare.`);
    for (const path of stdout.toString().split('\0').filter(Boolean)) {
      const from = join(root, path);
      if (!existsSync(from) || !lstatSync(from).isFile()) continue;
      mkdirSync(dirname(join(to, path)), { recursive: true });
      copyFileSync(from, join(to, path));
    }
    return undefined;
  }
  const found = git(root, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${reference}^{commit}`]);
  if (found.status !== 0) {
    throw new MissingBaseline(
      `There is no commit, branch or tag of that name here, so there is nothing to compare with. Fetch it, or name another: --base main`,
    );
  }
  const commit = found.stdout.toString().trim();
  // Not `git worktree`: that leaves an entry in the repository when it is killed.
  const archive = git(root, ['archive', '--format=tar', commit]);
  const { status } = spawnSync('tar', ['-x', '-C', to], { input: archive.stdout });
  if (archive.status !== 0 || status !== 0) throw new Error(`The files of ${commit} could not be read from git.`);
  return commit;
}

/** Packages of the running checkout, our own excepted: those come from the tree itself. */
async function linkPackages(from: string, to: string, log: (line: string) => void): Promise<void> {
  const lock = (root: string) => readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (lock(from) !== lock(to)) {
    await ensurePackages(to, { log });
    return;
  }
  const link = (folder: string) => {
    mkdirSync(join(to, folder), { recursive: true });
    for (const entry of readdirSync(join(from, folder))) {
      if (!OWN.has(entry)) symlinkSync(join(from, folder, entry), join(to, folder, entry));
    }
  };
  link('node_modules');
  mkdirSync(join(to, 'node_modules/@clinic'));
  for (const name of readdirSync(join(from, 'node_modules/@clinic'))) {
    symlinkSync(readlinkSync(join(from, 'node_modules/@clinic', name)), join(to, 'node_modules/@clinic', name));
  }
  const workspaces = ['instrumentation', ...readdirSync(join(to, 'services')).map((name) => `services/${name}`)];
  for (const workspace of workspaces) {
    const nested = `${workspace}/node_modules`;
    if (existsSync(join(from, nested)) && existsSync(join(to, workspace))) link(nested);
  }
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

function scriptOf(root: string): string | undefined {
  const files = SCRIPT.flatMap((path) => filesUnder(join(root, path))).filter((path) => !path.endsWith('.test.ts'));
  if (files.length === 0) return undefined;
  const hash = createHash('sha256');
  for (const path of files) hash.update(`${path.slice(root.length)}\n`).update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

function bundleOf(root: string): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const path of filesUnder(join(root, 'services/clinic-web/dist'))) {
    // Source maps lie aside and are not served.
    const kind = /\.(js|css|html)$/.exec(path)?.[1];
    if (kind && !path.includes('/.maps/')) sizes[kind] = (sizes[kind] ?? 0) + gzipSync(readFileSync(path)).length;
  }
  return sizes;
}

/**
 * Copies one state of the product into a temporary folder, gives it packages, and builds it.
 * @throws {MissingBaseline} the reference does not exist
 */
export async function prepareTree({
  root,
  reference,
  plants = [],
  pages = true,
  log = () => {},
}: TreeOptions): Promise<Tree> {
  const { path: folder, remove } = temporaryFolder('clinic-gate-');
  try {
    const commit = extract(resolve(root), reference, folder);
    for (const { name, file, find, replace } of plants) {
      const text = readFileSync(join(folder, file), 'utf8');
      if (text.split(find).length !== 2) throw new Error(`${name} cannot be planted: ${file} is not as it was.`);
      writeFileSync(
        join(folder, file),
        text.replace(find, () => replace),
      );
    }
    await linkPackages(resolve(root), folder, log);
    if (pages) await ensureWeb(folder, { node: process.execPath, log: () => {} });
    else {
      mkdirSync(join(folder, 'services/clinic-web/dist/assets'), { recursive: true });
      writeFileSync(
        join(folder, 'services/clinic-web/dist/index.html'),
        '<!doctype html><head><!--traceparent--></head>',
      );
    }
    return {
      name: [reference, ...plants.map((plant) => plant.name)].join(' + '),
      commit: plants.length > 0 ? undefined : commit,
      root: folder,
      script: scriptOf(folder),
      bundle: pages ? bundleOf(folder) : {},
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}
