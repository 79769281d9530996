// A server of releases, as a company's mirror is one: archives made from programs that lie in a folder. For measuring a first
// start and for the tests:
//   node stack/release-server.ts FOLDER-OF-PROGRAMS [--port N]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { type Place, platformOf } from './engine-place.mjs';
import { type Release, releases } from './release.mjs';

/**
 * Makes the archives of those releases of which there is a program in `programs`, with their checksum files, each where the vendor has
 * it: `folder/<host>/<path>`.
 * @returns the path of a list of releases like engines/releases.json that pins what was made (CLINIC_RELEASES_LOCK)
 */
export function makeReleases(programs: string, folder: string, place: Place = {}): string {
  const platform = platformOf(place);
  const made: Record<string, Release> = {};
  mkdirSync(folder, { recursive: true });
  for (const [name, release] of Object.entries(releases(place))) {
    const archive = release.archives[platform];
    const present = Object.entries(release.programs).filter(([program]) => existsSync(join(programs, program)));
    if (!archive || release.whole || present.length === 0) continue;
    const stem = archive.name.replace(/\.(tar\.gz|zip)$/, '');
    const target = fileOf(folder, release.from + archive.name);
    mkdirSync(dirname(target), { recursive: true });
    const work = mkdtempSync(join(folder, '.work-'));
    const inside = present.map(([program, path]) => {
      const within = path.replace('{archive}', stem);
      mkdirSync(dirname(join(work, within)), { recursive: true });
      copyFileSync(join(programs, program), join(work, within));
      return within;
    });
    const options = { cwd: work };
    if (archive.name.endsWith('.tar.gz'))
      execFileSync('tar', ['--use-compress-program=gzip -1', '-cf', target, ...inside], options);
    else if (archive.name.endsWith('.zip')) execFileSync('zip', ['-q', target, ...inside], options);
    else copyFileSync(join(work, stem), target);
    rmSync(work, { recursive: true });
    const sha256 = createHash('sha256').update(readFileSync(target)).digest('hex');
    const sums = fileOf(folder, release.from + release.checksums.replace('{name}', archive.name));
    writeFileSync(sums, `${sha256}  ${archive.name}\n`);
    made[name] = { ...release, archives: { [platform]: { name: archive.name, sha256 } } };
  }
  const lock = join(folder, 'releases.json');
  writeFileSync(lock, `${JSON.stringify(made, null, 2)}\n`);
  return lock;
}

export function fileOf(folder: string, url: string): string {
  const { host, pathname } = new URL(url);
  return join(folder, host, pathname);
}

export interface ReleaseServer {
  /** For CLINIC_RELEASES_URL. */
  url: string;
  close: () => Promise<void>;
}

/**
 * Serves a folder that `makeReleases` filled.
 * @param first is asked first, and answers the request itself when it returns true
 */
export async function serveReleases(
  folder: string,
  {
    port = 0,
    first = () => false,
  }: { port?: number; first?: (request: IncomingMessage, response: ServerResponse) => boolean } = {},
): Promise<ReleaseServer> {
  const server = createServer((request, response) => {
    if (first(request, response)) return;
    const path = join(folder, normalize(new URL(request.url ?? '/', 'http://localhost').pathname));
    if (!existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const { size } = statSync(path);
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start >= size && start > 0) {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
      return;
    }
    const range = start > 0 ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': size - start, ...range });
    createReadStream(path, { start }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { port: { type: 'string' } } });
  const [programs] = positionals;
  if (!programs || positionals.length > 1) {
    console.error('usage: node stack/release-server.ts FOLDER-OF-PROGRAMS [--port N]');
    process.exit(2);
  }
  const folder = mkdtempSync(join(tmpdir(), 'releases-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
  const lock = makeReleases(programs, folder);
  const { url } = await serveReleases(folder, { port: Number(values.port ?? 0) });
  console.log(
    `Serving ${Object.keys(releases({ env: { CLINIC_RELEASES_LOCK: lock } })).join(', ')}. In another terminal:`,
  );
  console.log(`export CLINIC_RELEASES_URL=${url} CLINIC_RELEASES_LOCK=${lock}`);
}
