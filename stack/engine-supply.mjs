import { builtProgram, engineProgram, ensureEngines, progressWords } from './engines.mjs';

/**
 * @param {import('./engines.mjs').Program} engine
 * @param {import('./engines.mjs').Source} source a release does not do where `source` is wanted
 */
export function engineIsThere(engine, source) {
  if (source === 'source') return builtProgram(engine, {}) !== undefined;
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
 * @param {{ log: (line: string) => void, signal: AbortSignal, source: import('./engines.mjs').Source, onProgress: (engine: Engine, detail: string) => void,
 *   onReady: (engine: Engine) => void }} options
 */
export async function supplyEngines(engines, { log, signal, source, onProgress, onReady }) {
  await ensureEngines(engines, {
    log,
    signal,
    source,
    onProgress: (program, now) => {
      const engine = /** @type {Engine} */ (program);
      if (now.phase === 'ready') onReady(engine);
      else onProgress(engine, progressWords(now));
    },
  });
}
