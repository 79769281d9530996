import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { cacheFolder, enginesFolder, RECIPES_FOLDER } from './engine-place.mjs';
import { acquireLock } from './file-lock.mjs';
import {
  BUILD_ENVIRONMENT,
  BUILD_FLAGS,
  buildProgram,
  compiledBefore,
  fetchModules,
  findGo,
  removeGoCaches,
  STRIP,
  sources,
} from './go-build.mjs';
import {
  DEADLINES,
  failures,
  fetchRelease,
  offerOf,
  openRelease,
  releaseProgram,
  releases,
  useProxy,
} from './release.mjs';

export { cacheFolder };

/**
 * @typedef {import('./engine-place.mjs').Program} Program
 * @typedef {import('./engine-place.mjs').Place} Place
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
    },
  },
  // Checks descriptions of Kubernetes' targets, so it links the client that the server leaves out.
  promtool: {
    version: '3.13.5',
    tags: 'remove_all_sd,netgo',
    ldflags: `-X ${COMMON_VERSION}=3.13.5`,
    programs: {
      promtool: { source: 'github.com/prometheus/prometheus/cmd/promtool', cpuSeconds: 60, packages: 843 },
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

/**
 * @param {Program} program
 * @returns {[string, Recipe] | undefined}
 */
const recipeOf = (program) => Object.entries(RECIPES).find(([, recipe]) => recipe.programs[program]);

/**
 * Where the programs of a recipe are kept once built: one folder per content of the recipe, so that checkouts of different
 * versions do not disturb each other.
 * @param {string} name
 * @param {Place} [place]
 */
export function recipeFolder(name, place = {}) {
  const { recipes = RECIPES_FOLDER } = place;
  const { tags, ldflags } = /** @type {Recipe} */ (RECIPES[name]);
  const hash = createHash('sha256');
  hash.update(JSON.stringify([process.platform, process.arch, tags, ldflags, STRIP, BUILD_FLAGS, BUILD_ENVIRONMENT]));
  for (const file of sources(recipes, name)) {
    const text = readFileSync(join(recipes, file));
    hash.update(`${file} ${text.length}\n`).update(text);
  }
  return join(enginesFolder(place), `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/**
 * @param {Program} program
 * @param {Place} place
 */
export function builtProgram(program, place) {
  const recipe = recipeOf(program);
  if (!recipe) return undefined;
  const path = join(recipeFolder(recipe[0], place), program);
  return existsSync(path) ? path : undefined;
}

/**
 * What was built from source comes first: it is only there when somebody asked for it, or no release could be had.
 * @param {Program} program
 * @param {Place} place
 * @returns {{ path: string, origin: string } | undefined}
 */
function findEngine(program, place) {
  const built = builtProgram(program, place);
  if (built) return { path: built, origin: 'built from source' };
  const release = releaseProgram(program, place);
  return release && { path: release.path, origin: `release v${release.version}` };
}

/**
 * The absolute path of an engine, built or downloaded.
 * @param {Program} program
 * @param {Place} [place]
 * @throws {Error} when it is not there, saying what to run
 */
export function engineProgram(program, place = {}) {
  const found = findEngine(program, place);
  if (found) return found.path;
  throw new Error(
    `${program} is not there yet (looked in ${enginesFolder(place)}). npm start and npm test get what they need; to get it alone: npm run engines -- ${program}`,
  );
}

/**
 * @param {Place} place
 * @returns {Program[]}
 */
const everyProgram = (place) =>
  /** @type {Program[]} */ (
    [...Object.values(RECIPES), ...Object.values(releases(place))].flatMap(({ programs }) => Object.keys(programs))
  );

/**
 * How each engine that is there came here.
 * @param {Place} [place]
 * @returns {{ program: Program, origin: string, path: string }[]} `origin`: "release v3.13.5" or "built from source"
 */
export const engineOrigins = (place = {}) =>
  [...new Set(everyProgram(place))].flatMap((program) => {
    const found = findEngine(program, place);
    return found ? [{ program, ...found }] : [];
  });

/** What else lies in the cache folder, by how its name begins. */
const OTHERS = /** @type {const} */ ([
  ['go', 'what Go keeps of an unfinished build'],
  ['docker', 'images and settings of Docker'],
  ['postgres-', 'PostgreSQL'],
  ['.postgres-', 'an unfinished download of PostgreSQL'],
]);

/**
 * The folders outside the clone that may be deleted when no stack runs.
 * @param {Place} [place]
 * @returns {{ path: string, bytes: number, holds: string }[]} `bytes`: what they take on the disk
 */
export function engineCacheFolders(place = {}) {
  const used = new Set(engineOrigins(place).map(({ path }) => path));
  /** @param {string} path */
  const holds = (path) => {
    if ([...used].some((program) => program.startsWith(`${path}/`))) return 'servers of this version';
    if (basename(path).startsWith('.')) return 'an unfinished download or build';
    return lstatSync(path).isDirectory() ? 'servers of other versions' : 'notes about them';
  };
  const engines = entries(enginesFolder(place)).map((path) => ({ path, holds: holds(path) }));
  const others = entries(cacheFolder(place.env))
    .filter((path) => path !== enginesFolder(place))
    .map((path) => ({
      path,
      holds: OTHERS.find(([start]) => basename(path).startsWith(start))?.[1] ?? 'other programs',
    }));
  return [...engines, ...others].map((one) => ({ ...one, bytes: bytesOf(one.path) }));
}

/** @param {string} folder */
const entries = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);

/**
 * What a file, or a folder with all that is in it, takes on the disk.
 * @param {string} path
 * @returns {number} bytes; 0 when there is no such path
 */
export function bytesOf(path) {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  const within = stat.isDirectory() ? entries(path).reduce((sum, entry) => sum + bytesOf(entry), 0) : 0;
  return stat.blocks * 512 + within;
}

/**
 * @typedef {'waiting' | 'downloading' | 'fetching' | 'building' | 'ready'} Phase
 * @typedef {{ phase: Phase, done: number, total: number }} Progress of one program. `done` of `total`: bytes when downloading (`total`
 *   is 0 when the server does not say), modules when fetching (at most `total`), packages compiled when building
 */

/**
 * @param {Progress} progress
 * @returns {string} for a table or a line: "downloading 43 %", "building 212 of 640"
 */
export function progressWords({ phase, done, total }) {
  if (phase === 'downloading')
    return total > 0 ? `downloading ${Math.floor((100 * done) / total)} %` : `downloading ${megabytes(done)}`;
  if (phase === 'fetching') return `fetching modules, ${done} of at most ${total}`;
  if (phase === 'building') return `building ${done} of ${total}`;
  return phase;
}

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/**
 * Seconds until all are built, from the work that is left and the speed seen so far (before that is known: the cores').
 * @param {{ jobs: { seconds: number, done: number }[], elapsed: number, cores: number }} seen `seconds`: of one core, in all;
 *   `done`: the part of them that is over, 0 to 1; `elapsed`: seconds in which something was compiled
 */
export function secondsLeft({ jobs, elapsed, cores }) {
  const total = jobs.reduce((sum, job) => sum + job.seconds, 0);
  const done = jobs.reduce((sum, job) => sum + job.seconds * job.done, 0);
  // Five seconds' weight for what the cores promise: the first packages say little about the speed.
  const speed = (done + cores * 5) / (elapsed + 5);
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
 * Two builds on few cores compile what they share twice, and a compiler or linker may take most of a gigabyte.
 * @param {number} cores
 */
function buildsAtOnce(cores) {
  const free = process.platform === 'linux' ? freemem() : totalmem() / 2;
  return cores >= 4 && free > 8e9 ? 2 : 1;
}

/**
 * @typedef {'auto' | 'source' | 'cache'} Source where a program may come from: `auto`: its vendor's release, else its source; `source`:
 *   its source; `cache`: what is on this machine, be it the program or the modules that it is built from
 * @typedef {{ log: (line: string) => void, signal: AbortSignal | undefined, place: Place, usualGoFolders: string[], source: Source,
 *   onProgress: (program: Program, progress: Progress) => void }} Tools
 */

/**
 * Gets what is not there yet of `names`, each once per user and version. Nothing is written to the checkout; a program appears in
 * its place only when it is whole.
 * @param {readonly Program[]} names
 * @param {Place & {
 *   log?: (line: string) => void,
 *   status?: (line: string) => void,
 *   signal?: AbortSignal,
 *   source?: Source,
 *   onProgress?: (program: Program, progress: Progress) => void,
 *   usualGoFolders?: string[],
 *   deadlines?: import('./release.mjs').Deadlines,
 * }} [options] `log` gets lines that stay, `status` every second the line that says how far all is, `onProgress` how far each is
 * @throws {Error} saying what to do: no Go, an old one, a build that failed, a full disk. What can be had without is there then
 */
export async function ensureEngines(
  names,
  {
    log = console.error,
    status = () => {},
    signal,
    source = 'auto',
    onProgress = () => {},
    usualGoFolders = ['/usr/local/go/bin', '/opt/homebrew/bin'],
    deadlines = DEADLINES,
    ...place
  } = {},
) {
  const find = source === 'source' ? builtProgram : findEngine;
  /** @type {Map<Program, Progress>} */
  const progress = new Map(names.map((name) => [name, { phase: 'waiting', done: 0, total: 0 }]));
  /**
   * @param {Program} program
   * @param {Progress} now
   */
  const report = (program, now) => {
    progress.set(program, now);
    onProgress(program, now);
  };
  /** Those that are missing; of the others it is told once that they are there. */
  const missing = () =>
    [...progress].flatMap(([name, { phase }]) => {
      if (phase !== 'ready' && !find(name, place)) return [name];
      if (phase !== 'ready') report(name, { phase: 'ready', done: 1, total: 1 });
      return [];
    });
  if (missing().length === 0) return;
  for (const [name, now] of progress) if (now.phase === 'waiting') onProgress(name, now);

  const folder = enginesFolder(place);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(
      `The engines are kept in ${folder}, which cannot be written (${/** @type {Error} */ (error).message}). Make it yours, or set XDG_CACHE_HOME to a folder that is.`,
    );
  }
  const unlock = await lockOrDone(join(folder, 'build.lock'), { missing, log, signal });
  if (!unlock) return;
  try {
    // Whatever lies there was left by a process that was killed: this one holds the lock.
    for (const entry of readdirSync(folder))
      if (/^\.(building|unpacking)-/.test(entry)) rmSync(join(folder, entry), { recursive: true, force: true });
    const wanted = missing();
    const tools = { log, signal, place, usualGoFolders, source, onProgress: report };
    const builds = builder(tools);
    const started = performance.now();
    const ticker = setInterval(() => {
      const words = wanted
        .map((name) => /** @type {const} */ ([name, /** @type {Progress} */ (progress.get(name))]))
        .filter(([, { phase }]) => phase !== 'ready' && phase !== 'waiting')
        .map(([name, now]) => `${name}: ${progressWords(now)}`);
      const left = builds.left();
      const ready = wanted.filter((name) => progress.get(name)?.phase === 'ready').length;
      status(
        [
          `${ready}/${wanted.length} servers ready after ${duration((performance.now() - started) / 1000)}`,
          ...words,
          ...(left === undefined ? [] : [`${about(left)} left`]),
        ].join('; '),
      );
    }, 1000);
    try {
      if (source === 'auto') await download(wanted, { ...tools, deadlines, build: builds.add });
      else builds.add(wanted);
    } finally {
      await builds.over().finally(() => clearInterval(ticker));
    }
    await removeGoCaches(place);
  } finally {
    unlock();
  }
}

/**
 * Takes the lock. While another process holds it, what that one gets is there for this one as well.
 * @param {string} path
 * @param {{ missing: () => Program[], log: (line: string) => void, signal: AbortSignal | undefined }} options
 * @returns {Promise<(() => void) | undefined>} undefined when nothing is missing any more
 */
async function lockOrDone(path, { missing, log, signal }) {
  const stop = new AbortController();
  const outer = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', outer);
  if (signal?.aborted) outer();
  const done = new Error('another process got all of it');
  const poll = setInterval(() => {
    if (missing().length === 0) stop.abort(done);
  }, 500);
  try {
    return await acquireLock(path, {
      signal: stop.signal,
      onWait: (pid) => log(`engines: process ${pid} is getting servers already; waiting for it`),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (stop.signal.reason === done) return undefined;
    throw error;
  } finally {
    clearInterval(poll);
    signal?.removeEventListener('abort', outer);
  }
}

/**
 * Downloads the releases of `programs`, all at once. What cannot be had goes to `build` as soon as that is known.
 * @param {Program[]} programs
 * @param {Tools & { deadlines: import('./release.mjs').Deadlines, build: (programs: Program[]) => void }} options
 */
async function download(programs, { log, signal, place, deadlines, onProgress, build }) {
  const { env = process.env } = place;
  /** @type {Map<string, { offer: import('./release.mjs').Offer, programs: Program[] }>} */
  const wanted = new Map();
  /** @type {Program[]} */
  const none = [];
  for (const program of programs) {
    const offer = offerOf(program, place);
    if (!offer) none.push(program);
    else wanted.set(offer.name, { offer, programs: [...(wanted.get(offer.name)?.programs ?? []), program] });
  }
  if (env.CLINIC_RELEASES_LOCK)
    log(`engines: the checksums of releases are those of ${env.CLINIC_RELEASES_LOCK}, not of engines/releases.json`);
  const requests = { place, env, deadlines, signal };
  const restore = useProxy(env, log);
  /** @type {{ programs: Program[], error: unknown }[]} */
  const failed = [];
  /** @param {{ programs: Program[], error: unknown }[]} those */
  const giveUp = (those) => {
    const [known, others] = [true, false].map((built) =>
      those.filter(({ programs }) => programs.some((program) => Boolean(recipeOf(program)) === built)),
    );
    for (const line of failures(known ?? [], 'building from source:')) log(line);
    for (const line of failures(others ?? [], 'and there is no other way to get')) log(line);
    build(those.flatMap((one) => one.programs));
  };
  try {
    const opened = await Promise.all(
      [...wanted.values()].map(async (one) => {
        try {
          return [{ ...one, opened: await openRelease(one.offer, requests) }];
        } catch (error) {
          failed.push({ programs: one.programs, error });
          return [];
        }
      }),
    );
    signal?.throwIfAborted();
    giveUp(failed);
    build(none);
    // All of them, also when one is interrupted: what they write to is cleared away after that.
    await Promise.allSettled(
      opened.flat().map(async ({ offer, programs, opened }) => {
        const started = performance.now();
        let bytes = 0;
        try {
          await fetchRelease(opened, programs, {
            ...requests,
            log,
            onBytes: (done, total) => {
              bytes = done;
              for (const program of programs) onProgress(program, { phase: 'downloading', done, total });
            },
          });
        } catch (error) {
          if (!signal?.aborted) giveUp([{ programs, error }]);
          return;
        }
        const took = duration((performance.now() - started) / 1000);
        log(
          `engines: ${programs.join(' and ')} from the release v${offer.release.version} of ${opened.answer.host} (${megabytes(bytes)}, ${took})`,
        );
        for (const program of programs) onProgress(program, { phase: 'ready', done: 1, total: 1 });
      }),
    );
    signal?.throwIfAborted();
  } finally {
    restore();
  }
}

/**
 * @typedef {{ program: Program, name: string, recipe: Recipe, seconds: number, done: number }} Job `seconds`: of one core, in all;
 *   `done`: the part of them that is over, 0 to 1
 */

/**
 * Builds from source what is added to it.
 * @param {Tools} tools
 */
function builder({ log, signal, place, usualGoFolders, source, onProgress }) {
  const cores = availableParallelism();
  const stop = new AbortController();
  const outer = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', outer);
  if (signal?.aborted) outer();
  /** @type {Job[]} */
  const jobs = [];
  /** @type {Job[]} */
  const queue = [];
  /** @type {Program[]} */
  const withoutSource = [];
  /** @type {Set<Promise<void>>} */
  const workers = new Set();
  /** @type {import('./go-build.mjs').Go | undefined} */
  let go;
  /** The network is used for one program after the other, while the processors build those before it. */
  let fetching = Promise.resolve();
  /** Seconds in which something was compiled, and since when something is now. */
  const clock = { compiled: 0, compiling: 0, since: 0 };
  const elapsed = () => clock.compiled + (clock.compiling > 0 ? (performance.now() - clock.since) / 1000 : 0);

  /** What has been compiled, or will have been when it is the turn of the next program. */
  /** @type {Set<string> | undefined} */
  let compiled;

  /**
   * @param {Job} job
   * @param {import('./go-build.mjs').Go} go
   */
  const begin = (job, go) => {
    const build = { ...job, go, place, signal: stop.signal };
    const listed = fetching.then(async () => {
      const packages = await fetchModules({
        ...build,
        onModule: (done, total) => onProgress(job.program, { phase: 'fetching', done, total }),
      });
      onProgress(job.program, { phase: 'waiting', done: 0, total: 0 });
      compiled ??= compiledBefore(go);
      const before = compiled;
      const fresh = [...packages.values()].filter(({ key }) => !before.has(key));
      for (const { key } of fresh) compiled.add(key);
      const needed = fresh.length;
      job.seconds *= needed / (job.recipe.programs[job.program]?.packages || packages.size);
      const bytes = fresh.reduce((sum, one) => sum + one.bytes, 0);
      return { packages, needed, bytes };
    });
    fetching = listed.then(
      () => {},
      () => {},
    );
    return { build, listed };
  };

  /** @param {Job} job */
  const make = async (job) => {
    const { build, listed } = /** @type {ReturnType<typeof begin>} */ (begun.get(job));
    const { packages, needed, bytes } = await listed;
    const seen = { packages: 0, bytes: 0 };
    const began = performance.now();
    if (clock.compiling++ === 0) clock.since = began;
    onProgress(job.program, { phase: 'building', done: 0, total: needed });
    try {
      await buildProgram({
        ...build,
        packages,
        target: recipeFolder(job.name, place),
        onPackage: (path) => {
          seen.packages++;
          seen.bytes += packages.get(path)?.bytes ?? 0;
          const done = Math.min(seen.packages, needed);
          // What is left when all are compiled is the linker's.
          job.done = 0.95 * Math.min(1, seen.bytes / Math.max(1, bytes));
          onProgress(job.program, { phase: 'building', done, total: needed });
        },
      });
    } finally {
      clock.compiled = elapsed();
      clock.compiling--;
      clock.since = performance.now();
    }
    job.done = 1;
    log(`engines: built ${job.program} from source in ${duration((performance.now() - began) / 1000)}`);
    onProgress(job.program, { phase: 'ready', done: 1, total: 1 });
  };

  /** @type {Map<Job, ReturnType<typeof begin>>} */
  const begun = new Map();
  const work = async () => {
    for (let job = queue.shift(); job && !stop.signal.aborted; job = queue.shift()) await make(job);
  };

  return {
    /** @param {Program[]} programs */
    add(programs) {
      if (programs.length === 0 || stop.signal.aborted) return;
      try {
        const added = jobsFor(programs);
        withoutSource.push(...programs.filter((program) => !recipeOf(program)));
        if (added.length === 0) return;
        go ??= findGo({ place, usualGoFolders, offline: source === 'cache' });
        jobs.push(...added);
        queue.push(...added);
        for (const job of added) {
          const one = begin(job, go);
          // Whoever builds it hears of it.
          one.listed.catch(() => {});
          begun.set(job, one);
        }
        const seconds = secondsLeft({ jobs, elapsed: elapsed(), cores });
        log(
          `engines: building ${added.map(({ program }) => program).join(', ')} from source, once (${about(seconds)} on ${cores} cores, and the time to fetch the modules)`,
        );
        while (workers.size < Math.min(queue.length, buildsAtOnce(cores))) {
          const worker = work()
            .catch((error) => stop.abort(error))
            .finally(() => workers.delete(worker));
          workers.add(worker);
        }
      } catch (error) {
        stop.abort(error);
      }
    },
    /** Seconds until all that was added is built; undefined when nothing is compiled now. */
    left: () => (clock.compiling > 0 ? secondsLeft({ jobs, elapsed: elapsed(), cores }) : undefined),
    /** Resolves when nothing is left to do. */
    async over() {
      try {
        while (workers.size > 0) await Promise.all(workers);
        await fetching;
        stop.signal.throwIfAborted();
        if (withoutSource.length > 0)
          throw new Error(
            `${withoutSource.join(', ')} cannot be built from source here, and the release cannot be had. Try again when the network reaches it.`,
          );
      } finally {
        signal?.removeEventListener('abort', outer);
      }
    },
  };
}

/**
 * @param {Program[]} programs
 * @returns {Job[]} in the order in which they are built: what is there soonest first, and those of one recipe one after the other,
 *   as they share most of what is compiled
 */
function jobsFor(programs) {
  const jobs = Object.entries(RECIPES).map(([name, recipe]) =>
    Object.entries(recipe.programs)
      .map(([program, { cpuSeconds }]) => ({ program: /** @type {Program} */ (program), seconds: cpuSeconds }))
      .filter(({ program }) => programs.includes(program))
      .map((job) => ({ ...job, name, recipe, done: 0 })),
  );
  /** @param {Job[]} those */
  const cost = (those) => those.reduce((sum, { seconds }) => sum + seconds, 0);
  return jobs.sort((a, b) => cost(a) - cost(b)).flat();
}
