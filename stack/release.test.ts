import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { RECIPES } from './engines.mjs';
import { offerOf, releases } from './release.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const env = { HOME: '/nowhere' };

test('the releases are of the versions that are built, and of those that docker-compose.yml runs', () => {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { image: string }>;
  };
  for (const [name, { version, from, archives }] of Object.entries(releases({ env }))) {
    const image = services[name]?.image.split(':')[1]?.replace(/^v/, '');
    if (image) expect([name, version]).toEqual([name, image]);
    // The exception: newer Tempos cannot be built from modules (engines/README.md).
    if (RECIPES[name] && name !== 'tempo') expect([name, version]).toEqual([name, RECIPES[name].version]);
    for (const archive of Object.values(archives)) expect(from + archive.name).toContain(version);
  }
});

test('every archive comes over TLS from its vendor, and pins are SHA-256 sums, no two the same', () => {
  const pins = Object.values(releases({ env })).flatMap(({ from, archives }) => {
    expect(from).toMatch(/^https:\/\/(github|dl\.grafana)\.com\/\S+\/$/);
    return Object.values(archives).flatMap(({ sha256 }) => sha256 ?? []);
  });
  expect(pins.filter((pin) => !/^[0-9a-f]{64}$/.test(pin))).toEqual([]);
  expect(new Set(pins).size).toBe(pins.length);
});

test.each(['linux-amd64', 'linux-arm64', 'darwin-amd64', 'darwin-arm64'])('%s: what has a release', (platform) => {
  const programs = Object.values(RECIPES).flatMap((recipe) => Object.keys(recipe.programs)) as (keyof typeof offers)[];
  const offers = Object.fromEntries(
    programs.map((program) => [program, offerOf(program, { env, platform })?.url]),
  ) as Record<Parameters<typeof offerOf>[0], string | undefined>;
  const without = programs.filter((program) => !offers[program]);
  // Tempo's vendor makes none for macOS.
  expect(without).toEqual(platform.startsWith('darwin') ? ['tempo'] : []);
  expect(offers.promtool).toBe(offers.prometheus);
  expect(offerOf('grafana', { env, platform })?.url).toContain(platform);
});

test('a list of releases that is not there is an error that says why', () => {
  expect(() => releases({ env: { CLINIC_RELEASES_LOCK: '/nowhere/releases.json' } })).toThrow(
    '/nowhere/releases.json is missing, which CLINIC_RELEASES_LOCK names',
  );
});
