import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  engineCacheFolders,
  engineOrigins,
  engineProgram,
  ensureEngines,
  type Program,
  type Progress,
  progressWords,
  recipeFolder,
} from './engines.mjs';
import { releases } from './release.mjs';
import { fileOf, makeReleases, type ReleaseServer, serveReleases } from './release-server.ts';
import { fakeGo } from './testing/fake-go.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PROGRAMS = ['prometheus', 'promtool', 'alertmanager', 'collector', 'tempo', 'docker-compose', 'k6'] as const;
const PLATFORM = 'linux-amd64';
const MAC = 'darwin-arm64';

let made: string;
let folder: string;
let env: NodeJS.ProcessEnv;
let served: string;
let lock: string;
let server: ReleaseServer | undefined;
let asked: { path: string; range: string | undefined }[];
let lines: string[];

beforeAll(() => {
  made = mkdtempSync(join(tmpdir(), 'releases-'));
  // What cannot be compressed, so that an archive has a middle to be cut in.
  const ballast = randomBytes(1_500_000);
  mkdirSync(join(made, 'programs'));
  for (const name of PROGRAMS)
    writeFileSync(
      join(made, 'programs', name),
      Buffer.concat([Buffer.from(`#!/bin/sh\necho "this is ${name}"\nexit\n`), ballast]),
    );
  for (const platform of [PLATFORM, MAC]) makeReleases(join(made, 'programs'), join(made, platform), { platform });
});

afterAll(() => rmSync(made, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'release-'));
  cpSync(join(ROOT, 'engines'), join(folder, 'recipes'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  served = join(folder, 'served');
  cpSync(join(made, PLATFORM), served, { recursive: true });
  lock = join(served, 'releases.json');
  env = { HOME: join(folder, 'home'), PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, CLINIC_RELEASES_LOCK: lock };
  fakeGo(folder, { build: 'echo built > "$out"' });
  asked = [];
  lines = [];
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const place = () => ({ env, recipes: join(folder, 'recipes'), platform: PLATFORM });

async function serve(
  first: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Promise<void> {
  server = await serveReleases(served, {
    first: (request, response) => {
      asked.push({ path: request.url ?? '', range: request.headers.range });
      return first(request, response);
    },
  });
  env.CLINIC_RELEASES_URL = server.url;
}

type Options = NonNullable<Parameters<typeof ensureEngines>[1]>;

const ensure = (programs: Program[], options: Options = {}): Promise<void> =>
  ensureEngines(programs, {
    ...place(),
    log: (line) => lines.push(line),
    usualGoFolders: [],
    deadlines: { answerMs: 500, stallMs: 500 },
    ...options,
  });

const origin = (program: Program) => engineOrigins(place()).find((one) => one.program === program)?.origin;
const said = () => lines.join('\n');
const archive = (release: string) => {
  const { from, archives } = releases(place())[release]!;
  return fileOf(served, from + archives[PLATFORM]!.name);
};
const left = () =>
  existsSync(join(folder, 'home/.cache/clinic-observability/engines'))
    ? readdirSync(join(folder, 'home/.cache/clinic-observability/engines')).filter((name) => name.startsWith('.'))
    : [];

/** Sends a file up to its half, and then `end`s. */
function half(path: string, response: ServerResponse, end: (response: ServerResponse) => void): true {
  const bytes = readFileSync(path);
  response.writeHead(200, { 'content-length': bytes.length });
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => setTimeout(() => end(response), 50));
  return true;
}

/** What the cached part of an archive amounts to. */
const partOf = (name: string) => join(folder, 'home/.cache/clinic-observability/engines', `.part-${name}`);

test('a good archive: only what is wanted of it is unpacked, runs, and is not fetched again', async () => {
  await serve();
  const seen: [Program, Progress][] = [];
  await ensure(['prometheus', 'collector', 'docker-compose', 'k6'], {
    onProgress: (program, progress) => seen.push([program, progress]),
  });
  for (const program of ['prometheus', 'collector', 'docker-compose', 'k6'] as const) {
    expect(readFileSync(engineProgram(program, place()))).toEqual(readFileSync(join(made, 'programs', program)));
    expect(execFileSync(engineProgram(program, place()), { encoding: 'utf8' })).toBe(`this is ${program}\n`);
  }
  expect(() => engineProgram('promtool', place())).toThrow('npm run engines -- promtool');
  expect(origin('collector')).toBe('release v0.159.0');
  expect(said()).toMatch(/engines: collector from the release v0\.159\.0 of 127\.0\.0\.1:\d+ \(\d+ MB, \d+s\)/);
  expect(said()).toContain(`the checksums of releases are those of ${lock}`);
  expect(left()).toEqual([]);

  const words = seen.filter(([program]) => program === 'prometheus').map(([, progress]) => progressWords(progress));
  expect(words[0]).toBe('waiting');
  expect(words).toContain('downloading 100 %');
  expect(words.at(-1)).toBe('ready');

  const before = asked.length;
  await ensure(['prometheus', 'collector']);
  expect(asked).toHaveLength(before);
});

test('one that is there is told of while the others still come', async () => {
  const order: string[] = [];
  const statuses: string[] = [];
  await serve((request, response) => {
    if (!request.url?.includes('otelcol')) return false;
    const bytes = readFileSync(archive('collector'));
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 1000));
    const goOn = setInterval(() => {
      if (!order.includes('tempo ready') || !statuses.some((line) => line.startsWith('1/2'))) return;
      clearInterval(goOn);
      response.end(bytes.subarray(1000));
    }, 20);
    return true;
  });
  await ensure(['collector', 'tempo'], {
    deadlines: { answerMs: 3_000, stallMs: 30_000 },
    status: (line) => statuses.push(line),
    onProgress: (program, { phase }) => phase === 'ready' && order.push(`${program} ${phase}`),
  });
  expect(statuses.join('\n')).toMatch(/1\/2 servers ready after \d+s; collector: downloading 0 %/);
  expect(order).toEqual(['tempo ready', 'collector ready']);
});

test('a wrong checksum: refused in plain words, deleted, built from source', async () => {
  await serve();
  writeFileSync(archive('collector'), 'not what it was');
  await ensure(['collector', 'tempo']);
  expect(said()).toMatch(
    /REFUSED otelcol-contrib_0\.159\.0_linux_amd64\.tar\.gz from 127\.0\.0\.1:\d+: its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}, pinned in \S+\. It was deleted; building from source: collector/,
  );
  expect(readFileSync(engineProgram('collector', place()), 'utf8')).toBe('built\n');
  expect(origin('collector')).toBe('built from source');
  expect(origin('tempo')).toBe('release v2.10.8');
  expect(left()).toEqual([]);
});

test('a mirror does not change what engines/releases.json pins', async () => {
  delete env.CLINIC_RELEASES_LOCK;
  await serve();
  await ensure(['collector']);
  expect(said()).toContain('9d589f6349f01179957a2052bc7307a99db2efc971e14e00575941a77122eaaf, pinned in');
  expect(origin('collector')).toBe('built from source');
});

test('cut in the middle: the rest is fetched, and the whole is right', async () => {
  let cut = false;
  await serve((request, response) => {
    if (cut || !request.url?.includes('tempo')) return false;
    cut = true;
    return half(archive('tempo'), response, () => response.destroy());
  });
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('release v2.10.8');
  expect(readFileSync(engineProgram('tempo', place()))).toEqual(readFileSync(join(made, 'programs/tempo')));
  expect(asked.map(({ range }) => range)).toEqual([
    undefined,
    `bytes=${Math.floor(statSync(archive('tempo')).size / 2)}-`,
  ]);
  expect(said()).toMatch(/tempo_2\.10\.8_linux_amd64\.tar\.gz from 127\.0\.0\.1:\d+: connection closed; resuming/);
});

test('cut again and again: built from source, and the next start goes on where the download ended', async () => {
  let whole = false;
  await serve((request, response) => {
    if (whole || request.headers.range) {
      if (!whole) response.destroy();
      return !whole;
    }
    return half(archive('tempo'), response, () => response.destroy());
  });
  await ensure(['tempo']);
  expect(said()).toMatch(/127\.0\.0\.1:\d+: connection closed; building from source: tempo/);
  expect(origin('tempo')).toBe('built from source');
  const part = statSync(partOf('tempo_2.10.8_linux_amd64.tar.gz')).size;
  rmSync(recipeFolder('tempo', place()), { recursive: true });
  whole = true;
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('release v2.10.8');
  expect(asked.at(-1)?.range).toBe(`bytes=${part}-`);
});

test('a part of another file is thrown away', async () => {
  await serve();
  await ensure(['k6']);
  writeFileSync(partOf('tempo_2.10.8_linux_amd64.tar.gz'), 'of another file');
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('release v2.10.8');
  expect(asked.slice(-2).map(({ range }) => range)).toEqual(['bytes=15-', undefined]);
});

test('a server that knows no ranges: anew from the start', async () => {
  let cut = false;
  await serve((_, response) => {
    if (!cut) {
      cut = true;
      return half(archive('tempo'), response, () => response.destroy());
    }
    response.end(readFileSync(archive('tempo')));
    return true;
  });
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('release v2.10.8');
});

test.each([404, 403, 500])('%i: built from source, the others come as releases', async (status) => {
  await serve((request, response) => {
    if (!request.url?.includes('tempo')) return false;
    response.writeHead(status).end('no');
    return true;
  });
  await ensure(['tempo', 'collector']);
  expect(said()).toMatch(
    new RegExp(`127\\.0\\.0\\.1:\\d+: answered ${status} to \\S+tempo_2\\.10\\.8\\S+; building from source: tempo`),
  );
  expect([origin('tempo'), origin('collector')]).toEqual(['built from source', 'release v0.159.0']);
});

test('a server that accepts and says nothing: known within the deadline, in one line for all', async () => {
  await serve(() => true);
  const started = performance.now();
  await ensure(['tempo', 'collector', 'alertmanager'], { deadlines: { answerMs: 300, stallMs: 60_000 } });
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(lines.filter((line) => line.includes('no answer within 300 ms'))).toHaveLength(1);
  expect(said()).toMatch(/no answer within 300 ms; building from source: tempo, collector, alertmanager/);
  expect(origin('tempo')).toBe('built from source');
});

test('a download that stalls is resumed once, then built', async () => {
  await serve((request, response) => {
    if (!request.headers.range) return half(archive('tempo'), response, () => {});
    const { size } = statSync(archive('tempo'));
    const start = Number(/\d+/.exec(request.headers.range)?.[0]);
    response.writeHead(206, { 'content-range': `bytes ${start}-${size - 1}/${size}`, 'content-length': size - start });
    response.flushHeaders();
    return true;
  });
  await ensure(['tempo']);
  expect(asked).toHaveLength(2);
  expect(said()).toMatch(
    /nothing came for 500 ms; resuming[\s\S]*nothing came for 500 ms; building from source: tempo/,
  );
  expect(origin('tempo')).toBe('built from source');
});

test('no route: built from source, and without Go it says what to install', async () => {
  await serve();
  await server?.close();
  await ensure(['tempo']);
  expect(said()).toMatch(/127\.0\.0\.1:\d+: connection refused; building from source: tempo/);
  expect(origin('tempo')).toBe('built from source');

  rmSync(join(folder, 'bin/go'));
  await expect(ensure(['k6'])).rejects.toThrow(/No Go tool chain was found\.[\s\S]*docker compose up/);
});

test('a name that is not known', async () => {
  env.CLINIC_RELEASES_URL = 'http://mirror.invalid';
  await ensure(['tempo'], { deadlines: { answerMs: 10_000, stallMs: 500 } });
  expect(said()).toContain('mirror.invalid: its name is not known; building from source: tempo');
});

test('HTTPS_PROXY is used, and one that refuses is no reason to wait', async () => {
  delete env.CLINIC_RELEASES_URL;
  const connects: string[] = [];
  const proxy: Server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      connects.push(bytes.toString().split('\r\n')[0]!);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  try {
    env.HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    await ensure(['tempo'], { deadlines: { answerMs: 10_000, stallMs: 500 } });
  } finally {
    proxy.close();
  }
  expect(connects[0]).toBe('CONNECT github.com:443 HTTP/1.1');
  expect(said()).toMatch(/github\.com: .*; building from source: tempo/);
});

/** As a vendor's release is for which engines/releases.json pins nothing. */
function unpin(): void {
  const pinned = releases(place());
  for (const { archives } of Object.values(pinned)) for (const one of Object.values(archives)) delete one.sha256;
  writeFileSync(lock, JSON.stringify(pinned));
}

test('where nothing is pinned, what the vendor says is recorded, and a later change is refused', async () => {
  unpin();
  await serve();
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('release v2.10.8');
  const record = join(folder, 'home/.cache/clinic-observability/engines/checksums.json');
  const [[url, sha256] = ['', '']] = Object.entries(JSON.parse(readFileSync(record, 'utf8')) as Record<string, string>);
  expect(url).toBe('https://github.com/grafana/tempo/releases/download/v2.10.8/tempo_2.10.8_linux_amd64.tar.gz');

  for (const { path } of engineCacheFolders(place()).filter(({ holds }) => holds === 'servers of this version'))
    rmSync(path, { recursive: true });
  const sums = fileOf(served, releases(place()).tempo!.from + releases(place()).tempo!.checksums);
  writeFileSync(sums, `${'0'.repeat(64)}  tempo_2.10.8_linux_amd64.tar.gz\n`);
  await ensure(['tempo']);
  expect(said()).toMatch(
    new RegExp(
      `REFUSED tempo_2\\.10\\.8\\S+: its vendor's SHA256SUMS says 0{64} now, and said ${sha256} when it was first used\\..* remove its line from \\S+checksums\\.json; building from source: tempo`,
    ),
  );
  expect(origin('tempo')).toBe('built from source');
});

test('the vendor may take its checksum file away, not change the archive', async () => {
  unpin();
  await serve();
  await ensure(['tempo']);
  const kept = () => engineCacheFolders(place()).filter(({ holds }) => holds === 'servers of this version');
  for (const { path } of kept()) rmSync(path, { recursive: true });
  rmSync(fileOf(served, releases(place()).tempo!.from + releases(place()).tempo!.checksums));
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('release v2.10.8');
  for (const { path } of kept()) rmSync(path, { recursive: true });
  writeFileSync(archive('tempo'), 'another');
  await ensure(['tempo']);
  expect(said()).toMatch(/REFUSED tempo_2\.10\.8.*recorded in \S+checksums\.json\. It was deleted/);
});

test('a checksum file that does not name the archive', async () => {
  unpin();
  await serve();
  writeFileSync(
    fileOf(served, releases(place()).tempo!.from + releases(place()).tempo!.checksums),
    '<html>sign in</html>\n',
  );
  await ensure(['tempo']);
  expect(said()).toContain('SHA256SUMS does not name tempo_2.10.8_linux_amd64.tar.gz; building from source: tempo');
});

test('offline asks nobody: what is in the cache is used, the rest is built from what Go has', async () => {
  await serve();
  await ensure(['tempo']);
  const before = asked.length;
  fakeGo(folder, { build: 'echo "$GOPROXY $GOTOOLCHAIN" > "$out"' });
  mkdirSync(join(folder, 'modules/cache/download'), { recursive: true });
  await ensure(['tempo', 'k6'], { source: 'cache' });
  expect(asked).toHaveLength(before);
  expect(origin('tempo')).toBe('release v2.10.8');
  expect(readFileSync(engineProgram('k6', place()), 'utf8')).toBe(
    `file://${join(folder, 'modules/cache/download')},off local\n`,
  );
});

test('offline without what it needs says how to get it', async () => {
  fakeGo(folder, { build: 'echo "x@v1: module lookup disabled by GOPROXY=off" >&2; exit 1' });
  await expect(ensure(['tempo'], { source: 'cache' })).rejects.toThrow(
    /--offline forbids it now\. Run the same once without/,
  );
  await expect(ensure(['grafana'], { source: 'cache' })).rejects.toThrow(
    'grafana cannot be built from source here, and the release cannot be had',
  );
});

test('from source: a release that is there does not do, and what was built stays the one that runs', async () => {
  await serve();
  await ensure(['tempo']);
  const before = asked.length;
  await ensure(['tempo'], { source: 'source' });
  expect(asked).toHaveLength(before);
  expect(origin('tempo')).toBe('built from source');
  await ensure(['tempo']);
  expect(origin('tempo')).toBe('built from source');
});

test('two at once download once', async () => {
  await serve();
  const ready: string[] = [];
  const onProgress: Options['onProgress'] = (program, { phase }) => phase === 'ready' && ready.push(program);
  await Promise.all([ensure(['tempo', 'k6'], { onProgress }), ensure(['tempo'], { onProgress })]);
  expect(asked.filter(({ path }) => path.includes('tempo'))).toHaveLength(1);
  expect(said()).toContain(`process ${process.pid} is getting servers already; waiting for it`);
  expect(ready.sort()).toEqual(['k6', 'tempo', 'tempo']);
});

test('an interruption ends the download and keeps its part', async () => {
  await serve((_, response) => half(archive('tempo'), response, () => {}));
  const stop = new AbortController();
  const ensuring = ensure(['tempo'], { signal: stop.signal, deadlines: { answerMs: 3_000, stallMs: 60_000 } });
  ensuring.catch(() => {});
  const part = partOf('tempo_2.10.8_linux_amd64.tar.gz');
  await expect.poll(() => existsSync(part) && statSync(part).size > 0, { timeout: 10_000 }).toBe(true);
  stop.abort(new Error('stopped by hand'));
  await expect(ensuring).rejects.toThrow('stopped by hand');
  expect(origin('tempo')).toBeUndefined();
  expect(left()).toEqual(['.part-tempo_2.10.8_linux_amd64.tar.gz']);
});

test('for macOS, k6 is unpacked from a zip', async () => {
  cpSync(join(made, MAC), served, { recursive: true });
  const mac = { ...place(), platform: MAC };
  await serve();
  await ensure(['k6'], { platform: MAC });
  expect(asked.at(-1)?.path).toContain('k6-v1.8.1-macos-arm64.zip');
  expect(readFileSync(engineProgram('k6', mac))).toEqual(readFileSync(join(made, 'programs/k6')));
});

test('what may be deleted outside the clone, with its size', async () => {
  await serve();
  await ensure(['tempo']);
  const engines = join(folder, 'home/.cache/clinic-observability/engines');
  mkdirSync(join(engines, 'tempo-of-another-version'));
  const folders = engineCacheFolders(place());
  expect(folders.map(({ holds }) => holds).sort()).toEqual(['servers of other versions', 'servers of this version']);
  expect(folders.find(({ holds }) => holds === 'servers of this version')?.bytes).toBeGreaterThan(400_000);
});
