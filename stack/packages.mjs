import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { acquireLock } from './file-lock.mjs';
import { runQuietly, searchPath } from './program.mjs';

/** The oldest Node that runs the product's TypeScript as it is and has all that it uses. */
export const OLDEST_NODE = '24.11.1';

/**
 * @param {string} version such as `v24.21.0`
 * @param {string} oldest
 */
export function atLeast(version, oldest) {
  const [have, need] = [version, oldest].map((text) => text.replace(/^v/, '').split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (have?.[i] ?? 0) - (need?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * Whether node_modules holds what the lock file names, by npm's own record of what it installed.
 * @param {string} root
 */
function upToDate(root) {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  /** @typedef {Record<string, { version?: string, link?: boolean, optional?: boolean, integrity?: string }>} Packages */
  /** @type {Packages} */
  const wanted = json(join(root, 'package-lock.json')).packages;
  /** @type {Packages} */
  const present = json(record).packages;
  return Object.entries(wanted).every(([path, { version, integrity, link, optional }]) => {
    if (!path.includes('node_modules/')) return true;
    const found = present[path];
    if (!found) return optional === true;
    return link === found.link && version === found.version && integrity === found.integrity;
  });
}

/**
 * Installs the packages of the lock file when they are missing or the lock file has changed since.
 * @param {string} root of the checkout
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, status?: (line: string) => void, signal?: AbortSignal | undefined, hint?: string }} [options]
 *   `hint`: how long it takes
 * @throws {Error} with what npm printed
 */
export async function ensurePackages(
  root,
  { env = process.env, log = console.error, status = () => {}, signal, hint = 'about 20s in all' } = {},
) {
  const stamp = join(root, 'node_modules/.clinic-lock');
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamped = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (stamped()) return;
  mkdirSync(join(root, '.state'), { recursive: true });
  const release = await acquireLock(join(root, '.state/packages.lock'), {
    ...(signal && { signal }),
    onWait: (pid) => log(`packages: process ${pid} is installing them; waiting for it`),
  });
  try {
    if (stamped()) return;
    if (!upToDate(root)) await install(root, { env, log, status, signal, hint });
    writeFileSync(stamp, hash);
  } finally {
    release();
  }
}

/**
 * @param {string} root
 * @param {{ env: NodeJS.ProcessEnv, log: (line: string) => void, status: (line: string) => void, signal: AbortSignal | undefined, hint: string }} options
 */
async function install(root, { env, log, status, signal, hint }) {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const ticker = setInterval(() => status(`installing packages ${seconds()}s, ${hint}`), 1000);
  try {
    // npm must not run on the Node that it is about to replace.
    const path = searchPath(env).filter((folder) => !folder.startsWith(join(root, 'node_modules')));
    // Also with NODE_ENV=production: the Node to run on is among the development packages.
    const options = ['--include=dev', '--loglevel=error', '--no-audit', '--no-fund'];
    await runQuietly('npm', ['ci', ...options], { cwd: root, signal, env: { ...env, PATH: path.join(delimiter) } });
  } catch (error) {
    signal?.throwIfAborted();
    // For some failures npm adds 80 lines of usage.
    const [reason] = /** @type {Error} */ (error).message.split('\nnpm error Clean install a project');
    throw new Error(
      `The packages could not be installed: ${reason}\nCheck the network and \`npm config get registry\`, then try again.`,
    );
  } finally {
    clearInterval(ticker);
  }
  log(`packages: installed in ${seconds()}s`);
}

/**
 * The program of a Node new enough for the product: the one that is among the packages, else the one that runs this.
 * @param {string} root
 */
export function nodeProgram(root) {
  const packaged = join(root, 'node_modules/node/bin/node');
  for (const program of [packaged, process.execPath]) {
    const version =
      program === process.execPath ? process.version : spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout;
    if (version && atLeast(version.trim(), OLDEST_NODE)) return program;
  }
  throw new Error(
    `The product runs on Node ${OLDEST_NODE} or newer. The npm package "node" brings it, but ${packaged} does not run here (this is ${process.platform} ${process.arch}, Node ${process.version}). If npm is told to ignore install scripts, run: npm rebuild node --ignore-scripts=false. Else delete node_modules and try again, or install Node 24.`,
  );
}
