import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { isDaemon } from './docker-engine.mjs';
import { enginesFolder } from './engine-place.mjs';
import { bytesOf, cacheFolder, engineCacheFolders } from './engines.mjs';
import { acquireLock, alive } from './file-lock.mjs';
import { embeddedCache } from './find-postgres.mjs';
import { removeFolder } from './go-build.mjs';
import { runQuietly } from './program.mjs';

/**
 * @typedef {{ path: string, bytes: number, holds: string }} Found `bytes`: what it takes on the disk
 * @typedef {{ pid: number, command: string, cwd: string }} Process
 */

const USAGE = `usage: npm run clean [-- OPTIONS]
  --dry-run   only say what would be removed, and how much it is
  --all       also what was installed and built inside the clone: packages and pages`;

/** Inside the clone; all of it comes back with the next start. */
const INSTALLED = ['node_modules', 'preview/node_modules', 'services/clinic-web/dist'];

/** How the folders are called that the stack, its commands and its tests work in, in the folder for temporary files. */
const TEMPORARY = /^(clinic(-[a-z]+)+|test-clinic|tiny-stack|recorder-prometheus)-\w{6}$/;
/** One that was touched since may belong to a test that keeps nothing open there. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Something still uses what would be removed. */
class InUse extends Error {
  /** @override */
  name = 'InUse';
}

/**
 * `npm run clean`: removes what this product put outside the clone. Clinic data is never touched.
 * @param {string[]} args
 * @param {string} root of the checkout
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, system?: string, large?: number }} [options] `system`: before every
 *   absolute folder outside the user's own; `large`: bytes above which a cache of the user's is worth a word
 * @returns {Promise<number>} the exit code: 0 done, 1 something is in use or could not be removed, 2 wrong arguments
 */
export async function clean(args, root, { env = process.env, log = console.log, system = '/', large = 1e9 } = {}) {
  /** @type {{ 'dry-run'?: boolean, all?: boolean, help?: boolean }} */
  let values;
  try {
    const flag = /** @type {const} */ ({ type: 'boolean' });
    ({ values } = parseArgs({ args, options: { 'dry-run': flag, all: flag, help: flag } }));
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    log(USAGE);
    return 0;
  }
  const dryRun = values['dry-run'] ?? false;
  const lockFile = join(enginesFolder({ env }), 'build.lock');
  const caches = [...new Set([cacheFolder(env), embeddedCache({ env, root: system })])];
  try {
    const processes = await listProcesses();
    /** @type {(() => void) | undefined} */
    let release;
    if (!dryRun) {
      refuseWhenUsed(root, caches, processes);
      release = await lock(lockFile);
    }
    try {
      const found = [
        ...engineCacheFolders({ env }),
        ...caches.slice(1).flatMap((folder) => within(folder, 'PostgreSQL')),
        ...temporary(env, processes),
        ...(values.all ? INSTALLED.map((path) => described(join(root, path), 'installed or built in the clone')) : []),
      ].filter(({ path }) => path !== lockFile && existsSync(path));
      if (!dryRun) {
        for (const { path } of found) await removeFolder(path);
        for (const folder of caches) await removeFolder(folder);
      }
      report(found, { dryRun, log });
    } finally {
      release?.();
    }
  } catch (error) {
    console.error(wordsFor(/** @type {NodeJS.ErrnoException} */ (error)));
    return 1;
  }
  if (existsSync(join(root, '.state')))
    log(
      `The clinic's data stays: ${join(root, '.state')}. To begin with an empty clinic: npm start -- --fresh; without: delete the folder.`,
    );
  for (const { path, bytes, command } of ownCaches(env, large))
    log(`${path} is yours and stays: ${megabytes(bytes)}. To free it: ${command}`);
  return 0;
}

/** @param {NodeJS.ErrnoException} error */
function wordsFor(error) {
  if (error instanceof InUse) return error.message;
  return `Not everything could be removed: ${error.message}\nMake it yours (who made it may have been another user), then run npm run clean again.`;
}

/**
 * @param {Found[]} found
 * @param {{ dryRun: boolean, log: (line: string) => void }} options
 */
function report(found, { dryRun, log }) {
  const width = Math.max(0, ...found.map(({ bytes }) => megabytes(bytes).length));
  for (const { path, bytes, holds } of found) log(`${megabytes(bytes).padStart(width)}  ${path}  (${holds})`);
  const all = megabytes(found.reduce((sum, { bytes }) => sum + bytes, 0));
  if (found.length === 0) log('There is nothing of this product outside the clone.');
  else log(dryRun ? `${all} in all would be removed. Nothing was.` : `${all} in all removed.`);
}

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

/**
 * @param {string} path
 * @param {string} holds
 * @returns {Found}
 */
const described = (path, holds) => ({ path, bytes: bytesOf(path), holds });

/**
 * @param {string} folder
 * @param {string} holds
 */
const within = (folder, holds) =>
  existsSync(folder) ? readdirSync(folder).map((name) => described(join(folder, name), holds)) : [];

/**
 * @param {string} root
 * @param {string[]} caches
 * @param {Process[]} processes
 */
function refuseWhenUsed(root, caches, processes) {
  const supervisor = runningStack(root);
  if (supervisor) throw new InUse(`A stack of this clone runs (process ${supervisor}). Stop it first: npm stop`);
  for (const folder of caches) {
    const pidFile = join(folder, 'docker/dockerd.pid');
    if (existsSync(pidFile) && isDaemon(readFileSync(pidFile, 'utf8').trim()))
      throw new InUse('The Docker daemon that this product started runs. Stop it first: npm run docker -- stop-engine');
    const user = processes.find(({ command }) => command.startsWith(`${folder}/`));
    if (user)
      throw new InUse(
        `Process ${user.pid} runs ${basename(user.command.split(' ')[0] ?? '')} from ${folder}: a stack with a folder of its own, of another clone, or a test. Stop it first, then try again.`,
      );
  }
}

/**
 * The process that runs the stack of this clone, as its record tells.
 * @param {string} root
 * @returns {number | undefined}
 */
function runningStack(root) {
  try {
    const { supervisor } = JSON.parse(readFileSync(join(root, '.state/run.json'), 'utf8'));
    return alive(supervisor.pid) ? supervisor.pid : undefined;
  } catch {
    return undefined; // no record, or one that was cut off
  }
}

/**
 * Keeps builds away while their folder is removed.
 * @param {string} path
 * @returns {Promise<(() => void) | undefined>} undefined when there is no folder for it
 */
async function lock(path) {
  if (!existsSync(dirname(path))) return undefined;
  const busy = new AbortController();
  try {
    return await acquireLock(path, {
      signal: busy.signal,
      onWait: (pid) =>
        busy.abort(new InUse(`Process ${pid} is getting servers. Wait for it or stop it, then try again.`)),
    });
  } catch (error) {
    throw busy.signal.aborted ? busy.signal.reason : error;
  }
}

/**
 * This user's temporary folders of this product that nobody uses any more.
 * @param {NodeJS.ProcessEnv} env
 * @param {Process[]} processes
 */
function temporary(env, processes) {
  const folder = env.TMPDIR || tmpdir();
  return readdirSync(folder).flatMap((name) => {
    if (!TEMPORARY.test(name)) return [];
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isDirectory() || stat.uid !== process.getuid?.()) return [];
    const used = processes.some(({ command, cwd }) => `${command} ${cwd}`.includes(path));
    const abandoned = !used && Date.now() - stat.mtimeMs > ABANDONED_AFTER_MS;
    return abandoned ? [described(path, 'left by a run that was killed')] : [];
  });
}

/** @returns {Promise<Process[]>} every process that this user may see, but this one and the one that started it */
async function listProcesses() {
  const listed =
    process.platform === 'linux'
      ? readdirSync('/proc')
          .filter((entry) => /^\d+$/.test(entry))
          .map((pid) => ({
            pid: Number(pid),
            command: tried(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')),
            cwd: tried(() => readlinkSync(`/proc/${pid}/cwd`)),
          }))
      : (await runQuietly('ps', ['-axo', 'pid=,command='])).split('\n').map((line) => {
          const [, pid, command = ''] = /^ *(\d+) (.*)/.exec(line) ?? [];
          return { pid: Number(pid), command, cwd: '' };
        });
  return listed.filter(({ pid }) => pid !== process.pid && pid !== process.ppid);
}

/** @param {() => string} read of a process that may end meanwhile, or is another user's */
function tried(read) {
  try {
    return read();
  } catch {
    return '';
  }
}

/**
 * The caches of Go and npm that are the user's own and large.
 * @param {NodeJS.ProcessEnv} env
 * @param {number} large
 */
function ownCaches(env, large) {
  const home = env.HOME || homedir();
  const caches = process.platform === 'darwin' ? join(home, 'Library/Caches') : dirname(cacheFolder(env));
  const goPath = env.GOPATH?.split(':')[0] || join(home, 'go');
  return [
    { path: env.GOCACHE || join(caches, 'go-build'), command: 'go clean -cache' },
    { path: env.GOMODCACHE || join(goPath, 'pkg/mod'), command: 'go clean -modcache' },
    { path: env.npm_config_cache || join(home, '.npm'), command: 'npm cache clean --force' },
  ]
    .map((cache) => ({ ...cache, bytes: bytesOf(cache.path) }))
    .filter(({ bytes }) => bytes > large);
}
