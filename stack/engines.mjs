import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { availableParallelism, freemem, homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { acquireLock } from './file-lock.mjs';
import { findProgram, searchPath } from './program.mjs';

/**
 * @typedef {'prometheus' | 'promtool' | 'alertmanager' | 'amtool' | 'collector' | 'tempo' | 'docker-compose' | 'k6' | 'versitygw'} Program
 * @typedef {{
 *   version: string,
 *   tags?: string,
 *   ldflags?: string,
 *   programs: Partial<Record<Program, { source: string, cpuSeconds: number, packages: number }>>,
 * }} Recipe `source` is the Go package of the program; `cpuSeconds` (cold, one core) and `packages` (compiled then) are measured
 */

const COMMON_VERSION = 'github.com/prometheus/common/version.Version';

/**
 * What is built from each folder of engines/.
 * @type {Record<string, Recipe>}
 */
export const RECIPES = {
  prometheus: {
    version: '3.13.5',
    tags: 'remove_all_sd,netgo',
    ldflags: `-X ${COMMON_VERSION}=3.13.5`,
    programs: {
      prometheus: { source: 'github.com/prometheus/prometheus/cmd/prometheus', cpuSeconds: 75, packages: 744 },
      promtool: { source: 'github.com/prometheus/prometheus/cmd/promtool', cpuSeconds: 60, packages: 240 },
    },
  },
  alertmanager: {
    version: '0.31.1',
    ldflags: `-X ${COMMON_VERSION}=0.31.1`,
    programs: {
      alertmanager: { source: 'github.com/prometheus/alertmanager/cmd/alertmanager', cpuSeconds: 40, packages: 637 },
      amtool: { source: 'github.com/prometheus/alertmanager/cmd/amtool', cpuSeconds: 15, packages: 14 },
    },
  },
  collector: {
    version: '0.159.0',
    tags: 'remove_all_sd',
    programs: { collector: { source: '.', cpuSeconds: 250, packages: 1034 } },
  },
  tempo: {
    version: '2.1',
    ldflags: `-checklinkname=0 -X ${COMMON_VERSION}=2.1-1dc1bfe7085b`,
    programs: { tempo: { source: '.', cpuSeconds: 170, packages: 1046 } },
  },
  compose: {
    version: '2.40.3',
    ldflags: '-X github.com/docker/compose/v2/internal.Version=v2.40.3',
    programs: { 'docker-compose': { source: 'github.com/docker/compose/v2/cmd', cpuSeconds: 195, packages: 1062 } },
  },
  k6: {
    version: '1.8.1',
    programs: { k6: { source: 'go.k6.io/k6', cpuSeconds: 160, packages: 779 } },
  },
  versitygw: {
    version: '1.8.0',
    ldflags: '-X main.Version=v1.8.0',
    programs: { versitygw: { source: 'github.com/versity/versitygw/cmd/versitygw', cpuSeconds: 215, packages: 589 } },
  },
};

const OLDEST_GO = { major: 1, minor: 26 };
/** `-buildvcs=false`: a stamp of the checkout's commit would change the binary with every commit. */
const BUILD_FLAGS = ['-trimpath', '-mod=readonly', '-buildvcs=false'];
const BUILD_ENVIRONMENT = { CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '' };
const STRIP = '-s -w';

const OR_DOCKER = 'Or run everything in Docker instead, which builds none of them: docker compose up';
const NO_GO = `The servers of the stack are built from source, and that needs Go ${OLDEST_GO.major}.${OLDEST_GO.minor} or newer.
Install it (https://go.dev/doc/install, or your package manager if it has that version) so that \`go\` is on PATH, then try again.
${OR_DOCKER}`;

/** @typedef {{ env?: NodeJS.ProcessEnv, recipes?: string }} Place `recipes`: the folder engines/ of the checkout */

const RECIPES_FOLDER = fileURLToPath(new URL('../engines/', import.meta.url));

/**
 * The user's cache folder of this product.
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheFolder(env = process.env) {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(env.HOME || homedir(), '.cache');
  return join(base, 'clinic-observability');
}

/**
 * @param {Program} program
 * @returns {[string, Recipe]}
 */
function recipeOf(program) {
  for (const [name, recipe] of Object.entries(RECIPES)) if (recipe.programs[program]) return [name, recipe];
  throw new Error(`No recipe in engines/ builds "${program}".`);
}

/** @param {string} folder */
const sources = (folder) =>
  readdirSync(folder)
    .filter((name) => /\.go$|^go\.(mod|sum)$/.test(name))
    .sort();

/**
 * Where the programs of a recipe are kept once built: one folder per content of the recipe, so that checkouts of different
 * versions do not disturb each other.
 * @param {string} name
 * @param {Place} [place]
 */
export function recipeFolder(name, { env = process.env, recipes = RECIPES_FOLDER } = {}) {
  const { tags, ldflags } = /** @type {Recipe} */ (RECIPES[name]);
  const hash = createHash('sha256');
  hash.update(JSON.stringify([process.platform, process.arch, tags, ldflags, STRIP, BUILD_FLAGS, BUILD_ENVIRONMENT]));
  for (const file of sources(join(recipes, name))) {
    const text = readFileSync(join(recipes, name, file));
    hash.update(`${file} ${text.length}\n`).update(text);
  }
  return join(cacheFolder(env), 'engines', `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/**
 * The absolute path of an engine that has been built.
 * @param {Program} program
 * @param {Place} [place]
 * @throws {Error} when it has not been built, saying what to run
 */
export function engineProgram(program, place) {
  const path = join(recipeFolder(recipeOf(program)[0], place), program);
  if (existsSync(path)) return path;
  throw new Error(
    `${program} has not been built (looked for ${path}). npm start and npm test build what they need; to build it alone: node stack/bootstrap.mjs build ${program}`,
  );
}

/**
 * The Go tool on PATH, or where its installer puts it.
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} usual
 */
function findGo(env, usual) {
  return findProgram(['go'], [...searchPath(env), ...usual]);
}

/**
 * @param {string} go
 * @param {string} folder with a go.mod, which says what it needs
 * @param {NodeJS.ProcessEnv} env
 */
function checkGo(go, folder, env) {
  const { stdout, stderr, error } = spawnSync(go, ['version'], { cwd: folder, env, encoding: 'utf8' });
  const version = /\bgo(\d+)\.(\d+)/.exec(stdout ?? '');
  const [major = 0, minor = 0] = version ? [Number(version[1]), Number(version[2])] : [];
  if (major > OLDEST_GO.major || (major === OLDEST_GO.major && minor >= OLDEST_GO.minor)) return;
  const found = (stdout || stderr || error?.message || 'no answer').trim();
  throw new Error(`The Go tool ${go} will not do: ${found}\n${NO_GO}`);
}

/**
 * @typedef {{ name: string, recipe: Recipe, programs: Program[] }} Job
 * @typedef {{ state: 'waiting' | 'building' | 'built', seconds: number, done: number }} Progress `seconds`: of one core, in all;
 *   `done`: the part of them that is over, 0 to 1
 */

/**
 * Seconds until all are built, from the work that is left and the speed seen so far (before that is known: the cores').
 * @param {{ jobs: Progress[], elapsed: number, cores: number }} seen `elapsed` in seconds
 */
export function secondsLeft({ jobs, elapsed, cores }) {
  const total = jobs.reduce((sum, job) => sum + job.seconds, 0);
  const done = jobs.reduce((sum, job) => sum + job.seconds * job.done, 0);
  // Half a minute's weight for what the cores promise: the first packages say little about the speed.
  const speed = (done + cores * 30) / (elapsed + 30);
  return (total - done) / speed;
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}

/** @param {number} seconds */
const about = (seconds) => (seconds < 45 ? 'less than a minute' : `about ${Math.round(seconds / 60) || 1} min`);

/**
 * Several compilers run inside one build; each may take most of a gigabyte, a linker more.
 * @param {number} cores
 */
function buildsAtOnce(cores) {
  const free = process.platform === 'linux' ? freemem() : totalmem() / 2;
  return Math.max(1, Math.min(4, Math.floor(free / 4e9), Math.max(2, Math.floor(cores / 2))));
}

/** What to do about a build that failed, by what go printed. */
const ADVICE = /** @type {const} */ ([
  [
    /no space left on device|disk quota exceeded|ENOSPC/i,
    'The disk is full. A first build of all engines needs about 8 GB in the caches of Go (`go env GOCACHE GOMODCACHE`) and in its temporary folder, and 0.5 GB for the engines. Free some space and try again: what was built is kept.',
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
 * Builds what has not been built yet of `names`, each once per user and version of its recipe. Nothing is written to the
 * checkout; a program appears in its place only when it is whole.
 * @param {Program[]} names
 * @param {Place & {
 *   log?: (line: string) => void,
 *   status?: (line: string) => void,
 *   signal?: AbortSignal,
 *   usualGoFolders?: string[],
 * }} [options] `log` gets lines that stay, `status` every second the line that says how far it is
 * @throws {Error} saying what to do: no Go, an old one, a build that failed, a full disk
 */
export async function buildEngines(
  names,
  {
    log = console.error,
    status = () => {},
    signal,
    usualGoFolders = ['/usr/local/go/bin', '/opt/homebrew/bin'],
    ...place
  } = {},
) {
  const { env = process.env, recipes = RECIPES_FOLDER } = place;
  const missing = () => names.filter((name) => !existsSync(join(recipeFolder(recipeOf(name)[0], place), name)));
  if (missing().length === 0) return;

  const go = findGo(env, usualGoFolders);
  if (!go) throw new Error(`No Go tool chain was found.\n${NO_GO}`);
  /** @type {NodeJS.ProcessEnv} */
  const goEnv = { ...env, ...BUILD_ENVIRONMENT, HOME: env.HOME || homedir() };
  checkGo(go, join(recipes, 'prometheus'), goEnv);

  const folder = join(cacheFolder(env), 'engines');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(
      `The engines are kept in ${folder}, which cannot be written (${/** @type {Error} */ (error).message}). Make it yours, or set XDG_CACHE_HOME to a folder that is.`,
    );
  }
  const release = await acquireLock(join(folder, 'build.lock'), {
    ...(signal && { signal }),
    onWait: (pid) => log(`engines: another build is under way (process ${pid}); waiting for it`),
  });
  try {
    // Whatever lies there was left by a build that was killed: this process holds the lock.
    for (const entry of readdirSync(folder))
      if (entry.startsWith('.building-')) rmSync(join(folder, entry), { recursive: true, force: true });
    await buildAll(jobsFor(missing()), { go, goEnv, folder, recipes, place, log, status, signal });
  } finally {
    release();
  }
}

/**
 * @param {Program[]} programs
 * @returns {Job[]} the longest first, so that the short ones fill the gaps
 */
function jobsFor(programs) {
  /** @type {Map<string, Job>} */
  const jobs = new Map();
  for (const program of programs) {
    const [name, recipe] = recipeOf(program);
    const job = jobs.get(name);
    if (job) job.programs.push(program);
    else jobs.set(name, { name, recipe, programs: [program] });
  }
  return [...jobs.values()].sort((a, b) => cost(b) - cost(a));
}

/** @param {Job} job */
const cost = ({ recipe, programs }) =>
  programs.reduce((sum, program) => sum + (recipe.programs[program]?.cpuSeconds ?? 0), 0);

/**
 * @param {Job[]} jobs
 * @param {{ go: string, goEnv: NodeJS.ProcessEnv, folder: string, recipes: string, place: Place, log: (line: string) => void,
 *   status: (line: string) => void, signal: AbortSignal | undefined }} options
 */
async function buildAll(jobs, { go, goEnv, folder, recipes, place, log, status, signal }) {
  if (jobs.length === 0) return;
  const cores = availableParallelism();
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  /** @type {Map<Job, Progress>} */
  const progress = new Map(jobs.map((job) => [job, { state: 'waiting', seconds: cost(job), done: 0 }]));
  const every = [...progress.values()];
  log(
    `engines: building ${jobs.map((job) => job.programs.join(' and ')).join(', ')} from source, once (${about(secondsLeft({ jobs: every, elapsed: 0, cores }))} on ${cores} cores)`,
  );
  const ticker = setInterval(() => {
    const building = jobs.filter((job) => progress.get(job)?.state === 'building').map((job) => job.name);
    const built = every.filter((one) => one.state === 'built').length;
    status(
      `building ${building.join(', ')} (${built}/${jobs.length} done) ${duration(elapsed())}, ${about(secondsLeft({ jobs: every, elapsed: elapsed(), cores }))} left`,
    );
  }, 1000);

  const stop = new AbortController();
  const outer = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', outer);
  if (signal?.aborted) outer();
  const waiting = [...jobs];
  const worker = async () => {
    for (let job = waiting.shift(); job && !stop.signal.aborted; job = waiting.shift()) {
      const mine = /** @type {Progress} */ (progress.get(job));
      mine.state = 'building';
      const began = elapsed();
      await buildJob(job, {
        go,
        goEnv,
        folder,
        recipes,
        place,
        signal: stop.signal,
        onPart: (part) => {
          mine.done = part;
        },
      });
      mine.state = 'built';
      mine.done = 1;
      log(`engines: built ${job.programs.join(' and ')} in ${duration(elapsed() - began)}`);
    }
  };
  const workers = Array.from({ length: Math.min(jobs.length, buildsAtOnce(cores)) }, () =>
    worker().catch((error) => {
      stop.abort(error);
      throw error;
    }),
  );
  try {
    await Promise.allSettled(workers);
    stop.signal.throwIfAborted();
  } finally {
    clearInterval(ticker);
    signal?.removeEventListener('abort', outer);
  }
}

/**
 * @param {Job} job
 * @param {{ go: string, goEnv: NodeJS.ProcessEnv, folder: string, recipes: string, place: Place, signal: AbortSignal,
 *   onPart: (part: number) => void }} options
 */
async function buildJob({ name, recipe, programs }, { go, goEnv, folder, recipes, place, signal, onPart }) {
  const work = join(folder, `.building-${name}`);
  const target = recipeFolder(name, place);
  const source = join(recipes, name);
  const packages = programs.reduce((sum, program) => sum + (recipe.programs[program]?.packages ?? 0), 0);
  let compiled = 0;
  try {
    mkdirSync(work, { recursive: true });
    // Built from a copy: a GOFLAGS of the user's must not rewrite go.mod in the checkout, which may also be read-only.
    for (const file of sources(source)) copyFileSync(join(source, file), join(work, file));
    for (const program of programs) {
      const built = join(work, 'bin', program);
      const arguments_ = ['build', '-v', ...BUILD_FLAGS, '-ldflags', [STRIP, recipe.ldflags].filter(Boolean).join(' ')];
      if (recipe.tags) arguments_.push('-tags', recipe.tags);
      arguments_.push('-o', built, recipe.programs[program]?.source ?? '.');
      await run(go, arguments_, {
        cwd: work,
        env: goEnv,
        signal,
        title: program,
        onPackage: () => onPart(Math.min(0.95, ++compiled / packages)),
      });
      mkdirSync(target, { recursive: true });
      renameSync(built, join(target, program));
    }
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOSPC') throw error;
    throw new Error(`${name} could not be built: the disk that holds ${folder} is full.\n${advice('ENOSPC')}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} go
 * @param {string[]} arguments_
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal, title: string, onPackage: () => void }} options
 * @returns {Promise<void>}
 */
function run(go, arguments_, { cwd, env, signal, title, onPackage }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(go, arguments_, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    // SIGINT, not SIGTERM: go then waits for its compilers and removes its temporary folder.
    const interrupt = () => child.kill('SIGINT');
    signal.addEventListener('abort', interrupt);
    /** @type {string[]} */
    const output = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (/^[\w.~/+-]+$/.test(line)) onPackage();
      else if (!line.startsWith('go: downloading ')) output.push(line);
      if (output.length > 200) output.shift();
    });
    child.on('error', reject);
    child.on('close', (status, killed) => {
      signal.removeEventListener('abort', interrupt);
      if (signal.aborted) return reject(signal.reason);
      if (status === 0) return resolve();
      const tail = output
        .slice(-15)
        .map((line) => `  ${line}`)
        .join('\n');
      reject(
        new Error(
          `${title} could not be built: go build ended with ${killed ?? `exit code ${status}`}.\n${tail}\n${advice(output.join('\n'))}\n${OR_DOCKER}`,
        ),
      );
    });
  });
}
