/**
 * `node engines/align.mjs RECIPE`, in any folder: raises the modules that a recipe shares with Prometheus to Prometheus' versions, so
 * that a package of both is compiled once. What is newer in the recipe stays.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

/**
 * Which modules of a recipe may be raised.
 * @type {Record<string, (module: string) => boolean>}
 */
export const MAY_BE_RAISED = {
  // The modules of a release of the Collector are made for each other.
  collector: (module) => !/^(go\.opentelemetry\.io\/collector|github\.com\/open-telemetry)\b/.test(module),
  // Prometheus asks for a newer Alertmanager than can be built.
  alertmanager: (module) => module !== 'github.com/prometheus/alertmanager',
  // Written for the libraries of 2023: of these, the ones that are known to have kept their interface.
  tempo: (module) =>
    /^(go\.uber\.org|golang\.org\/x\/(crypto|net|oauth2|sync|sys|text|time))\b/.test(module) ||
    [
      'github.com/cespare/xxhash/v2',
      'github.com/go-logr/logr',
      'github.com/golang/snappy',
      'github.com/google/uuid',
      'github.com/klauspost/compress',
      'github.com/prometheus/procfs',
      'github.com/stretchr/testify',
      'google.golang.org/protobuf',
    ].includes(module),
};

/** @param {string} recipe */
function goMod(recipe) {
  const text = readFileSync(join(FOLDER, recipe, 'go.mod'), 'utf8');
  const lines = [...text.matchAll(/^(?:\t|require )(\S+) (v\S+)(?: \/\/ indirect)?$/gm)];
  return {
    versions: new Map(lines.map(([, module = '', version = '']) => [module, version])),
    replaced: new Set([...text.matchAll(/(\S+)(?: v\S+)? => /g)].map(([, module]) => module)),
  };
}

/**
 * The order of two versions of a module: negative if `a` is older.
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  const [coreOfA = '', ...suffixOfA] = a.replace(/\+.*/, '').split('-');
  const [coreOfB = '', ...suffixOfB] = b.replace(/\+.*/, '').split('-');
  if (coreOfA !== coreOfB) return coreOfA.localeCompare(coreOfB, 'en', { numeric: true });
  // A version without a suffix is the release that the ones with a suffix came before.
  if (!suffixOfA.length || !suffixOfB.length) return suffixOfB.length - suffixOfA.length;
  return suffixOfA.join('-').localeCompare(suffixOfB.join('-'), 'en', { numeric: true });
}

/**
 * What `go get` is to be given so that a recipe shares all it can with Prometheus.
 * @param {string} recipe
 */
export function toRaise(recipe) {
  const prometheus = goMod('prometheus');
  const { versions, replaced } = goMod(recipe);
  return [...versions]
    .filter(([module]) => MAY_BE_RAISED[recipe]?.(module) && !replaced.has(module) && !prometheus.replaced.has(module))
    .map(([module, version]) => ({ module, version, shared: prometheus.versions.get(module) }))
    .filter(({ version, shared }) => shared && compare(version, shared) < 0)
    .map(({ module, shared }) => `${module}@${shared}`);
}

if (process.argv[1]?.endsWith('align.mjs')) {
  const [recipe = ''] = process.argv.slice(2);
  if (!MAY_BE_RAISED[recipe]) {
    console.error(`usage: node engines/align.mjs ${Object.keys(MAY_BE_RAISED).join('|')}`);
    process.exit(2);
  }
  const modules = toRaise(recipe);
  const run = (/** @type {string[]} */ ...args) =>
    spawnSync('go', args, { cwd: join(FOLDER, recipe), stdio: 'inherit' }).status ?? 1;
  process.exitCode = modules.length ? run('get', ...modules) || run('mod', 'tidy', '-e') : 0;
}
