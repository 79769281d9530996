import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './program.mjs';
import { sourceHash } from './source-hash.mjs';

const FOLDER = 'node_modules/.cache/compile';
const SOURCES = [
  'catalogue',
  'instrumentation',
  'preview/src/server',
  'services',
  'stack',
  'docker-compose.yml',
  'package-lock.json',
];

/**
 * Fills Node's compile cache for the services and the run itself, and makes Node use it. A process that finds its code there never
 * loads the type stripper, which would hold 18 MB or more for as long as it lives, and starts sooner. Best effort: what cannot be
 * compiled now runs all the same, and the next start tries again.
 * @param {string} root of the checkout
 * @param {{ node: string, flags: readonly string[], withinMs?: number, log?: (line: string) => void, status?: (line: string) => void,
 *   signal?: AbortSignal | undefined }} options `node`: the program that will run, `flags`: those of V8 that it runs `stack/up.ts` with
 */
export async function ensureCompileCache(
  root,
  { node, flags, withinMs = 45_000, log = console.error, status = () => {}, signal },
) {
  process.env.NODE_COMPILE_CACHE = join(root, FOLDER);
  const stamp = join(root, FOLDER, '.hash');
  const hash = sourceHash(root, SOURCES);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  status('compiling the services');
  try {
    const words = [...flags, join(root, 'stack/compile.ts'), String(withinMs)];
    const leftOut = await runQuietly(node, words, { cwd: root, env: process.env, signal });
    if (leftOut) {
      log(leftOut.trimEnd());
      return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    log(
      `compile cache: not filled, so services start later and take more memory: ${/** @type {Error} */ (error).message}`,
    );
    return;
  }
  mkdirSync(join(root, FOLDER), { recursive: true });
  writeFileSync(stamp, hash);
}
