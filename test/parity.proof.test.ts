/**
 * What `docker compose` runs and what `npm start` runs are the same: services, commands, mounts, environment, ports, health, order. Both
 * are read as they are about to be done, from the one compose file; what may differ is said there, under `x-native`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readCompose } from '../stack/compose.ts';
import { engineProgram } from '../stack/engines.mjs';
import { planStack, type ServicePlan } from '../stack/plan.ts';

interface Container {
  readonly command: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly working_dir?: string;
  readonly volumes?: readonly { type: string; source: string; target: string; read_only?: boolean }[];
  readonly ports?: readonly { host_ip?: string; target: number; published: string }[];
  readonly expose?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { test: readonly string[]; interval?: string; retries?: number };
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly profiles?: readonly string[];
}
interface Native {
  readonly program?: string;
  readonly ready?: readonly string[];
  readonly skip?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly working_dir?: string;
}

const ROOT = join(import.meta.dirname, '..');
const STATE = '/native/state';
const { PATH, HOME } = process.env;
const { services: containers, volumes } = JSON.parse(
  execFileSync(
    engineProgram('docker-compose'),
    ['-f', 'docker-compose.yml', '--profile', '*', 'config', '--format', 'json'],
    { cwd: ROOT, env: { PATH, HOME }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  ),
  // What it prints is a compose file again, in which a dollar sign is two.
  (_key, value: unknown) => (typeof value === 'string' ? value.replaceAll('$$', '$') : value),
) as { services: Record<string, Container>; volumes: Record<string, { name: string }> };

const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
// `docker compose` does not print an x-key that comes from an anchor.
const declared = parse(text, { merge: true }) as { services: Record<string, { 'x-native'?: Native }> };
const nativeOf = (name: string): Native => declared.services[name]?.['x-native'] ?? {};
const compose = readCompose(text);
const plans = planStack(compose, {
  root: ROOT,
  state: STATE,
  portOffset: 0,
  nodePath: '/native/node',
  enginePath: (program) => `/native/${program}`,
  profiles: [...new Set(compose.services.flatMap(({ profiles }) => profiles))],
});

const names = Object.keys(containers).join('|');
/** Where a service listens or connects, without saying by which name: `web:8080`, `0.0.0.0:8080` and `127.0.0.1:8080` are `*:8080`. */
const place = (text: string) =>
  text.replace(
    new RegExp(`(?<![\\w.-])(${names}|0\\.0\\.0\\.0|127\\.0\\.0\\.1|localhost):(\\d{2,5})(?!\\d)`, 'g'),
    '*:$2',
  );
/** A native text in the container's terms. */
function contained(text: string, { mapping }: ServicePlan): string {
  const longestFirst = [...mapping.paths].sort(([, a], [, b]) => b.length - a.length);
  return place(longestFirst.reduce((all, [container, native]) => all.replaceAll(native, container), text));
}
const seconds = (text = '0s') =>
  [...text.matchAll(/(\d+)(h|m|s)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * { h: 3600, m: 60, s: 1 }[unit!]!,
    0,
  );
const addresses = (words: readonly string[]) =>
  words.flatMap((word) => word.match(/http:\/\/[^\s'"`]+/g) ?? []).map(place);

test('the same services', () => {
  expect(plans.map(({ name }) => name).sort()).toEqual(Object.keys(containers).sort());
});

test('a service that Docker starts only with a profile is one of a profile natively', () => {
  for (const { name, profiles } of compose.services)
    expect([name, profiles]).toEqual([name, containers[name]?.profiles ?? []]);
});

describe.each(plans.map((plan) => [plan.name, plan, containers[plan.name]!] as const))('%s', (name, plan, image) => {
  const native = nativeOf(name);
  // A program that does the image's work in another way has its own command and settings; the rest is the image's.
  const { command, environment, working_dir } = native;
  const container = command ? { ...image, command, environment, working_dir } : image;

  test('command', () => {
    if (!native.program) return expect(plan.argv).toEqual([]);
    const [program, ...args] = plan.argv.map((word) => contained(word, plan));
    const words = (container.command ?? []).map(place);
    if (native.program === 'node') {
      expect(program).toBe('/native/node');
      expect(words[0]).toBe('node');
      expect(contained(plan.cwd, plan)).toBe(container.working_dir);
    } else if (native.program === 'postgres') expect([program, words[0]]).toEqual(['postgres', 'postgres']);
    else expect(program).toBe(`/native/${native.program}`);
    // The image of a server has the program as its entrypoint.
    expect(args).toEqual(['node', 'postgres'].includes(native.program) ? words.slice(1) : words);
  });

  test('environment', () => {
    const inContainer = Object.entries(container.environment ?? {}).map(([key, value]) => [key, place(value ?? '')]);
    const natively = Object.entries(plan.environment).map(([key, value]) => [key, contained(value, plan)]);
    expect(Object.fromEntries(natively)).toEqual(Object.fromEntries(inContainer));
  });

  test('mounts', () => {
    const places = new Map(plan.mapping.paths);
    const found = (container.volumes ?? []).map(({ type, source, target }) => {
      const path = places.get(target);
      if (type === 'volume') {
        expect(Object.keys(volumes)).toContain(source);
        expect([target, path, plan.folders.includes(path ?? '')]).toEqual([target, join(STATE, source), true]);
      } else {
        const copy = plan.copies.find(({ to }) => to === path);
        expect([target, copy?.from ?? path]).toEqual([target, source]);
      }
      return target;
    });
    const more = native.program === 'node' ? ['/app'] : [];
    expect([...places.keys()].sort()).toEqual([...found, ...more].sort());
  });

  test('ports', () => {
    const published = (container.ports ?? []).map(({ target, published, host_ip }) => {
      expect([host_ip, published]).toEqual(['127.0.0.1', String(target)]);
      return target;
    });
    const all = [...published, ...(container.expose ?? []).map(Number)].sort();
    expect(plan.ports.map(({ container }) => container).sort()).toEqual(all);
    expect(plan.ports.map(({ host }) => host).sort()).toEqual(all);
  });

  test('health', () => {
    const check = container.healthcheck;
    const { health } = plan;
    if (!check) {
      expect(health?.kind === 'http' ? health.urls.map(place) : undefined).toEqual(native.ready?.map(place));
      // Its image has nothing to check it with: another service does, at the same address.
      for (const url of native.ready ?? []) {
        const checkedBy = Object.values(containers).filter(({ healthcheck }) =>
          healthcheck?.test.join(' ').includes(url),
        );
        expect([url, checkedBy.length]).toEqual([url, 1]);
      }
      return;
    }
    expect(health?.withinMs).toBe(seconds(check.interval) * 1_000 * check.retries!);
    if (health?.kind === 'postgres') {
      expect(check.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
      expect(check.test.join(' ')).toContain(`-U ${health.user} `);
      expect(check.test.join(' ')).toMatch(new RegExp(`-p ${health.port}$`));
    } else expect(health?.urls.map(place)).toEqual(addresses(check.test));
  });

  test('what it waits for, and how it is started again and stopped', () => {
    const conditions = Object.entries(container.depends_on ?? {}).map(([on, { condition }]) => [on, condition]);
    expect(plan.dependsOn).toEqual(Object.fromEntries(conditions));
    expect(plan.restart).toBe(container.restart === 'unless-stopped');
    expect(plan.stopGraceMs).toBe(seconds(container.stop_grace_period ?? '10s') * 1_000);
  });
});
