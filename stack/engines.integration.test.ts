import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  duration,
  engineProgram,
  ensureEngines,
  type Progress,
  RECIPES,
  recipeFolder,
  secondsLeft,
} from './engines.mjs';
import { findProgram, searchPath } from './program.mjs';
import { fakeGo } from './testing/fake-go.ts';

const ROOT = resolve(import.meta.dirname, '..');

let folder: string;
let recipes: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engines-'));
  recipes = join(folder, 'recipes');
  cpSync(join(ROOT, 'engines'), recipes, { recursive: true });
  mkdirSync(join(folder, 'bin'));
  env = { HOME: join(folder, 'home'), PATH: `${join(folder, 'bin')}:/usr/bin:/bin` };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const calls = (): string[] => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
const options = () => ({ env, recipes, usualGoFolders: [], log: () => {}, source: 'source' as const });

test('a program has another place when its recipe changes, and only then', () => {
  const before = recipeFolder('tempo', { env, recipes });
  writeFileSync(join(recipes, 'tempo/README.md'), 'words');
  expect(recipeFolder('tempo', { env, recipes })).toBe(before);
  appendFileSync(join(recipes, 'tempo/go.sum'), 'one more line\n');
  const after = recipeFolder('tempo', { env, recipes });
  expect(after).not.toBe(before);
  appendFileSync(join(recipes, 'tempo/main.go'), '// a comment\n');
  expect(recipeFolder('tempo', { env, recipes })).not.toBe(after);
});

test('XDG_CACHE_HOME says where, when it is an absolute path', () => {
  const at = (cache: string) => recipeFolder('tempo', { env: { ...env, XDG_CACHE_HOME: cache }, recipes });
  expect(at('/caches')).toMatch(/^\/caches\/clinic-observability\/engines\/tempo-[0-9a-f]{12}$/);
  expect(at('caches')).toMatch(/\/home\/\.cache\/clinic-observability\/engines\/tempo-/);
});

test('a program that has not been built is an error that says what to run', () => {
  expect(() => engineProgram('amtool', { env, recipes })).toThrow('npm run engines -- amtool');
});

test('without Go it says what to install, or to use Docker', async () => {
  const building = ensureEngines(['tempo'], { ...options(), env: { ...env, PATH: '' } });
  await expect(building).rejects.toThrow(/No Go tool chain was found[\s\S]*Go 1\.26 or newer[\s\S]*docker compose up/);
});

test('a Go that is too old is named', async () => {
  fakeGo(folder, { version: 'go1.19.8', build: 'exit 1' });
  await expect(ensureEngines(['tempo'], options())).rejects.toThrow(
    /bin\/go will not do: go version go1\.19\.8[\s\S]*Go 1\.26/,
  );
});

test('what has been built is found, and is not built again', async () => {
  fakeGo(folder, { build: 'echo built > "$out"' });
  await ensureEngines(['prometheus', 'promtool', 'tempo'], options());
  for (const program of ['prometheus', 'promtool', 'tempo'] as const) {
    expect(readFileSync(engineProgram(program, { env, recipes }), 'utf8')).toBe('built\n');
  }
  await ensureEngines(['promtool', 'tempo'], options());
  expect(calls()).toHaveLength(3);
});

test('two that build at the same time build once', async () => {
  fakeGo(folder, { build: 'sleep 0.3; echo built > "$out"' });
  await Promise.all([ensureEngines(['tempo'], options()), ensureEngines(['tempo'], options())]);
  expect(calls()).toHaveLength(1);
});

test('nothing is written to the recipes, whatever go does in its folder', async () => {
  const before = readFileSync(join(recipes, 'tempo/go.mod'), 'utf8');
  fakeGo(folder, { build: 'echo rewritten > go.mod; echo built > "$out"' });
  await ensureEngines(['tempo'], options());
  expect(readFileSync(join(recipes, 'tempo/go.mod'), 'utf8')).toBe(before);
});

test('a build that fails shows what go printed and leaves nothing that looks built', async () => {
  fakeGo(folder, {
    build: 'echo half > "$out"; echo "go: downloading x v1" >&2; echo "./main.go:7:2: undefined: x" >&2; exit 1',
  });
  await expect(ensureEngines(['tempo'], options())).rejects.toThrow(
    /exit code 1\.\n {2}\.\/main\.go:7:2: undefined: x\n/,
  );
  expect(() => engineProgram('tempo', { env, recipes })).toThrow('is not there yet');
  expect(readdirSync(join(folder, 'home/.cache/clinic-observability/engines'))).toEqual([]);
});

test.each([
  ['write /x/b001: no space left on device', /The disk is full\. .* about 8 GB/],
  ['go: x@v1.0.0: dial tcp: lookup proxy: no such host', /could not be fetched\. Check the network/],
  ['verifying x@v1.0.0: checksum mismatch', /differs from the one that go\.sum pins/],
  ['compile: signal: killed', /not enough memory/],
])('%s: says what to do', async (printed, said) => {
  fakeGo(folder, { build: `echo '${printed}' >&2; exit 1` });
  await expect(ensureEngines(['tempo'], options())).rejects.toThrow(said);
});

test('an interrupted build ends its go and leaves nothing', async () => {
  const [ready, ended] = [join(folder, 'ready'), join(folder, 'ended')];
  fakeGo(folder, {
    build: `trap 'echo > ${ended}; exit 1' INT; echo half > "$out"; echo > ${ready}; while :; do sleep 0.05; done`,
  });
  const stop = new AbortController();
  const building = ensureEngines(['tempo'], { ...options(), signal: stop.signal });
  building.catch(() => {});
  await expect.poll(() => existsSync(ready), { timeout: 10_000 }).toBe(true);
  stop.abort(new Error('stopped by hand'));
  await expect(building).rejects.toThrow('stopped by hand');
  expect(existsSync(ended)).toBe(true);
  expect(readdirSync(join(folder, 'home/.cache/clinic-observability/engines'))).toEqual([]);
}, 20_000);

test('a build takes what a running clinic leaves', async () => {
  fakeGo(folder, { build: 'sleep 0.3; nice > "$out"' });
  await ensureEngines(['tempo'], options());
  expect(readFileSync(engineProgram('tempo', { env, recipes }), 'utf8')).toBe('10\n');
});

const GO = findProgram(['go'], [...searchPath(process.env), '/usr/local/go/bin', '/opt/homebrew/bin']);

/** Recipes of programs that only need what comes with Go. */
function smallRecipe(name: string, main: string): void {
  rmSync(join(recipes, name), { recursive: true });
  mkdirSync(join(recipes, name));
  writeFileSync(join(recipes, name, 'go.mod'), `module ${name}\n\ngo 1.26\n`);
  writeFileSync(join(recipes, name, 'go.sum'), '');
  writeFileSync(join(recipes, name, 'main.go'), `package main\n\nimport "os"\n\nfunc main() { ${main} }\n`);
}

test.skipIf(!GO)(
  'Go itself: a failed build is gone on with, what two programs share is compiled once, only the programs stay',
  async () => {
    env.PATH = `${dirname(GO!)}:/usr/bin:/bin`;
    const cache = join(folder, 'home/.cache/clinic-observability');
    const seen = new Map<string, Progress>();
    const onProgress = (program: string, progress: Progress) => {
      if (progress.phase === 'building') seen.set(program, progress);
    };
    smallRecipe('tempo', 'os.Stdout.WriteString(1)');
    smallRecipe('collector', 'os.Stdout.WriteString("two\\n")');
    await expect(ensureEngines(['tempo'], { ...options(), onProgress })).rejects.toThrow(
      /main\.go:5:\d+: cannot use 1/,
    );
    const first = seen.get('tempo')!;
    expect(first.total).toBeGreaterThan(20);
    expect(first.done).toBe(first.total);
    expect(readdirSync(cache)).toContain('go');

    smallRecipe('tempo', 'os.Stdout.WriteString("one\\n")');
    await ensureEngines(['tempo', 'collector'], { ...options(), onProgress });
    // What was at work when it failed, and the program itself.
    const totals = [...seen.values()].map(({ total }) => total).sort((a, b) => a - b);
    expect(totals[0]).toBe(1);
    expect(totals[1]).toBeLessThanOrEqual(1 + availableParallelism());
    expect(execFileSync(engineProgram('collector', { env, recipes }), { encoding: 'utf8' })).toBe('two\n');
    expect(readdirSync(cache)).toEqual(['engines']);
    expect(existsSync(join(folder, 'home/.cache/go-build'))).toBe(false);
    expect(existsSync(join(folder, 'home/go/pkg/mod/cache/download'))).toBe(false);
  },
  300_000,
);

test('the time left follows the speed that is seen', () => {
  const jobs = [{ seconds: 400, done: 0.5 }];
  expect(secondsLeft({ jobs: [{ ...jobs[0]!, done: 0 }], elapsed: 0, cores: 4 })).toBe(100);
  // 200 of 400 seconds' work took 600 s: a third of a core, so the rest takes as long, whatever the cores promise.
  expect(secondsLeft({ jobs, elapsed: 600, cores: 4 })).toBeGreaterThan(350);
  // After a minute, within a quarter of what it is at a speed that stays, on a machine that is busy or not.
  for (const speed of [0.5, 1, 2]) {
    const left = (400 - 60 * speed) / speed;
    const estimate = secondsLeft({ jobs: [{ seconds: 400, done: (60 * speed) / 400 }], elapsed: 60, cores: 2 });
    expect(Math.abs(estimate / left - 1)).toBeLessThan(0.25);
  }
  expect(duration(59.6)).toBe('1m00s');
});

test('versions are those of docker-compose.yml, and those that the recipes pin', () => {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { image: string }>;
  };
  const tag = (service: string) => services[service]?.image.split(':')[1];
  const pinned = (recipe: string, module: string) => {
    const mod = readFileSync(join(ROOT, 'engines', recipe, 'go.mod'), 'utf8');
    return mod
      .split('\n')
      .find((line) => line.trim().startsWith(`${module} v`))
      ?.trim()
      .split(' ')[1];
  };
  const manifest = parse(readFileSync(join(ROOT, 'engines/collector/manifest.yaml'), 'utf8')) as {
    dist: { version: string };
  };
  const version = (recipe: string) => RECIPES[recipe]?.version;

  expect(tag('prometheus')).toBe(`v${version('prometheus')}`);
  // Prometheus' Go module v0.313.5 is release 3.13.5.
  const [, release = '', minor = '', patch = ''] =
    /^v0\.(\d)(\d\d)\.(\d+)$/.exec(pinned('prometheus', 'github.com/prometheus/prometheus') ?? '') ?? [];
  expect(`${release}.${Number(minor)}.${patch}`).toBe(version('prometheus'));

  expect(tag('alertmanager')).toBe(`v${version('alertmanager')}`);
  expect(pinned('alertmanager', 'github.com/prometheus/alertmanager')).toBe(`v${version('alertmanager')}`);

  expect(tag('collector')).toBe(version('collector'));
  expect(manifest.dist.version).toBe(version('collector'));
  expect(pinned('collector', 'go.opentelemetry.io/collector/service')).toBe(`v${version('collector')}`);

  expect(pinned('compose', 'github.com/docker/compose/v2')).toBe(`v${version('compose')}`);
  expect(pinned('k6', 'go.k6.io/k6')).toBe(`v${version('k6')}`);
  expect(pinned('versitygw', 'github.com/versity/versitygw')).toBe(`v${version('versitygw')}`);
  // The exception: newer Tempos cannot be built from modules (engines/README.md).
  expect(tag('tempo')).toBe('2.10.8');
  expect(pinned('tempo', 'github.com/grafana/tempo')).toContain('1dc1bfe7085b');
});

test('the Collector holds the components that its configuration uses', () => {
  const manifest = parse(readFileSync(join(ROOT, 'engines/collector/manifest.yaml'), 'utf8')) as Record<
    string,
    { gomod: string }[]
  >;
  const config = parse(readFileSync(join(ROOT, 'collector/config.yaml'), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
  for (const kind of ['receivers', 'processors', 'exporters', 'extensions']) {
    const built = (manifest[kind] ?? []).map(({ gomod }) =>
      gomod
        .split(' ')[0]!
        .split('/')
        .at(-1)!
        .replace(/(receiver|processor|exporter|extension)$/, ''),
    );
    const used = Object.keys(config[kind] ?? {}).map((id) => id.split('/')[0]!.replaceAll('_', ''));
    expect([kind, [...new Set(used)].filter((name) => !built.includes(name))]).toEqual([kind, []]);
  }
});
