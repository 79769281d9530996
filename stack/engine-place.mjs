import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {'prometheus' | 'promtool' | 'alertmanager' | 'amtool' | 'collector' | 'tempo' | 'docker-compose' | 'k6' | 'versitygw' | 'grafana'} Program
 * @typedef {{ env?: NodeJS.ProcessEnv, recipes?: string, platform?: string }} Place `recipes`: the folder engines/ of the checkout;
 *   `platform`: the one that releases are for, `linux-amd64` for example
 */

export const RECIPES_FOLDER = fileURLToPath(new URL('../engines/', import.meta.url));

/**
 * The user's cache folder of this product.
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheFolder(env = process.env) {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(env.HOME || homedir(), '.cache');
  return join(base, 'clinic-observability');
}

/**
 * Where the programs are kept.
 * @param {Place} [place]
 */
export const enginesFolder = ({ env } = {}) => join(cacheFolder(env), 'engines');

/**
 * The name that Go and most vendors give a platform: this one, unless `place` says another.
 * @param {Place} [place]
 */
export const platformOf = ({ platform } = {}) =>
  platform ?? `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
