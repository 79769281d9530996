import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism, homedir, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolder, enginesFolder, RECIPES_FOLDER } from './engine-place.mjs';
import { findProgram, runQuietly, searchPath } from './program.mjs';

/**
 * @typedef {import('./engine-place.mjs').Place} Place
 * @typedef {import('./engine-place.mjs').Program} Program
 * @typedef {import('./engines.mjs').Recipe} Recipe
 * @typedef {{ go: string, env: NodeJS.ProcessEnv, own: { modules: boolean, builds: boolean } }} Go the tool, the environment that it
 *   runs in, and which of its caches are this product's
 */

export const OLDEST_GO = { major: 1, minor: 26 };
/** `-buildvcs=false`: a stamp of the checkout's commit would change the binary with every commit. */
export const BUILD_FLAGS = ['-trimpath', '-mod=readonly', '-buildvcs=false'];
export const BUILD_ENVIRONMENT = { CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '' };
export const STRIP = '-s -w';

const OR_DOCKER = 'Or run everything in Docker instead, which builds none of them: docker compose up';
const NO_GO = `A server whose release cannot be downloaded is built from source, and that needs Go ${OLDEST_GO.major}.${OLDEST_GO.minor} or newer.
Install it (https://go.dev/doc/install, or your package manager if it has that version) so that \`go\` is on PATH, then try again.
${OR_DOCKER}`;

/** Beside a clinic that runs already: a build takes what the others leave. */
const LOW_PRIORITY = 10;

/** @param {Place} place */
export const goCaches = ({ env } = {}) => join(cacheFolder(env), 'go');

/**
 * Finds Go, and gives it caches of this product's own, so that what a build needs once does not stay in the home folder. Caches
 * that the environment names are used, and stay.
 * @param {{ place: Place, usualGoFolders: string[], offline: boolean }} options
 * @returns {Go}
 * @throws {Error} saying what to install
 */
export function findGo({ place, usualGoFolders, offline }) {
  const { env = process.env, recipes = RECIPES_FOLDER } = place;
  const go = findProgram(['go'], [...searchPath(env), ...usualGoFolders]);
  if (!go) throw new Error(`No Go tool chain was found.\n${NO_GO}`);
  /** @type {NodeJS.ProcessEnv} */
  const asked = { ...env, ...BUILD_ENVIRONMENT, HOME: env.HOME || homedir() };
  const [proxy = '', modules = ''] = spawnSync(go, ['env', 'GOPROXY', 'GOMODCACHE'], { env: asked, encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
  const own = { modules: !env.GOMODCACHE, builds: !env.GOCACHE };
  // What the user's own cache of modules holds is taken from there.
  const fetched = join(modules, 'cache/download');
  const nearer = own.modules && existsSync(fetched) ? [`file://${fetched}`] : [];
  const goEnv = {
    ...asked,
    GOPROXY: [...nearer, offline ? 'off' : proxy].join(','),
    ...(own.modules && { GOMODCACHE: join(goCaches(place), 'modules') }),
    ...(own.builds && { GOCACHE: join(goCaches(place), 'builds') }),
    ...(offline && { GOTOOLCHAIN: 'local' }),
  };
  if (own.builds) mkdirSync(join(goCaches(place), 'builds'), { recursive: true });
  checkGo(go, recipes, goEnv);
  return { go, env: goEnv, own };
}

/**
 * @param {string} go
 * @param {string} recipes
 * @param {NodeJS.ProcessEnv} env
 */
function checkGo(go, recipes, env) {
  // In a folder with a go.mod, which says what it needs: a Go that fetches newer ones does so there.
  const cwd = readdirSync(recipes, { withFileTypes: true })
    .map((entry) => join(recipes, entry.name))
    .find((folder) => existsSync(join(folder, 'go.mod')));
  const { stdout, stderr, error } = spawnSync(go, ['version'], { cwd, env, encoding: 'utf8' });
  const version = /\bgo(\d+)\.(\d+)/.exec(stdout ?? '');
  const [major = 0, minor = 0] = version ? [Number(version[1]), Number(version[2])] : [];
  if (major > OLDEST_GO.major || (major === OLDEST_GO.major && minor >= OLDEST_GO.minor)) return;
  const found = (stdout || stderr || error?.message || 'no answer').trim();
  throw new Error(`The Go tool ${go} will not do: ${found}\n${NO_GO}`);
}

/**
 * Removes what the builds needed, and only that.
 * @param {Place} place
 */
export const removeGoCaches = (place) => removeFolder(goCaches(place));

/**
 * Removes a folder with all that is in it, also what Go made read-only.
 * @param {string} folder
 */
export async function removeFolder(folder) {
  if (!existsSync(folder)) return;
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    // Go makes a tool chain that it fetched read-only.
    await runQuietly('chmod', ['-R', 'u+w', folder]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** What to do about a build that failed, by what go printed. */
const ADVICE = /** @type {const} */ ([
  [
    /no space left on device|disk quota exceeded|ENOSPC/i,
    'The disk is full. A first build of all engines needs about 8 GB in the caches of Go and in its temporary folder until it is over, and 0.5 GB for the engines. Free some space and try again: what was built is kept.',
  ],
  [
    /checksum mismatch|SECURITY ERROR/,
    'A module differs from the one that go.sum pins. Do not use it: find out what stands between you and the module proxy (`go env GOPROXY`).',
  ],
  [
    /signal: killed|cannot allocate memory|out of memory/i,
    'There was not enough memory. Close other programs, or build with less at once: GOMAXPROCS=1 GOFLAGS=-p=1',
  ],
  [
    /disabled by GOPROXY=off/,
    'Go has not fetched this module yet, and --offline forbids it now. Run the same once without --offline.',
  ],
  [
    /dial tcp|no such host|connection (refused|reset)|i\/o timeout|TLS handshake|proxyconnect|\b(403|404|407|410|50\d) /i,
    'A module could not be fetched. Check the network, and what `go env GOPROXY` names, then try again: what was fetched is kept.',
  ],
]);

/**
 * @param {string} output
 * @returns {string}
 */
function advice(output) {
  const known = ADVICE.find(([pattern]) => pattern.test(output));
  return known
    ? known[1]
    : 'Try again: what was built is kept. If it fails in the same way, see "If a build fails" in engines/README.md.';
}

/**
 * What a recipe is made of: its own Go files, and those of the stand-ins that its go.mod puts in the place of modules.
 * @param {string} recipes the folder engines/
 * @param {string} name
 * @returns {string[]} paths from there
 */
export function sources(recipes, name) {
  const replaced = readFileSync(join(recipes, name, 'go.mod'), 'utf8').matchAll(/=> \.\.\/(stand-ins\/[\w-]+)/g);
  return [name, ...new Set([...replaced].map(([, folder = '']) => folder).sort())].flatMap((folder) =>
    readdirSync(join(recipes, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.go$|(^|\/)go\.(mod|sum)$/.test(file))
      .sort()
      .map((file) => join(folder, file)),
  );
}

/**
 * @typedef {{ name: string, recipe: Recipe, program: Program, go: Go, place: Place, signal: AbortSignal }} Build
 * @typedef {Map<string, { key: string, bytes: number }>} Packages what a program is compiled from, by import path. `key` stands for the
 *   package and all that it is made of; `bytes`: of its source, which say better than a count how long it takes
 */

/** @param {Build} build */
const source = ({ recipe, program }) => recipe.programs[program]?.source ?? '.';

/** @param {Recipe} recipe */
const tags = ({ tags }) => (tags ? ['-tags', tags] : []);

/** Modules that a build may need: those whose content go.sum pins, not only their go.mod. */
const modulesOf = (/** @type {string} */ folder) =>
  readFileSync(join(folder, 'go.sum'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.includes('/go.mod ')).length;

/**
 * Fetches the modules that a program needs, and no others, and says what is to be compiled.
 * @param {Build & { onModule: (done: number, atMost: number) => void }} build
 * @returns {Promise<Packages>}
 */
export async function fetchModules({ onModule, ...build }) {
  const { name, recipe, program, go, place, signal } = build;
  const atMost = modulesOf(join(place.recipes ?? RECIPES_FOLDER, name));
  let fetched = 0;
  const format =
    '{{.ImportPath}} {{with .Module}}{{.Version}}{{end}} {{join .Imports " "}}|{{.Dir}}|{{join .GoFiles "|"}}';
  const listed = await inCopy(build, (cwd) =>
    run(go, ['list', '-deps', ...flags(go), ...tags(recipe), '-f', format, source(build)], {
      cwd,
      signal,
      title: program,
      onLine: (line) => {
        if (!line.startsWith('go: downloading ')) return false;
        onModule(++fetched, Math.max(fetched, atMost));
        return true;
      },
    }),
  );
  /** @type {Packages} */
  const packages = new Map();
  for (const line of listed.trim().split('\n')) {
    const [words = '', folder = '', ...files] = line.split('|');
    const [path = '', ...from] = words.split(' ');
    // It has nothing that could be compiled.
    if (path === 'unsafe') continue;
    // What a package imports is listed before it: its key says that it is the same, and all that it is made of.
    const made = from.map((word) => packages.get(word)?.key ?? word).join(' ');
    const sizes = files.map((file) => statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0);
    packages.set(path, {
      key: createHash('sha1').update(`${path} ${made}`).digest('base64'),
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    });
  }
  return packages;
}

/** @param {Go} go */
const journal = ({ env }) => join(/** @type {string} */ (env.GOCACHE), 'clinic-compiled');

/**
 * @param {Go} go
 * @param {string[]} keys
 */
function note(go, keys) {
  if (go.own.builds) appendFileSync(journal(go), keys.map((key) => `${key}\n`).join(''));
}

/**
 * What this product has compiled into its cache, so that the next program's progress counts only what is new in it.
 * @param {Go} go
 * @returns {Set<string>}
 */
export function compiledBefore(go) {
  return new Set(go.own.builds && existsSync(journal(go)) ? readFileSync(journal(go), 'utf8').split('\n') : []);
}

/**
 * Builds a program; it appears in `target` only when it is whole.
 * @param {Build & { packages: Packages, target: string, onPackage: (path: string) => void }} build
 */
export async function buildProgram({ packages, target, onPackage, ...build }) {
  const { name, recipe, program, go, signal } = build;
  /** @type {string[]} */
  const begun = [];
  try {
    await inCopy(build, async (cwd) => {
      const built = join(cwd, 'bin', program);
      const ldflags = ['-ldflags', [STRIP, recipe.ldflags].filter(Boolean).join(' ')];
      const arguments_ = ['build', '-v', ...flags(go), ...ldflags, ...tags(recipe), '-o', built, source(build)];
      await run(go, arguments_, {
        cwd,
        signal,
        title: program,
        onLine: (line) => {
          if (line.startsWith('go: downloading ')) return true;
          if (!/^[\w.~/+-]+$/.test(line)) return false;
          begun.push(line);
          onPackage(line);
          return true;
        },
      });
      note(
        go,
        [...packages.values()].map(({ key }) => key),
      );
      mkdirSync(target, { recursive: true });
      renameSync(built, join(target, program));
    });
  } catch (error) {
    // Go names a package when it begins with it: the last ones may not have been finished.
    note(
      go,
      begun.slice(0, -availableParallelism()).flatMap((path) => packages.get(path)?.key ?? []),
    );
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOSPC') throw error;
    throw new Error(`${name} could not be built: the disk that holds ${target} is full.\n${advice('ENOSPC')}`);
  }
}

/** @param {Go} go */
const flags = ({ own }) => [...BUILD_FLAGS, ...(own.modules ? ['-modcacherw'] : [])];

/**
 * Works in a copy of a recipe: a GOFLAGS of the user's must not rewrite go.mod in the checkout, which may also be read-only.
 * @template T
 * @param {Build} build
 * @param {(folder: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function inCopy({ name, program, place }, work) {
  const { recipes = RECIPES_FOLDER } = place;
  const folder = join(enginesFolder(place), `.building-${program}`);
  try {
    for (const file of sources(recipes, name)) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      copyFileSync(join(recipes, file), join(folder, file));
    }
    return await work(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Go} go
 * @param {string[]} arguments_
 * @param {{ cwd: string, signal: AbortSignal, title: string, onLine: (line: string) => boolean }} options `onLine` is given what go
 *   says, and tells whether that is of no interest when it fails
 * @returns {Promise<string>} what it wrote to standard output
 */
function run({ go, env }, arguments_, { cwd, signal, title, onLine }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(go, arguments_, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      if (child.pid) setPriority(child.pid, LOW_PRIORITY);
    } catch {
      // It has ended already.
    }
    // SIGINT, not SIGTERM: go then waits for its compilers and removes its temporary folder.
    const interrupt = () => child.kill('SIGINT');
    signal.addEventListener('abort', interrupt);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
    });
    /** @type {string[]} */
    const output = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (!onLine(line)) output.push(line);
      if (output.length > 200) output.shift();
    });
    child.on('error', reject);
    child.on('close', (status, killed) => {
      signal.removeEventListener('abort', interrupt);
      if (signal.aborted) return reject(signal.reason);
      if (status === 0) return resolve(stdout);
      const tail = output
        .slice(-15)
        .map((line) => `  ${line}`)
        .join('\n');
      reject(
        new Error(
          `${title} could not be built: go ${arguments_[0]} ended with ${killed ?? `exit code ${status}`}.\n${tail}\n${advice(output.join('\n'))}\n${OR_DOCKER}`,
        ),
      );
    });
  });
}
