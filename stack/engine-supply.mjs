import { setTimeout as sleep } from 'node:timers/promises';
import { buildEngines, engineProgram } from './engines.mjs';

/** @param {import('./engines.mjs').Program} engine */
export function engineIsThere(engine) {
  try {
    engineProgram(engine);
    return true;
  } catch {
    return false;
  }
}

/**
 * Builds servers and tells of each as soon as it is there.
 * @template {import('./engines.mjs').Program} Engine
 * @param {Engine[]} engines
 * @param {{ log: (line: string) => void, signal: AbortSignal, onProgress: (engine: Engine, detail: string) => void,
 *   onReady: (engine: Engine) => void }} options
 */
export async function supplyEngines(engines, { log, signal, onProgress, onReady }) {
  const waiting = new Set(engines);
  const look = () => {
    for (const engine of waiting) {
      if (!engineIsThere(engine)) continue;
      waiting.delete(engine);
      onReady(engine);
    }
  };
  const over = new AbortController();
  const status = (/** @type {string} */ line) => {
    for (const engine of waiting) onProgress(engine, line);
  };
  const looking = (async () => {
    while (!over.signal.aborted) {
      look();
      await sleep(1_000, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  try {
    await buildEngines(engines, { log, status, signal });
  } finally {
    over.abort();
    await looking;
    look();
  }
}
