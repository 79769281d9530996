import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './program.mjs';
import { sourceHash } from './source-hash.mjs';

const WEB = 'services/clinic-web';
/** What the pages are made of. */
const SOURCES = [WEB, 'instrumentation', 'catalogue', 'package-lock.json'];
/**
 * What changes when the pages have to be built again.
 * @param {string} root of the checkout
 */
export const webHash = (root) => sourceHash(root, SOURCES);

/**
 * Builds the clinic's pages when they, or what they import, have changed since the last time.
 * @param {string} root of the checkout
 * @param {{ node: string, log?: (line: string) => void, status?: (line: string) => void, signal?: AbortSignal | undefined }} options
 *   `node`: the program that runs the build
 */
export async function ensureWeb(root, { node, log = console.error, status = () => {}, signal }) {
  const stamp = join(root, WEB, 'dist/.hash');
  const hash = webHash(root);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  const started = performance.now();
  status('building the pages');
  rmSync(stamp, { force: true });
  await runQuietly(node, [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: join(root, WEB),
    env: { ...process.env, NODE_ENV: 'production' },
    signal,
  });
  writeFileSync(stamp, hash);
  log(`pages: built in ${((performance.now() - started) / 1000).toFixed(1)}s`);
}
