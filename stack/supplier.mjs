/**
 * `node stack/supplier.mjs ROOT SOURCE NEED...`: builds and fetches what services need, and tells how far it is: a `SupplierLine` of
 * supplies.ts in JSON per line of its standard output. What the clinic needs comes at once; the rest at low priority, once a
 * line arrives on the standard input, or the first have had the machine for long enough. It ends when all has been told, on a
 * signal, and when the input ends.
 */
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineIsThere, supplyEngines } from './engine-supply.mjs';
import { ensurePostgres } from './find-postgres.mjs';
import { ensurePreview, previewIsBuilt } from './preview-build.mjs';
import { ensureWeb } from './web-build.mjs';

/** @typedef {import('./plan.ts').Need} Need */
/** @typedef {Exclude<Need, 'postgres' | 'pages' | 'dashboards'>} Engine */

const ALONE_FOR_MS = 90_000;
const LOW_PRIORITY = 10;

const [root = '', origin, ...words] = process.argv.slice(2);
const source = /** @type {import('./engines.mjs').Source} */ (origin);
const needs = /** @type {Need[]} */ (words);
const node = process.execPath;
const stopping = new AbortController();
const { signal } = stopping;
for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(name, () => stopping.abort());
// Who reads them may be gone.
process.stdout.on('error', () => stopping.abort());

/** @type {PromiseWithResolvers<void>} */
const goOn = Promise.withResolvers();
createInterface({ input: process.stdin })
  .on('line', () => goOn.resolve())
  .on('close', () => stopping.abort());

/** @param {import('./supplies.ts').SupplierLine} line */
const tell = (line) => void process.stdout.write(`${JSON.stringify(line)}\n`);
/** @param {string} text */
const log = (text) => tell({ log: text });

/**
 * @param {Need} need
 * @param {'missing' | 'failed'} without what it means that it cannot be had
 * @param {(status: (detail: string) => void) => Promise<unknown>} action
 */
async function supply(need, without, action) {
  try {
    await action((detail) => tell({ need, state: 'coming', detail }));
    tell({ need, state: 'there' });
  } catch (error) {
    if (signal.aborted) return;
    const { message } = /** @type {Error} */ (error);
    if (without === 'missing') log(`${need}: ${message}`);
    tell({ need, state: without, reason: without === 'missing' ? firstLine(message) : message });
  }
}

/** @param {string} text */
const firstLine = (text) => text.split('\n', 1)[0] ?? '';

/** @param {Engine[]} engines */
async function supplyServers(engines) {
  const waiting = new Set(engines);
  try {
    await supplyEngines(engines, {
      log,
      signal,
      source,
      onProgress: (engine, detail) => {
        if (waiting.has(engine)) tell({ need: engine, state: 'coming', detail });
      },
      onReady: (engine) => {
        if (waiting.delete(engine)) tell({ need: engine, state: 'there' });
      },
    });
  } catch (error) {
    if (signal.aborted) return;
    const { message } = /** @type {Error} */ (error);
    log(
      `${[...waiting].join(', ')}: missing, the others run without. ${message}\nOnce that is repaired: npm stop, then npm start; what is there already is kept.`,
    );
    for (const engine of waiting) tell({ need: engine, state: 'missing', reason: firstLine(message) });
  }
}

const later = needs.filter((need) => {
  if (need === 'postgres' || need === 'pages') return false;
  const there = need === 'dashboards' ? previewIsBuilt(root) : engineIsThere(need, source);
  tell(there ? { need, state: 'there' } : { need, state: 'coming', detail: 'comes once the clinic is open' });
  return !there;
});
const engines = /** @type {Engine[]} */ (later.filter((need) => need !== 'dashboards'));

await Promise.all([
  needs.includes('postgres') &&
    supply('postgres', 'failed', (status) => {
      status('looking for PostgreSQL');
      return ensurePostgres({ log, signal });
    }),
  needs.includes('pages') && supply('pages', 'failed', (status) => ensureWeb(root, { node, log, status, signal })),
]);
if (later.length > 0 && !signal.aborted) {
  await Promise.race([goOn.promise, sleep(ALONE_FOR_MS, undefined, { signal }).catch(() => {})]);
  setPriority(LOW_PRIORITY);
  await Promise.all([
    engines.length > 0 && supplyServers(engines),
    later.includes('dashboards') &&
      supply('dashboards', 'missing', (status) => {
        // The service's name stands before it anyway.
        const short = (/** @type {string} */ line) => status(line.replace(/^dashboards: /, ''));
        return ensurePreview(root, { node, log, status: short, signal });
      }),
  ]);
}
process.stdin.destroy();
