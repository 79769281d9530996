/**
 * Stand-ins for the images of docker-compose.yml, for machines where no registry can be reached: built here from the engines and from
 * Debian's packages, under the official names. They prove what this repository wires and hardens, not what a vendor ships.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  createReadStream,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NoDocker } from './docker-engine.mjs';
import { cacheFolder, engineProgram } from './engines.mjs';
import { acquireLock } from './file-lock.mjs';
import { nodeProgram } from './packages.mjs';
import { ensurePreview, previewHash } from './preview-build.mjs';
import { runQuietly, searchPath } from './program.mjs';
import { sourceHash } from './source-hash.mjs';

/**
 * @typedef {import('./docker-engine.mjs').Tools & { root: string, env: NodeJS.ProcessEnv }} Options `env`: that of an `Engine`
 * @typedef {{
 *   user?: string, workingDir?: string, env?: string[], ports?: number[], volumes?: string[], entrypoint: string[],
 *   command?: string[], stopSignal?: string,
 * }} Config what an image says of itself; as the official one does
 * @typedef {{ programs: import('./engines.mjs').Program[], config: Config, fill: (folder: string, root: string, tools: Fill) => Promise<void> }} StandIn
 *   `programs`: the engines in it; `fill` lays out its file system
 * @typedef {{ env: NodeJS.ProcessEnv, signal: AbortSignal | undefined, debian: (suite: string, packages: string[]) => Promise<void>, busybox: string }} Fill
 */

export const STAND_IN_LABEL = 'clinic-observability.stand-in';
const RECIPE_LABEL = 'clinic-observability.recipe';
const FILES = fileURLToPath(new URL('docker-stand-ins/', import.meta.url));

/** npm is not among the packages, and a Node image brings it. */
const NPM = {
  version: '11.21.2',
  integrity: 'sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==',
};
const PULL_WITHIN_MS = 300_000;
const NOBODY = 65_534;
const BASE = ['base-files', 'bash', 'coreutils', 'dash', 'sed', 'grep', 'findutils', 'gzip', 'libc-bin', 'tzdata'];

/** By the name of the image, without its version. @type {Record<string, StandIn>} */
const STAND_INS = {
  'prom/prometheus': {
    programs: ['prometheus', 'promtool'],
    config: {
      user: 'nobody',
      workingDir: '/prometheus',
      ports: [9090],
      volumes: ['/prometheus'],
      entrypoint: ['/bin/prometheus'],
      command: ['--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus'],
    },
    async fill(folder, _root, tools) {
      await busyboxSystem(folder, tools, ['prometheus', 'promtool']);
      for (const path of ['etc/prometheus', 'prometheus']) own(folder, path, NOBODY);
    },
  },
  'prom/alertmanager': {
    programs: ['alertmanager', 'amtool'],
    config: {
      user: 'nobody',
      workingDir: '/alertmanager',
      ports: [9093],
      volumes: ['/alertmanager'],
      entrypoint: ['/bin/alertmanager'],
      command: ['--config.file=/etc/alertmanager/alertmanager.yml', '--storage.path=/alertmanager'],
    },
    async fill(folder, _root, tools) {
      await busyboxSystem(folder, tools, ['alertmanager', 'amtool']);
      for (const path of ['etc/alertmanager', 'alertmanager']) own(folder, path, NOBODY);
    },
  },
  'otel/opentelemetry-collector-contrib': {
    programs: ['collector'],
    config: {
      user: '10001:10001',
      ports: [4317, 4318, 55679],
      entrypoint: ['/otelcol-contrib'],
      command: ['--config', '/etc/otelcol-contrib/config.yaml'],
    },
    async fill(folder) {
      certificates(folder);
      copyFileSync(engineProgram('collector'), join(folder, 'otelcol-contrib'));
    },
  },
  'grafana/tempo': {
    programs: ['tempo'],
    config: { user: '10001:10001', entrypoint: ['/tempo'] },
    async fill(folder) {
      users(folder, { name: 'tempo', id: 10_001 });
      certificates(folder);
      copyFileSync(engineProgram('tempo'), join(folder, 'tempo'));
      own(folder, 'var/tempo', 10_001, 0o700);
    },
  },
  // Not Grafana: the preview, which shows the same dashboards from the same folder and answers at the same addresses.
  'grafana/grafana': {
    programs: [],
    config: {
      user: '472',
      ports: [3000],
      env: [
        'LISTEN=0.0.0.0:3000',
        'PROMETHEUS_URL=http://prometheus:9090',
        'TEMPO_URL=http://tempo:3200',
        'DASHBOARDS=/etc/grafana/dashboards',
      ],
      entrypoint: ['node', '--max-old-space-size=48', '/usr/share/preview/src/server/server.mjs'],
    },
    async fill(folder, root, { debian, signal }) {
      await ensurePreview(root, { node: nodeProgram(root), signal });
      await debian('bookworm', [...BASE, 'busybox', 'libstdc++6']);
      users(folder, { name: 'grafana', id: 472 });
      copyFileSync(nodeProgram(root), join(folder, 'usr/local/bin/node'));
      symlinkSync('/bin/busybox', join(folder, 'usr/local/bin/wget'));
      await bundlePreview(root, join(folder, 'usr/share/preview/src/server/server.mjs'));
      cpSync(join(root, 'preview/dist'), join(folder, 'usr/share/preview/dist'), { recursive: true });
      own(folder, 'var/lib/grafana', 472);
    },
  },
  node: {
    programs: [],
    config: {
      env: ['NODE_VERSION=24'],
      entrypoint: ['docker-entrypoint.sh'],
      command: ['node'],
    },
    async fill(folder, root, { debian, env, signal }) {
      await debian('bookworm', [...BASE, 'tar', 'libstdc++6', 'util-linux', 'procps']);
      users(folder, { name: 'node', id: 1_000, home: '/home/node', shell: '/bin/bash' });
      certificates(folder);
      own(folder, 'home/node', 1_000);
      const bin = join(folder, 'usr/local/bin');
      copyFileSync(nodeProgram(root), join(bin, 'node'));
      symlinkSync('node', join(bin, 'nodejs'));
      const modules = join(folder, 'usr/local/lib/node_modules');
      mkdirSync(modules, { recursive: true });
      await unpackNpm(join(modules, 'npm'), { env, signal });
      for (const name of ['npm', 'npx']) {
        chmodSync(join(modules, `npm/bin/${name}-cli.js`), 0o755);
        symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
      }
      copyFileSync(join(FILES, 'node-entrypoint.sh'), join(bin, 'docker-entrypoint.sh'));
    },
  },
  postgres: {
    programs: [],
    config: {
      env: ['LANG=C.UTF-8', 'PG_MAJOR=18', 'PGDATA=/var/lib/postgresql/18/docker'],
      ports: [5432],
      volumes: ['/var/lib/postgresql'],
      entrypoint: ['docker-entrypoint.sh'],
      command: ['postgres'],
      stopSignal: 'SIGINT',
    },
    async fill(folder, _root, { debian }) {
      await debian('forky', [...BASE, 'util-linux', 'postgresql-18', 'postgresql-client-18']);
      users(folder, { name: 'postgres', id: 999, home: '/var/lib/postgresql', shell: '/bin/bash' });
      certificates(folder);
      mkdirSync(join(folder, 'docker-entrypoint-initdb.d'), { recursive: true });
      rmSync(join(folder, 'var/lib/postgresql'), { recursive: true, force: true });
      own(folder, 'var/lib/postgresql', 999, 0o1777);
      own(folder, 'run/postgresql', 999, 0o3777);
      copyFileSync(join(FILES, 'postgres-entrypoint.sh'), join(folder, 'usr/local/bin/docker-entrypoint.sh'));
    },
  },
};

/** @param {string} root */
const previewSources = (root) => sourceHash(root, ['catalogue', 'instrumentation/src/node', 'preview/src/server']);

/**
 * The preview's server as one file, since its packages are the workspace's.
 * @param {string} root
 * @param {string} file
 */
async function bundlePreview(root, file) {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    input: join(root, 'preview/src/server/server.ts'),
    platform: 'node',
    logLevel: 'warn',
  });
  await bundle.write({ file, format: 'esm' });
  await bundle.close();
}

/** @param {string} image */
const nameOf = (image) => /** @type {string} */ (image.split(':')[0]);

/**
 * The recipe's content, shortened: a stand-in with another one is built anew.
 * @param {string} image
 * @param {string} root
 */
function recipeOf(image, root) {
  const { programs, config } = /** @type {StandIn} */ (STAND_INS[nameOf(image)]);
  const hash = createHash('sha256').update(JSON.stringify([image, process.arch, config, NPM]));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of readdirSync(FILES).sort()) hash.update(readFileSync(join(FILES, file)));
  for (const program of programs) hash.update(basename(dirname(engineProgram(program))));
  if (nameOf(image) === 'grafana/grafana') hash.update(previewSources(root)).update(previewHash(root));
  if (nameOf(image) === 'node') {
    const { stdout } = spawnSync(nodeProgram(root), ['--version'], { encoding: 'utf8' });
    hash.update(stdout);
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * @param {string} image
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string> | undefined} its labels; undefined when the daemon does not have it
 */
export function imageLabels(image, env) {
  const { status, stdout } = spawnSync('docker', ['image', 'inspect', '--format', '{{json .Config.Labels}}', image], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return status === 0 ? (JSON.parse(stdout) ?? {}) : undefined;
}

/**
 * Provides each of `images`: the official one where the daemon has it or can pull it, a stand-in otherwise.
 * @param {readonly string[]} images
 * @param {Options} options
 * @returns {Promise<{ standIns: string[], missing: string[] }>} `standIns`: which of them are; `missing`: those that cannot be pulled
 *   and that no stand-in is known for
 * @throws {NoDocker} where stand-ins are needed and cannot be built
 */
export async function ensureImages(images, options) {
  const { env, log = console.error, status = () => {}, signal, root } = options;
  const unofficial = images.filter((image) => {
    const labels = imageLabels(image, env);
    return !labels || labels[STAND_IN_LABEL] === 'true';
  });
  status('looking for images in the registry');
  const pulled = await Promise.all(unofficial.map((image) => pull(image, env, signal)));
  const [standIns, missing] = /** @type {[string[], string[]]} */ ([[], []]);
  for (const [index, image] of unofficial.entries()) {
    if (pulled[index]) log(`docker: pulled ${image}`);
    else if (Object.hasOwn(STAND_INS, nameOf(image))) standIns.push(image);
    else missing.push(image);
  }
  const stale = standIns.filter((image) => imageLabels(image, env)?.[RECIPE_LABEL] !== recipeOf(image, root));
  if (stale.length > 0) {
    if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
      throw new NoDocker(`${stale.join(', ')} cannot be pulled, and stand-ins are built only by root on Debian`);
    await buildAll(stale, options);
  }
  return { standIns, missing };
}

/**
 * @param {string} image
 * @param {NodeJS.ProcessEnv} env
 * @param {AbortSignal | undefined} signal
 */
async function pull(image, env, signal) {
  const limit = AbortSignal.timeout(PULL_WITHIN_MS);
  try {
    await runQuietly('docker', ['pull', '--quiet', image], {
      env: { ...process.env, ...env },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}

/**
 * @param {readonly string[]} images
 * @param {Options} options
 */
async function buildAll(images, { env, root, log = console.error, status = () => {}, signal }) {
  const started = performance.now();
  const work = join(cacheFolder(), 'docker', 'stand-ins');
  mkdirSync(work, { recursive: true });
  const release = await acquireLock(join(work, 'build.lock'), {
    ...(signal && { signal }),
    onWait: (pid) => log(`docker: process ${pid} is building stand-ins; waiting for it`),
  });
  try {
    // Whatever lies there was left by a build that was killed: this process holds the lock.
    for (const entry of readdirSync(work))
      if (entry.startsWith('work-')) rmSync(join(work, entry), { recursive: true, force: true });
    const tools = await unpackTools(work, signal);
    status(`building stand-ins for ${images.length} images that cannot be pulled, about 40s in all`);
    await Promise.all(images.map((image) => build(image, { env, root, work, tools, signal })));
    // Those that these have replaced; stages of our own images begin with one and inherit its label.
    const labels = [`label=${STAND_IN_LABEL}=true`, 'label!=clinic-observability.image'];
    const replaced = ['image', 'prune', '--force', ...labels.flatMap((label) => ['--filter', label])];
    await runQuietly('docker', replaced, { env: { ...process.env, ...env }, signal });
  } finally {
    release();
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  log(`docker: built stand-ins for ${images.join(', ')} in ${seconds}s`);
}

/**
 * @param {string} image
 * @param {{ env: NodeJS.ProcessEnv, root: string, work: string, tools: string, signal: AbortSignal | undefined }} options
 */
async function build(image, { env, root, work, tools, signal }) {
  const { config, fill } = /** @type {StandIn} */ (STAND_INS[nameOf(image)]);
  const folder = mkdtempSync(join(work, 'work-'));
  try {
    const files = join(folder, 'files');
    mkdirSync(files, { mode: 0o755 });
    chmodSync(files, 0o755);
    const toolEnv = { ...process.env, PATH: [join(tools, 'usr/bin'), ...searchPath(process.env)].join(':') };
    await fill(files, root, {
      env: toolEnv,
      signal,
      debian: (suite, packages) => unpackDebian(suite, packages, { files, env: toolEnv, signal }),
      busybox: join(tools, 'bin/busybox'),
    });
    const layer = join(folder, 'layer.tar');
    await runQuietly('tar', ['-C', files, '--numeric-owner', '--one-file-system', '--sort=name', '-cf', layer, '.'], {
      signal,
    });
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(layer)) hash.update(chunk);
    const labels = { [STAND_IN_LABEL]: 'true', [RECIPE_LABEL]: recipeOf(image, root) };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(description(config, labels, hash.digest('hex'))));
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify([{ Config: 'config.json', RepoTags: [image], Layers: ['layer.tar'] }]),
    );
    const archive = join(folder, 'image.tar');
    await runQuietly('tar', ['-C', folder, '-cf', archive, 'config.json', 'manifest.json', 'layer.tar'], { signal });
    await runQuietly('docker', ['load', '--quiet', '--input', archive], { env: { ...process.env, ...env }, signal });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Config} config
 * @param {Record<string, string>} labels
 * @param {string} layer SHA-256 of the only layer
 */
function description(config, labels, layer) {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/18/bin';
  const created = '2020-01-01T00:00:00Z';
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created,
    config: {
      User: config.user ?? '',
      WorkingDir: config.workingDir ?? '/',
      Env: [path, ...(config.env ?? [])],
      ExposedPorts: Object.fromEntries((config.ports ?? []).map((port) => [`${port}/tcp`, {}])),
      Volumes: Object.fromEntries((config.volumes ?? []).map((volume) => [volume, {}])),
      Entrypoint: config.entrypoint,
      Cmd: config.command ?? [],
      Labels: labels,
      ...(config.stopSignal && { StopSignal: config.stopSignal }),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created }],
  };
}

/**
 * mmdebstrap and busybox, unpacked beside the work and not installed.
 * @param {string} work
 * @param {AbortSignal | undefined} signal
 */
async function unpackTools(work, signal) {
  const tools = join(work, 'work-tools');
  const downloads = join(work, 'work-downloads');
  for (const folder of [tools, downloads]) mkdirSync(folder, { recursive: true });
  const download = () =>
    runQuietly('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', 'mmdebstrap', 'busybox-static'], {
      cwd: downloads,
      signal,
    });
  await download().catch(async (error) => {
    signal?.throwIfAborted();
    // The list of packages may be missing or old.
    await runQuietly('apt-get', ['update', '-qq'], { signal }).catch(() => {
      throw error;
    });
    await download();
  });
  for (const file of readdirSync(downloads)) await runQuietly('dpkg', ['-x', join(downloads, file), tools], { signal });
  return tools;
}

/**
 * Unpacks packages and what they need, without running their scripts.
 * @param {string} suite
 * @param {string[]} packages
 * @param {{ files: string, env: NodeJS.ProcessEnv, signal: AbortSignal | undefined }} options
 */
async function unpackDebian(suite, packages, { files, env, signal }) {
  const arguments_ = ['--quiet', '--mode=root', '--variant=extract', '--format=directory'];
  // A mirror may be a snapshot; what it holds is signed all the same.
  arguments_.push('--aptopt=Acquire::Check-Valid-Until "false"', `--include=${packages.join(',')}`, suite, files);
  await runQuietly('mmdebstrap', arguments_, { env, signal });
  const unused = ['doc', 'man', 'locale', 'info', 'i18n', 'lintian', 'bug'].map((name) => `usr/share/${name}`);
  for (const path of [...unused, 'var/cache', 'var/lib/apt'])
    rmSync(join(files, path), { recursive: true, force: true });
}

/**
 * @param {string} folder
 * @param {{ env: NodeJS.ProcessEnv, signal: AbortSignal | undefined }} options
 */
async function unpackNpm(folder, options) {
  const work = `${folder}.work`;
  mkdirSync(work);
  await runQuietly('npm', ['pack', '--silent', '--pack-destination', work, `npm@${NPM.version}`], {
    ...options,
    cwd: work,
  });
  const archive = join(work, `npm-${NPM.version}.tgz`);
  const actual = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (actual !== NPM.integrity)
    throw new Error(
      `npm ${NPM.version} is not what was pinned (${actual}, not ${NPM.integrity}). It was not unpacked.`,
    );
  await runQuietly('tar', ['-xzf', archive, '--no-same-owner', '-C', work], options);
  await runQuietly('mv', [join(work, 'package'), folder], options);
  rmSync(work, { recursive: true, force: true });
}

/**
 * @param {string} folder
 * @param {Fill} tools
 * @param {import('./engines.mjs').Program[]} programs
 */
async function busyboxSystem(folder, { busybox, signal }, programs) {
  users(folder);
  certificates(folder);
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(busybox, join(bin, 'busybox'));
  const names = await runQuietly(join(bin, 'busybox'), ['--list'], { signal });
  for (const name of names.split('\n').filter((one) => one !== '' && one !== 'busybox'))
    linkSync(join(bin, 'busybox'), join(bin, name));
  for (const program of programs) copyFileSync(engineProgram(program), join(bin, program));
}

/**
 * @param {string} folder
 * @param {{ name: string, id: number, home?: string, shell?: string }} [more]
 */
function users(folder, more) {
  for (const path of ['etc', 'usr/local/bin', 'tmp']) mkdirSync(join(folder, path), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o1777);
  const lines = ['root:x:0:0:root:/root:/bin/sh', `nobody:x:${NOBODY}:${NOBODY}:nobody:/home:/bin/false`];
  const groups = ['root:x:0:', `nobody:x:${NOBODY}:`];
  if (more) {
    const { name, id, home = '/', shell = '/bin/false' } = more;
    lines.push(`${name}:x:${id}:${id}::${home}:${shell}`);
    groups.push(`${name}:x:${id}:`);
  }
  writeFileSync(join(folder, 'etc/passwd'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'etc/group'), `${groups.join('\n')}\n`);
}

/** @param {string} folder */
function certificates(folder) {
  const path = 'etc/ssl/certs/ca-certificates.crt';
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  if (existsSync(`/${path}`)) copyFileSync(`/${path}`, join(folder, path));
}

/**
 * @param {string} folder
 * @param {string} path
 * @param {number} id of its user and group
 * @param {number} [mode]
 */
function own(folder, path, id, mode = 0o775) {
  mkdirSync(join(folder, path), { recursive: true });
  chownSync(join(folder, path), id, id);
  chmodSync(join(folder, path), mode);
}
