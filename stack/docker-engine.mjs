import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder, engineProgram } from './engines.mjs';
import { findProgram, runQuietly, searchPath } from './program.mjs';

/**
 * @typedef {{ log?: (line: string) => void, status?: (line: string) => void, signal?: AbortSignal | undefined }} Tools
 * @typedef {{
 *   env: NodeJS.ProcessEnv,
 *   version: string,
 *   release: () => Promise<void>,
 * }} Engine `env`: what `docker` and testcontainers need to reach it, with the compose plugin; `release` stops the daemon if this
 *   process started it, and does nothing otherwise
 */

/** There is no Docker here and none can be had; the message says why, and what would help. */
export class NoDocker extends Error {
  /** @override */
  name = 'NoDocker';
}

const STARTS_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 30_000;
/** In the place of a process id: the daemon stays until it is stopped by hand. */
const KEPT = 'kept';

/** Where the daemon that this product starts keeps everything, images included; for `env` see `cacheFolder`. */
const home = () => join(cacheFolder(), 'docker');
const socket = () => join(home(), 'docker.sock');
const pidFile = () => join(home(), 'dockerd.pid');
const ownerFile = () => join(home(), 'owner');

/** @param {string} path */
const text = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

/** @param {string} pid */
export const isDaemon = (pid) => /^\d+$/.test(pid) && text(`/proc/${pid}/comm`) === 'dockerd';

/** @param {string} pid */
function alive(pid) {
  try {
    return /^\d+$/.test(pid) && process.kill(Number(pid), 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * The version of the daemon that answers.
 * @param {string} client
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} undefined when none does
 */
function serverVersion(client, env) {
  const { status, stdout } = spawnSync(client, ['version', '--format', '{{.Server.Version}}'], {
    env,
    encoding: 'utf8',
    timeout: 10_000,
  });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

/** A folder of settings for `docker` with the compose plugin that engines/ builds, so that nothing is written to the user's own. */
function clientSettings() {
  const folder = join(home(), 'client');
  const plugin = join(folder, 'cli-plugins/docker-compose');
  mkdirSync(join(folder, 'cli-plugins'), { recursive: true });
  rmSync(plugin, { force: true });
  symlinkSync(engineProgram('docker-compose'), plugin);
  return folder;
}

/**
 * Makes Docker usable: the daemon that answers already, else one of this product's own, started here (as root), else, as root on
 * Debian, one that is installed with apt first.
 * @param {Tools & { keep?: boolean }} [options] `keep`: a daemon that is started stays when this process ends
 * @returns {Promise<Engine>}
 * @throws {NoDocker}
 */
export async function ensureDockerEngine({ log = console.error, signal, keep = false } = {}) {
  if (process.platform !== 'linux') {
    const client = findProgram(['docker'], searchPath(process.env));
    const version = client && serverVersion(client, process.env);
    if (!version) throw new NoDocker('no Docker daemon answers: start Docker Desktop, or what you use in its place');
    return { env: foreign(), version, release: async () => {} };
  }
  mkdirSync(home(), { recursive: true, mode: 0o700 });
  const client = findProgram(['docker'], searchPath(process.env));
  const foreignVersion = client && serverVersion(client, process.env);
  if (foreignVersion) return { env: foreign(), version: foreignVersion, release: async () => {} };

  if (process.getuid?.() !== 0)
    throw new NoDocker('no Docker daemon answers this user, and only root can start one: start it, then try again');
  const own = text(pidFile());
  // A second daemon in the same network would clear away the rules that the first one's containers are reached by.
  const other = readdirSync('/proc').find((pid) => isDaemon(pid) && pid !== own);
  if (other)
    throw new NoDocker(
      `a Docker daemon runs (process ${other}) that does not answer at ${process.env.DOCKER_HOST ?? 'the usual socket'}: name its socket in DOCKER_HOST`,
    );
  const program = await ensureDaemonProgram({ log, signal });
  const env = ownEnvironment();
  const docker = /** @type {string} */ (findProgram(['docker'], searchPath(process.env)));
  const owner = text(ownerFile());
  let version = isDaemon(own) ? serverVersion(docker, env) : undefined;
  if (!version) {
    version = await startDaemon(program, docker, env, signal);
    log(`docker: started daemon ${version}`);
  } else if (owner === KEPT || alive(owner)) {
    return { env, version, release: async () => {} };
  }
  writeFileSync(ownerFile(), keep ? KEPT : String(process.pid));
  return { env, version, release: keep ? async () => {} : () => stopDockerEngine({ log }) };
}

/** @returns {NodeJS.ProcessEnv} */
function foreign() {
  const { DOCKER_HOST } = process.env;
  return { ...(DOCKER_HOST && { DOCKER_HOST }), ...(existsSync(home()) && { DOCKER_CONFIG: clientSettings() }) };
}

const ownEnvironment = () => ({ DOCKER_HOST: `unix://${socket()}`, DOCKER_CONFIG: clientSettings() });

/** @param {Tools} tools */
async function ensureDaemonProgram({ log = console.error, signal }) {
  const find = () => findProgram(['dockerd'], [...searchPath(process.env), '/usr/sbin', '/usr/local/sbin']);
  const complete = () => (findProgram(['docker'], searchPath(process.env)) ? find() : undefined);
  const found = complete();
  if (found) return found;
  if (!existsSync('/etc/debian_version'))
    throw new NoDocker('there is no Docker, and it is installed only on Debian and Ubuntu: install it, then try again');
  log('docker: none was found; installing it with apt');
  const options = { signal, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } };
  // Debian starts what it installs. That daemon would outlive the tests, and nobody asked for it.
  const policy = '/usr/sbin/policy-rc.d';
  const ownPolicy = !existsSync(policy);
  try {
    if (ownPolicy) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    await runQuietly('apt-get', ['update', '-qq'], options);
    await runQuietly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'docker.io'], options);
  } catch (error) {
    signal?.throwIfAborted();
    throw new NoDocker(`there is no Docker, and apt could not install it: ${/** @type {Error} */ (error).message}`);
  } finally {
    if (ownPolicy) rmSync(policy, { force: true });
  }
  const installed = complete();
  if (!installed) throw new NoDocker('there is no Docker, and what apt installed holds no dockerd');
  return installed;
}

/**
 * @param {string} program
 * @param {string} client
 * @param {NodeJS.ProcessEnv} env
 * @param {AbortSignal | undefined} signal
 */
async function startDaemon(program, client, env, signal) {
  const log = join(home(), 'dockerd.log');
  const output = openSync(log, 'w', 0o600);
  rmSync(pidFile(), { force: true });
  // Its programs lie beside it, and root's PATH does not name that folder in every container.
  const path = [...searchPath(process.env), '/usr/sbin', '/sbin'].join(':');
  const arguments_ = ['--data-root', join(home(), 'data'), '--exec-root', join(home(), 'exec')];
  const child = spawn(program, [...arguments_, '--pidfile', pidFile(), '--host', `unix://${socket()}`], {
    detached: true, // A Ctrl-C is for this process, which then stops it when all containers are gone.
    stdio: ['ignore', output, output],
    env: { ...process.env, PATH: path },
  });
  child.unref();
  for (let end = Date.now() + STARTS_WITHIN_MS; Date.now() < end && child.exitCode === null; await sleep(100)) {
    if (signal?.aborted) {
      child.kill();
      signal.throwIfAborted();
    }
    const version = serverVersion(client, env);
    if (version) return version;
  }
  child.kill();
  const said = text(log).split('\n').slice(-5).join('\n');
  throw new NoDocker(`the Docker daemon does not start on this machine. The end of ${log}:\n${said}`);
}

/**
 * Stops the daemon that this product started, and with it every container; one of somebody else is left alone.
 * @param {Tools} [tools]
 */
export async function stopDockerEngine({ log = console.error } = {}) {
  const pid = text(pidFile());
  if (!isDaemon(pid)) return;
  process.kill(Number(pid));
  for (let end = Date.now() + STOPS_WITHIN_MS; isDaemon(pid); await sleep(50)) {
    if (Date.now() > end) throw new Error(`The Docker daemon (process ${pid}) does not stop. End it: kill -9 ${pid}`);
  }
  rmSync(ownerFile(), { force: true });
  log('docker: stopped the daemon');
}
