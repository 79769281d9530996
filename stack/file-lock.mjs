import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 5_000;
/** A holder that has not touched its lock for this long is gone, also where its process cannot be seen (a container). */
const STALE_MS = 60_000;

/** @param {unknown} error */
const code = (error) => /** @type {NodeJS.ErrnoException} */ (error).code;

/** @param {number} pid */
export function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return code(error) === 'EPERM';
  }
}

/**
 * Who holds the lock, or undefined when it is free.
 * @param {string} path
 * @returns {{ text: string, pid: number, stale: boolean } | undefined}
 */
function holder(path) {
  try {
    const age = Date.now() - statSync(path).mtimeMs;
    const text = readFileSync(path, 'utf8');
    const [pid = '', host] = text.split(' ');
    const dead = host === hostname() && !alive(Number(pid));
    return { text, pid: Number(pid), stale: dead || age > STALE_MS };
  } catch (error) {
    if (code(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Takes the lock file `path`, waiting for as long as another process holds it; one left by a dead process is taken over.
 * @param {string} path in a folder that exists
 * @param {{ onWait?: (pid: number) => void, signal?: AbortSignal, pollMs?: number }} [options] `onWait` is called once, with the
 *   id of the process that is waited for
 * @returns {Promise<() => void>} releases it
 */
export async function acquireLock(path, { onWait, signal, pollMs = 500 } = {}) {
  const mine = `${process.pid} ${hostname()} ${randomUUID()}`;
  for (let waited = false; ; ) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (code(error) !== 'EEXIST') throw error;
    }
    const other = holder(path);
    if (other?.stale) {
      takeAway(path, other.text);
      continue;
    }
    if (other && !waited) onWait?.(other.pid);
    waited = true;
    await sleep(pollMs, undefined, { signal });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Removed by hand: builds go to folders of their own, so that two at once are only wasteful.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    if (holder(path)?.text === mine) rmSync(path, { force: true });
  };
}

/**
 * Removes a stale lock. Of several processes that saw it at once only one may: each moves what is there aside first, and
 * who finds in hand a newer lock than the stale one puts it back.
 * @param {string} path
 * @param {string} stale what the stale lock holds
 */
function takeAway(path, stale) {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (code(error) === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') === stale) rmSync(aside);
  else renameSync(aside, path);
}
