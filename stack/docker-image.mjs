/** The image of our own services. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { imageLabels } from './docker-stand-ins.mjs';
import { runQuietly, searchPath } from './program.mjs';
import { sourceHash } from './source-hash.mjs';

/** @typedef {import('./docker-stand-ins.mjs').Options} Options */

/** Where services/Dockerfile takes packages from, when it is there. */
const PACKAGES = 'node_modules/.cache/packages';
const SOURCES_LABEL = 'clinic-observability.sources';
const SOURCES = [
  ...['.dockerignore', '.npmrc', 'docker-compose.yml', 'package.json', 'package-lock.json', 'tsconfig.json'],
  ...['catalogue', 'instrumentation', 'runbooks', 'services'],
  ...['stack/commands.mjs', 'stack/compile.ts', 'stack/compose.ts', 'stack/secrets.ts', 'stack/docker-image.mjs'],
];

/**
 * Builds an image of our services, unless the daemon has it from the same sources on the same bases.
 * @param {string} image
 * @param {Options & { target: string, bases: Readonly<Record<string, string>> }} options `target`: the stage of services/Dockerfile;
 *   `bases`: the images that it begins with, by their ARG
 */
export async function ensureServicesImage(
  image,
  { target, bases, root, env, log = console.error, status = () => {}, signal },
) {
  const inspect = ['image', 'inspect', '--format', '{{.Id}}', ...Object.values(bases)];
  const inspected = spawnSync('docker', inspect, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  const sources = createHash('sha256').update(sourceHash(root, SOURCES)).update(inspected.stdout).digest('hex');
  if (imageLabels(image, env)?.[SOURCES_LABEL] === sources) return;
  const started = performance.now();
  status(`building the image ${image}, about 40s in all`);
  await fetchPackages(root, signal);
  const git = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  const revision = git.status === 0 ? git.stdout.trim() : 'unknown';
  const arguments_ = ['build', '--quiet', '--tag', image, '--file', join(root, 'services/Dockerfile')];
  arguments_.push('--target', target, '--build-arg', `SOURCES=${sources}`);
  for (const [name, base] of Object.entries(bases)) arguments_.push('--build-arg', `${name}=${base}`);
  arguments_.push('--build-arg', `REVISION=${revision}`, root);
  const options = { env: { ...process.env, ...env }, signal };
  await runQuietly('docker', arguments_, options);
  // Stages of former builds are what the next build is quick by; the old ones only fill the disk.
  const old = ['--filter', 'label=clinic-observability.image=services', '--filter', 'until=24h'];
  await runQuietly('docker', ['image', 'prune', '--force', ...old], options);
  log(`docker: built ${image} in ${((performance.now() - started) / 1000).toFixed(0)}s`);
}

/**
 * Fetches the packages of the lock file with this machine's settings (registry, certificates, credentials), which the build in its
 * container does not have, into the folder that the build takes them from.
 * @param {string} root
 * @param {AbortSignal | undefined} signal
 */
async function fetchPackages(root, signal) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  const folder = join(root, PACKAGES);
  if (existsSync(join(folder, hash))) return;
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    /** @type {{ packages: Record<string, object> }} */
    const { packages } = JSON.parse(lock.toString());
    const manifests = Object.keys(packages).filter((path) => !path.includes('node_modules'));
    for (const file of ['package-lock.json', '.npmrc', ...manifests.map((path) => join(path, 'package.json'))]) {
      mkdirSync(dirname(join(work, 'project', file)), { recursive: true });
      copyFileSync(join(root, file), join(work, 'project', file));
    }
    const cache = join(work, 'cache');
    const options = { cwd: join(work, 'project'), signal, env: npmEnvironment(root) };
    const platform = ['--os=linux', `--cpu=${process.arch}`, '--libc=glibc'];
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await runQuietly('npm', ['ci', '--include=dev', ...quiet, ...platform, '--cache', cache], options);
    rmSync(join(cache, '_logs'), { recursive: true, force: true });
    const registry = (await runQuietly('npm', ['config', 'get', 'registry'], options)).trim();
    // The keys of npm's cache are addresses, so the build must use the same registry. Nobody has to answer there.
    writeFileSync(join(cache, 'npmrc'), `registry=${withoutCredentials(registry)}\noffline=true\n`);
    writeFileSync(join(cache, hash), '');
    rmSync(folder, { recursive: true, force: true });
    renameSync(cache, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string} root */
function npmEnvironment(root) {
  const path = searchPath(process.env).filter((folder) => !folder.startsWith(join(root, 'node_modules')));
  return { ...process.env, PATH: path.join(':') };
}

/** @param {string} address */
function withoutCredentials(address) {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
