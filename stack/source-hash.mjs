import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const NOT_SOURCE = /^(dist|node_modules)$|\.test\.tsx?$/;

/**
 * @param {string} path
 * @returns {string[]}
 */
function files(path) {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => !NOT_SOURCE.test(name));
  return names.sort().flatMap((name) => files(join(path, name)));
}

/**
 * What changes when something made of these files and folders has to be made again; tests and what was built do not count.
 * @param {string} root of the checkout
 * @param {readonly string[]} sources paths from there
 * @returns {string} 64 hex characters
 */
export function sourceHash(root, sources) {
  const hash = createHash('sha256');
  for (const path of sources.flatMap((source) => files(join(root, source)))) {
    const text = readFileSync(path);
    hash.update(`${path.slice(root.length)} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}
