import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { chmod, open } from 'node:fs/promises';
import * as http from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { enginesFolder, platformOf, RECIPES_FOLDER } from './engine-place.mjs';
import { runQuietly } from './program.mjs';

/**
 * @typedef {import('./engine-place.mjs').Place} Place
 * @typedef {import('./engine-place.mjs').Program} Program
 * @typedef {{
 *   version: string,
 *   from: string,
 *   checksums: string,
 *   whole?: boolean,
 *   programs: Partial<Record<Program, string>>,
 *   archives: Record<string, { name: string, sha256?: string }>,
 * }} Release what engines/releases.json says of one vendor's release. `from`: the address that the names are added to;
 *   `checksums`: the vendor's file of SHA-256 sums; `programs`: where each lies in the archive, `{archive}` being the archive's
 *   name without its ending; `whole`: the program needs everything that the archive holds, less the folder that all of it lies in;
 *   `archives`: per platform, `linux-amd64` for example
 * @typedef {{ name: string, release: Release, archive: { name: string, sha256?: string }, url: string, sha256?: string, lock: string }} Offer
 *   a release for this platform. `sha256`: the one that is pinned, else the one recorded when the archive was first used
 * @typedef {{ answerMs: number, stallMs: number }} Deadlines how long a server may take to begin to answer, and between two bytes
 */

/** @type {Deadlines} */
export const DEADLINES = { answerMs: 3_000, stallMs: 15_000 };

/** A release that cannot be had now, for a reason that lies with the network or the server. */
class Unreachable extends Error {
  /**
   * @param {string} host
   * @param {string} reason
   */
  constructor(host, reason) {
    super(`${host}: ${reason}`);
    this.host = host;
    this.reason = reason;
  }
}

/** An archive that must not be used. */
class Refused extends Error {}

/**
 * Where it is kept which checksum an archive had that engines/releases.json pins none for.
 * @param {Place} place
 */
const recordPath = (place) => join(enginesFolder(place), 'checksums.json');

/**
 * @template T
 * @param {string} path
 * @param {T} otherwise
 * @returns {T}
 */
function readJson(path, otherwise) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return otherwise;
    throw new Error(`${path} cannot be read: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * The file that says which releases there are and pins their checksums.
 * @param {Place} place
 */
export const releaseLock = ({ env = process.env, recipes = RECIPES_FOLDER }) =>
  env.CLINIC_RELEASES_LOCK || join(recipes, 'releases.json');

/**
 * @param {Place} [place]
 * @returns {Record<string, Release>}
 */
export function releases(place = {}) {
  const path = releaseLock(place);
  /** @type {Record<string, Release> | undefined} */
  const read = readJson(path, undefined);
  if (!read)
    throw new Error(`${path} is missing, which CLINIC_RELEASES_LOCK names. Unset it, or name a file that exists.`);
  return read;
}

/**
 * The release that a program comes with.
 * @param {Program} program
 * @param {Place} [place]
 * @returns {Offer | undefined} undefined when its vendor has none for this platform
 */
export function offerOf(program, place = {}) {
  const found = Object.entries(releases(place)).find(([, one]) => one.programs[program]);
  if (!found) return undefined;
  const [name, release] = found;
  const archive = release.archives[platformOf(place)];
  if (!archive) return undefined;
  const url = release.from + archive.name;
  /** @type {Record<string, string>} */
  const recorded = readJson(recordPath(place), {});
  const sha256 = archive.sha256 ?? recorded[url];
  return { name, release, archive, url, lock: releaseLock(place), ...(sha256 && { sha256 }) };
}

/**
 * Where a release's programs are kept: one folder per content of its archive.
 * @param {Offer & { sha256: string }} offer
 * @param {Place} place
 */
const releaseFolder = ({ name, release, sha256 }, place) =>
  join(enginesFolder(place), `${name}-${release.version}-${platformOf(place)}-${sha256.slice(0, 12)}`);

/**
 * @param {Offer} offer
 * @param {Program} program
 */
const pathInArchive = ({ release, archive }, program) =>
  /** @type {string} */ (release.programs[program]).replace('{archive}', archive.name.replace(/\.(tar\.gz|zip)$/, ''));

/**
 * A program that came with its vendor's release.
 * @param {Program} program
 * @param {Place} [place]
 * @returns {{ path: string, version: string } | undefined} undefined when it is not there
 */
export function releaseProgram(program, place = {}) {
  const offer = offerOf(program, place);
  if (!offer?.sha256) return undefined;
  const { release, sha256 } = offer;
  const within = release.whole ? pathInArchive(offer, program) : program;
  const path = join(releaseFolder({ ...offer, sha256 }, place), within);
  return existsSync(path) ? { path, version: release.version } : undefined;
}

/**
 * From here on `fetch` takes the way that HTTPS_PROXY names, where this Node can.
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} log
 * @returns {() => void} undoes it
 */
export function useProxy(env, log) {
  const proxy = env.HTTPS_PROXY || env.https_proxy;
  if (!proxy || process.env.NODE_USE_ENV_PROXY === '1') return () => {};
  // Only for https: this process's own requests to the stack's servers are not to go through it.
  const settings = { https_proxy: proxy, no_proxy: env.NO_PROXY || env.no_proxy || '' };
  const set = /** @type {{ setGlobalProxyFromEnv?: (env: Record<string, string>) => () => void }} */ (http)
    .setGlobalProxyFromEnv;
  if (set) return set(settings);
  log(
    `engines: HTTPS_PROXY is set, which Node ${process.version} uses for downloads only when NODE_USE_ENV_PROXY=1 is set too, from 22.21 on`,
  );
  return () => {};
}

/**
 * @param {string} url the vendor's
 * @param {NodeJS.ProcessEnv} env
 */
export function address(url, { CLINIC_RELEASES_URL: mirror }) {
  if (!mirror) return url;
  const { host, pathname } = new URL(url);
  return `${mirror.replace(/\/+$/, '')}/${host}${pathname}`;
}

/** @param {number} ms */
const seconds = (ms) => (ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`);

/**
 * @param {unknown} error
 * @returns {string} in a few words why a request failed
 */
export function reasonOf(error) {
  const { message, cause } = /** @type {Error & { cause?: Error & { code?: string } }} */ (error);
  if (!cause) return message;
  /** @type {Record<string, string>} */
  const words = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection closed',
    UND_ERR_SOCKET: 'connection closed',
    EHOSTUNREACH: 'no route',
    ENETUNREACH: 'no route',
    ENOTFOUND: 'its name is not known',
    EAI_AGAIN: 'its name is not known',
    UND_ERR_CONNECT_TIMEOUT: 'no answer',
  };
  return words[cause.code ?? ''] ?? ([cause.code, cause.message].filter(Boolean).join(' ') || message);
}

/**
 * Asks a server for a file.
 * @param {string} url the vendor's
 * @param {{ env: NodeJS.ProcessEnv, answerMs: number, signal: AbortSignal | undefined, range?: string }} options
 * @throws {Unreachable} when it does not answer in time, or with an error
 */
async function request(url, { env, answerMs, signal, range }) {
  const to = address(url, env);
  const { host } = new URL(to);
  const stop = new AbortController();
  const outer = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', outer);
  if (signal?.aborted) outer();
  const timer = setTimeout(() => stop.abort(new Error(`no answer within ${seconds(answerMs)}`)), answerMs);
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', outer);
  };
  try {
    const response = await fetch(to, {
      // A length that is that of the file, and not of what a server compressed.
      headers: { 'accept-encoding': 'identity', ...(range && { range }) },
      signal: stop.signal,
    });
    clearTimeout(timer);
    if (!response.ok && response.status !== 416) {
      stop.abort();
      throw new Unreachable(host, `answered ${response.status} to ${new URL(to).pathname}`);
    }
    return { response, host, stop, end };
  } catch (error) {
    end();
    signal?.throwIfAborted();
    throw error instanceof Unreachable ? error : new Unreachable(host, reasonOf(error));
  }
}

/**
 * What the vendor's own file says about an archive.
 * @param {Offer} offer
 * @param {Requests} requests
 */
async function publishedChecksum({ release, archive }, { env, deadlines, signal }) {
  const url = release.from + release.checksums.replace('{name}', archive.name);
  const { response, host, stop, end } = await request(url, { env, signal, answerMs: deadlines.answerMs });
  const timer = setTimeout(() => stop.abort(new Error('it stopped in the middle')), deadlines.answerMs);
  try {
    const text = await response.text();
    const lines = text.split('\n').map((line) => line.trim().split(/\s+\*?/));
    const mine = lines.find(([sum, name]) => /^[0-9a-f]{64}$/i.test(sum ?? '') && (!name || name === archive.name));
    if (!mine) throw new Error(`${release.checksums} does not name ${archive.name}`);
    return /** @type {string} */ (mine[0]).toLowerCase();
  } catch (error) {
    signal?.throwIfAborted();
    throw new Unreachable(host, reasonOf(error));
  } finally {
    clearTimeout(timer);
    end();
  }
}

/**
 * The checksum that an archive must have: pinned, else recorded, else what the vendor's file says.
 * @param {Offer} offer
 * @param {Requests} requests
 */
async function expectedChecksum(offer, requests) {
  if (offer.archive.sha256) return offer.archive.sha256;
  if (!offer.sha256) return await publishedChecksum(offer, requests);
  // It is known; but when the vendor's file says otherwise now, the download would be for nothing.
  const published = await publishedChecksum(offer, requests).catch((error) => {
    if (error instanceof Unreachable) return offer.sha256;
    throw error;
  });
  if (published !== offer.sha256)
    throw new Refused(
      `REFUSED ${offer.archive.name}: its vendor's ${offer.release.checksums} says ${published} now, and said ${offer.sha256} when it was first used. A release does not change. If you know why this one did, remove its line from ${recordPath(requests.place)}`,
    );
  return offer.sha256;
}

/**
 * @typedef {{ place: Place, env: NodeJS.ProcessEnv, deadlines: Deadlines, signal: AbortSignal | undefined }} Requests
 * @typedef {Awaited<ReturnType<typeof request>>} Answer
 * @typedef {{ offer: Offer, sha256: string, answer: Answer }} Opened a release whose server has begun to answer; `sha256`: what it must have
 */

/** @param {string} path */
const sizeOf = (path) => (existsSync(path) ? statSync(path).size : 0);

/**
 * @param {Offer} offer
 * @param {Place} place
 */
const partPath = ({ archive }, place) => join(enginesFolder(place), `.part-${archive.name}`);

/**
 * @param {Offer} offer
 * @param {Requests} requests
 */
function ask(offer, { place, env, deadlines, signal }) {
  const from = sizeOf(partPath(offer, place));
  const range = from > 0 ? { range: `bytes=${from}-` } : {};
  return request(offer.url, { env, signal, answerMs: deadlines.answerMs, ...range });
}

/** @param {Answer} answer */
function hangUp({ end, stop }) {
  end();
  stop.abort();
}

/**
 * Begins to fetch an archive, after what an earlier try left of it.
 * @param {Offer} offer
 * @param {Requests} requests
 * @returns {Promise<Opened>}
 * @throws {Unreachable | Refused} known within the time that a server has to answer
 */
export async function openRelease(offer, requests) {
  const [checksum, answer] = await Promise.allSettled([expectedChecksum(offer, requests), ask(offer, requests)]);
  if (checksum.status === 'fulfilled' && answer.status === 'fulfilled')
    return { offer, sha256: checksum.value, answer: answer.value };
  if (answer.status === 'fulfilled') hangUp(answer.value);
  throw checksum.status === 'rejected' ? checksum.reason : /** @type {PromiseRejectedResult} */ (answer).reason;
}

/**
 * Writes what comes to the part that is there already.
 * @param {Answer} answer
 * @param {string} part
 * @param {Requests & { onBytes: (done: number, total: number) => void }} options
 * @returns {Promise<{ resumed: boolean }>}
 * @throws {Unreachable} when it breaks off, or nothing comes for long
 */
async function receive(answer, part, { deadlines, signal, onBytes }) {
  const { response, host, stop, end } = answer;
  const had = sizeOf(part);
  try {
    const range = response.headers.get('content-range') ?? '';
    if (response.status === 416) {
      // Asked for what comes after the end: either all is there, or what is there is not of this file.
      if (range === `bytes */${had}`) return { resumed: true };
      rmSync(part, { force: true });
      throw new Error('it has less than what was fetched before');
    }
    const resumed = response.status === 206 && range.startsWith(`bytes ${had}-`);
    if (response.status === 206 && !resumed) throw new Error(`it sent ${range}, not what comes after ${had}`);
    let done = resumed ? had : 0;
    const total = done + Number(response.headers.get('content-length') ?? 0);
    onBytes(done, total);
    const file = await open(part, resumed ? 'a' : 'w');
    const stalled = () => stop.abort(new Error(`nothing came for ${seconds(deadlines.stallMs)}`));
    let timer = setTimeout(stalled, deadlines.stallMs);
    try {
      for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (response.body ?? [])) {
        clearTimeout(timer);
        await file.writeFile(chunk);
        done += chunk.length;
        onBytes(done, total);
        timer = setTimeout(stalled, deadlines.stallMs);
      }
    } finally {
      clearTimeout(timer);
      await file.close();
    }
    if (total > 0 && done < total) throw new Error('it broke off');
    return { resumed };
  } catch (error) {
    signal?.throwIfAborted();
    throw new Unreachable(host, reasonOf(error) === 'terminated' ? 'it broke off' : reasonOf(error));
  } finally {
    hangUp({ ...answer, end });
  }
}

/** @param {string} path */
async function sha256Of(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Fetches the archive that has been opened, checks it, and puts its programs where `releaseProgram` finds them.
 * @param {Opened} opened
 * @param {Program[]} programs those that are wanted
 * @param {Requests & { log: (line: string) => void, onBytes: (done: number, total: number) => void }} options
 * @throws {Unreachable | Refused}
 */
export async function fetchRelease({ offer, sha256, answer }, programs, options) {
  const { place, log, signal } = options;
  const part = partPath(offer, place);
  let next = answer;
  let resumptions = 0;
  for (;;) {
    let resumed = false;
    try {
      ({ resumed } = await receive(next, part, options));
    } catch (error) {
      if (!(error instanceof Unreachable) || ++resumptions > 1) throw error;
      log(`engines: ${offer.archive.name} from ${error.host}: ${error.reason}; resuming`);
      next = await ask(offer, options);
      continue;
    }
    const actual = await sha256Of(part);
    if (actual === sha256) break;
    rmSync(part, { force: true });
    if (!resumed) throw new Refused(refusal({ offer, sha256, actual, place, host: next.host }));
    // What an earlier start left may be of another file.
    next = await ask(offer, options);
  }
  signal?.throwIfAborted();
  await unpack({ ...offer, sha256 }, programs, part, options);
  rmSync(part, { force: true });
  if (!offer.archive.sha256) record(offer.url, sha256, place);
}

/** @param {{ offer: Offer, sha256: string, actual: string, place: Place, host: string }} what */
function refusal({ offer, sha256, actual, place, host }) {
  const recorded = offer.sha256
    ? `recorded in ${recordPath(place)}`
    : `what its vendor's ${offer.release.checksums} says`;
  const source = offer.archive.sha256 ? `pinned in ${offer.lock}` : recorded;
  return `REFUSED ${offer.archive.name} from ${host}: its SHA-256 is ${actual}, not ${sha256}, ${source}. It was deleted`;
}

/**
 * @param {string} url
 * @param {string} sha256
 * @param {Place} place
 */
function record(url, sha256, place) {
  const path = recordPath(place);
  const all = { ...readJson(path, {}), [url]: sha256 };
  writeFileSync(`${path}.new`, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/**
 * @param {Offer & { sha256: string }} offer
 * @param {Program[]} programs
 * @param {string} part
 * @param {Requests} options
 */
async function unpack(offer, programs, part, { place, env, signal }) {
  const { archive, release } = offer;
  const work = join(enginesFolder(place), `.unpacking-${offer.name}`);
  const target = releaseFolder(offer, place);
  const inside = programs.map((program) => pathInArchive(offer, program));
  const run = { cwd: work, env, signal };
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    if (release.whole) {
      await runQuietly('tar', ['-xzf', part, '--no-same-owner', '--strip-components=1'], run);
      for (const path of inside) await chmod(join(work, path), 0o755);
      rmSync(target, { recursive: true, force: true });
      renameSync(work, target);
      return;
    }
    if (archive.name.endsWith('.tar.gz')) await runQuietly('tar', ['-xzf', part, '--no-same-owner', ...inside], run);
    else if (archive.name.endsWith('.zip')) await runQuietly('unzip', ['-q', '-o', part, ...inside], run);
    else renameSync(part, join(work, archive.name));
    mkdirSync(target, { recursive: true });
    for (const [index, program] of programs.entries()) {
      const path = join(work, /** @type {string} */ (inside[index]));
      await chmod(path, 0o755);
      renameSync(path, join(target, program));
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new Refused(`${archive.name} cannot be used: ${/** @type {Error} */ (error).message}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Why releases cannot be had, those with the same reason in one line.
 * @param {{ programs: Program[], error: unknown }[]} failed
 * @param {string} instead what happens now
 */
export function failures(failed, instead) {
  /** @type {Map<string, Program[]>} */
  const lines = new Map();
  for (const { programs, error } of failed) {
    const { message } = /** @type {Error} */ (error);
    lines.set(message, [...(lines.get(message) ?? []), ...programs]);
  }
  return [...lines].map(([message, programs]) => `engines: ${message}; ${instead} ${programs.join(', ')}`);
}
