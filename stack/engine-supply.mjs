import { engineProgram, ensureEngines, progressWords } from './engines.mjs';

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
 * Gets servers and tells of each as soon as it is there.
 * @template {import('./engines.mjs').Program} Engine
 * @param {Engine[]} engines
 * @param {{ log: (line: string) => void, signal: AbortSignal, onProgress: (engine: Engine, detail: string) => void,
 *   onReady: (engine: Engine) => void }} options
 */
export async function supplyEngines(engines, { log, signal, onProgress, onReady }) {
  await ensureEngines(engines, {
    log,
    signal,
    onProgress: (program, now) => {
      const engine = /** @type {Engine} */ (program);
      if (now.phase === 'ready') onReady(engine);
      else onProgress(engine, progressWords(now));
    },
  });
}
