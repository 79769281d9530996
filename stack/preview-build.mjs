import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from './packages.mjs';
import { runQuietly } from './program.mjs';
import { sourceHash } from './source-hash.mjs';

const PREVIEW = 'preview';
/** What the app is made of; its own server runs as it is. */
const SOURCES = ['src/app', 'public', 'index.html', 'vite.config.ts', 'package-lock.json'].map((path) =>
  join(PREVIEW, path),
);

/**
 * What changes when the preview has to be built again.
 * @param {string} root of the checkout
 */
export const previewHash = (root) => sourceHash(root, SOURCES);

/**
 * Whether the preview is built from what is here now.
 * @param {string} root of the checkout
 */
export function previewIsBuilt(root) {
  const stamp = join(root, PREVIEW, 'dist/.hash');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === previewHash(root);
}

/**
 * Installs the preview's packages when they have changed since the last time. They are not among the workspace's: nobody who uses the
 * library needs Grafana's components.
 * @param {string} root of the checkout
 * @param {{ log?: (line: string) => void, status?: (line: string) => void, signal?: AbortSignal | undefined }} options
 */
export async function ensurePreviewPackages(root, { log = console.error, status = () => {}, signal }) {
  await ensurePackages(join(root, PREVIEW), {
    log: (line) => log(`dashboards: ${line}`),
    status: (line) => status(`dashboards: ${line}`),
    signal,
    hint: 'about 35s in all',
  });
}

/**
 * Builds the preview, with its packages, when it has changed since the last time.
 * @param {string} root of the checkout
 * @param {{ node: string, log?: (line: string) => void, status?: (line: string) => void, signal?: AbortSignal | undefined }} options
 *   `node`: the program that runs the build
 */
export async function ensurePreview(root, { node, log = console.error, status = () => {}, signal }) {
  await ensurePreviewPackages(root, { log, status, signal });
  if (previewIsBuilt(root)) return;
  const folder = join(root, PREVIEW);
  const stamp = join(folder, 'dist/.hash');
  const hash = previewHash(root);
  const started = performance.now();
  status('dashboards: building the app');
  rmSync(stamp, { force: true });
  await runQuietly(node, [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'error'], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: 'production' },
    signal,
  });
  writeFileSync(stamp, hash);
  log(`dashboards: built in ${((performance.now() - started) / 1000).toFixed(1)}s`);
}
