import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @param {string} path */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The folders that PATH names.
 * @param {NodeJS.ProcessEnv} env
 */
export const searchPath = (env) => (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');

/**
 * The first of `names` that is a program in one of `folders`.
 * @param {string[]} names
 * @param {string[]} folders
 */
export const findProgram = (names, folders) =>
  names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);

/**
 * Runs a program whose output is of interest only when it fails.
 * @param {string} command
 * @param {string[]} arguments_
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, signal?: AbortSignal | undefined }} [options]
 * @returns {Promise<string>} what it wrote to standard output
 * @throws {Error} with the end of what it printed, when it fails or cannot be started
 */
export function runQuietly(command, arguments_, { env, cwd, signal } = {}) {
  return new Promise((resolve, reject) => {
    const title = [command, ...arguments_].join(' ');
    const child = spawn(command, arguments_, {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    let stdout = '';
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
      printed = (printed + chunk).slice(-20_000);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      printed = (printed + chunk).slice(-20_000);
    });
    /** @type {Error | undefined} */
    let failure;
    child.on('error', (error) => {
      failure = signal?.aborted ? signal.reason : new Error(`${title} could not be started: ${error.message}`);
      if (child.pid === undefined) reject(failure);
    });
    // Only when it has ended, also when it was aborted: what it wrote to may be cleared away then.
    child.on('close', (status, killed) => {
      if (failure) reject(failure);
      else if (status === 0) resolve(stdout);
      else reject(new Error(`${title} ended with ${killed ?? `exit code ${status}`}.\n${printed.trimEnd()}`));
    });
  });
}
