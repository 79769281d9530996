/** What `docker compose` needs here: a daemon, the compose plugin, and every image of docker-compose.yml. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDockerEngine } from './docker-engine.mjs';
import { ensureServicesImage } from './docker-image.mjs';
import { ensureImages } from './docker-stand-ins.mjs';
import { cacheFolder } from './engines.mjs';
import { runQuietly } from './program.mjs';

/**
 * @typedef {import('./docker-engine.mjs').Tools} Tools
 * @typedef {{ env: NodeJS.ProcessEnv, release: () => Promise<void> }} Docker `env`: for whoever runs `docker` or testcontainers;
 *   `release` removes the containers of tests that were interrupted, and stops the daemon if this process started it
 * @typedef {{ image: string, build?: { target?: string } }} Service
 */

/** The compose projects of the tests and of the measurements. Neither is the user's own, whose name stands in docker-compose.yml. */
export const TEST_PROJECT = 'clinic-docker-test';
export const FIGURES_PROJECT = 'clinic-figures';

/**
 * Makes everything ready for `docker compose up`, without starting a container. Says which images are stand-ins, and which services
 * are left out because their image can neither be pulled nor built here.
 * @param {string} root of the checkout
 * @param {Tools & { keep?: boolean }} [options] `keep`: a daemon that is started stays when this process ends
 * @returns {Promise<Docker>}
 * @throws {import('./docker-engine.mjs').NoDocker}
 */
export async function prepareDocker(root, { log = console.error, ...options } = {}) {
  const tools = { ...options, log };
  const { env: engineEnv, version, release } = await ensureDockerEngine(tools);
  try {
    /** @type {NodeJS.ProcessEnv} */
    const env = {
      ...engineEnv,
      // Its helper is an image that may not be there, and the tests leave nothing behind by themselves.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
      // Where the tests run in a container themselves it would take the gateway for the host, and nothing is published there.
      TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
    };
    const services = await composeServices(root, { ...process.env, ...env });
    const ours = new Map(
      Object.values(services).flatMap(({ image, build }) => (build ? [[image, build.target ?? 'services']] : [])),
    );
    const recipe = readFileSync(join(root, 'services/Dockerfile'), 'utf8');
    const bases = Object.fromEntries(
      [...recipe.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)].map(([, name, base]) => [name, base]),
    );
    if (Object.keys(bases).length === 0) throw new Error('services/Dockerfile has no line ARG …_IMAGE=…');
    const theirs = Object.values(services).flatMap(({ image }) => (ours.has(image) ? [] : [image]));
    const { standIns, missing } = await ensureImages([...new Set([...Object.values(bases), ...theirs])], {
      ...tools,
      root,
      env,
    });
    for (const [image, target] of ours) await ensureServicesImage(image, { ...tools, target, bases, root, env });

    log(`docker: daemon ${version}`);
    if (standIns.length > 0)
      log(`docker: STAND-INS, not the vendors' images (clinic-observability.stand-in=true): ${standIns.join(', ')}`);
    const leftOut = Object.entries(services).flatMap(([name, { image }]) => (missing.includes(image) ? [name] : []));
    if (leftOut.length > 0) {
      log(`docker: LEFT OUT, no image can be pulled and no stand-in is known: ${leftOut.join(', ')}`);
      env.COMPOSE_FILE = [join(root, 'docker-compose.yml'), leaveOut(leftOut)].join(':');
    }
    return {
      env,
      release: async () => {
        try {
          if (!options.keep) await sweep(root, { ...process.env, ...env });
        } finally {
          await release();
        }
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Interrupted tests leave containers, which a daemon that starts again would start as well.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
async function sweep(root, env) {
  for (const project of [TEST_PROJECT, FIGURES_PROJECT]) {
    const down = ['down', '--volumes', '--remove-orphans', '--timeout', '2'];
    const file = ['--file', join(root, 'docker-compose.yml')];
    await runQuietly('docker', ['compose', ...file, '--profile', '*', '--project-name', project, ...down], { env });
  }
}

/**
 * Every service of the file, in whatever profile.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Record<string, Service>>}
 */
async function composeServices(root, env) {
  const file = join(root, 'docker-compose.yml');
  const arguments_ = ['compose', '--file', file, '--profile', '*', 'config', '--format', 'json'];
  return JSON.parse(await runQuietly('docker', arguments_, { cwd: root, env })).services;
}

/**
 * @param {readonly string[]} services
 * @returns {string} a compose file that, merged with ours, leaves these out
 */
function leaveOut(services) {
  const path = join(cacheFolder(), 'docker', 'left-out.json');
  const file = { services: Object.fromEntries(services.map((name) => [name, { profiles: ['no-image'] }])) };
  writeFileSync(path, JSON.stringify(file));
  return path;
}
