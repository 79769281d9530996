import { existsSync } from 'node:fs';
import { findProgram, isProgram, runQuietly, searchPath } from './program.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const APPLICATIONS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
export const HOW_TO_INSTALL =
  'Install Chromium or Chrome (Debian: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium), or name its program in the environment: CHROMIUM=/path/to/chromium';

/**
 * The program of a Chromium on this machine: what CHROMIUM names, or one on PATH.
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @throws {Error} when CHROMIUM names a file that is no program
 */
export function findChromium({ env = process.env } = {}) {
  if (env.CHROMIUM) {
    if (isProgram(env.CHROMIUM)) return env.CHROMIUM;
    throw new Error(`CHROMIUM in the environment is not the path of a program. ${HOW_TO_INSTALL}`);
  }
  return findProgram(NAMES, searchPath(env)) ?? APPLICATIONS.find(isProgram);
}

/**
 * Finds Chromium; as root on Debian it is installed with apt when it is missing.
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<string>} the path of its program
 * @throws {Error} saying what to install
 */
export async function ensureChromium({ env = process.env, log = console.error, signal } = {}) {
  const found = findChromium({ env });
  if (found) return found;
  let reason = '';
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    log('chromium: none was found; installing it with apt');
    const options = { signal, env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } };
    try {
      await runQuietly('apt-get', ['update', '-qq'], options);
      await runQuietly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options);
    } catch (error) {
      signal?.throwIfAborted();
      reason = `
apt could not install it: ${/** @type {Error} */ (error).message}
`;
    }
    const installed = findChromium({ env });
    if (installed) return installed;
  }
  throw new Error(`The pages are driven in a real browser, and none was found.${reason} ${HOW_TO_INSTALL}`);
}
