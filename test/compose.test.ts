/** What `docker compose` itself makes of docker-compose.yml, and the hardening that every service of it must have. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { engineProgram } from '../stack/engines.mjs';

interface Service {
  readonly image: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly restart?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly { readonly host_ip?: string; readonly target: number; readonly published: string }[];
}

let services: Readonly<Record<string, Service>>;

beforeAll(() => {
  const output = execFileSync(
    engineProgram('docker-compose'),
    ['-f', 'docker-compose.yml', 'config', '--format', 'json'],
    {
      cwd: resolve(import.meta.dirname, '..'),
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    },
  );
  services = (JSON.parse(output) as { services: Record<string, Service> }).services;
});

const each = (check: (service: Service, name: string) => boolean) =>
  Object.entries(services).flatMap(([name, service]) => (check(service, name) ? [] : [name]));

describe('docker-compose.yml', () => {
  test('is accepted and holds the stack', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining(['clinic-api', 'collector', 'pager', 'postgres', 'prometheus']),
    );
  });

  test('publishes to 127.0.0.1 only, each port under its own number', () => {
    const ports = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(
      ports.filter(({ host_ip, target, published }) => host_ip !== '127.0.0.1' || String(target) !== published),
    ).toEqual([]);
    expect(new Set(ports.map(({ target }) => target)).size).toBe(ports.length);
  });

  test('gives no service privileges, a writable root, new privileges or unbounded memory', () => {
    const hard = (service: Service) =>
      service.read_only === true &&
      service.privileged !== true &&
      service.user !== 'root' &&
      (service.cap_drop ?? []).includes('ALL') &&
      (service.security_opt ?? []).includes('no-new-privileges:true') &&
      service.mem_limit !== undefined;
    expect(each(hard)).toEqual([]);
  });

  test('adds a capability to none', () => {
    expect(each((service) => service.cap_add === undefined)).toEqual([]);
  });

  test('checks the health of every service that goes on running, of two by the probe', () => {
    const unchecked = Object.entries(services).flatMap(([name, { healthcheck, restart }]) =>
      healthcheck || restart === 'no' ? [] : [name],
    );
    expect(unchecked).toEqual(['collector', 'tempo']);
    const probe = services.probe?.healthcheck?.test.join(' ') ?? '';
    for (const name of unchecked) expect(probe).toContain(`//${name}:`);
  });

  test('pins every image', () => {
    expect(each(({ image }) => /:v?\d+(\.\d+)*/.test(image) && !image.endsWith(':latest'))).toEqual([]);
  });
});
