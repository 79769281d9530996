/** What the tests of a file need beside the packages, so that one file alone builds only that. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SERVERS } from '../stack/commands.mjs';
import { RECIPES } from '../stack/engines.mjs';

/** @typedef {import('../stack/engines.mjs').Program | 'postgres' | 'pages' | 'dashboards' | 'chromium' | 'docker'} Need */

/** @type {readonly Need[]} */
const STACK = [...SERVERS, 'postgres', 'pages', 'dashboards'];

/** @type {Readonly<Record<string, readonly Need[]>>} */
const NEEDS = {
  ...Object.fromEntries(
    Object.values(RECIPES)
      .flatMap(({ programs }) => /** @type {Need[]} */ (Object.keys(programs)))
      .map((program) => [program, [program]]),
  ),
  postgres: ['postgres'],
  pages: ['pages'],
  dashboards: ['dashboards'],
  chromium: ['chromium'],
  docker: ['docker'],
  stack: STACK,
};

/**
 * Follows the imports of each file within the repository. A module that starts a program says so: by `engineProgram('NAME')`, or, where the
 * name is not in its text, by a comment `// @needs NAME...`; `stack` is all that a running stack needs.
 * @param {string} root of the checkout
 * @param {readonly string[]} files test files, relative to it
 * @returns {Set<Need>}
 * @throws {Error} when a module says that it needs something unknown
 */
export function needsOf(root, files) {
  /** @type {Set<Need>} */
  const needs = new Set();
  const seen = new Set();
  const waiting = files.map((file) => resolve(root, file));
  for (let path = waiting.pop(); path; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, name] of text.matchAll(/\bengineProgram\('([\w-]+)'\)/g)) needs.add(/** @type {Need} */ (name));
    for (const [, names] of text.matchAll(/^\/\/ @needs (.+)$/gm))
      for (const name of names?.split(' ') ?? []) {
        const meant = NEEDS[name];
        if (!meant)
          throw new Error(`${path}: @needs ${name}: there is no such thing. Known: ${Object.keys(NEEDS).join(', ')}`);
        for (const each of meant) needs.add(each);
      }
    for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport|\bimport\() ?'([^']+)'/g)) {
      const target = located(root, path, specifier ?? '');
      if (target) waiting.push(target);
    }
  }
  return needs;
}

/**
 * @param {string} root
 * @param {string} from
 * @param {string} specifier
 */
function located(root, from, specifier) {
  if (specifier.startsWith('.')) {
    const path = resolve(dirname(from), specifier);
    return /\.(ts|tsx|mjs)$/.test(path) && existsSync(path) ? path : undefined;
  }
  // A package of this repository is imported by the keys of its exports.
  const own = /^@clinic\/([\w-]+)(\/.*)?$/.exec(specifier);
  if (!own) return undefined;
  const folder = join(root, 'node_modules/@clinic', own[1] ?? '');
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const [key, file] of Object.entries(exports ?? {})) {
    const [start = '', end] = key.slice(1).split('*');
    const within = own[2] ?? '';
    if (end === undefined ? within === start : within.startsWith(start))
      return join(folder, file.replace('*', within.slice(start.length)));
  }
  return undefined;
}
