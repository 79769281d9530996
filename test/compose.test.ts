/** The hardening that every service of docker-compose.yml must have. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

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
  /** `ADDRESS:PUBLISHED:TARGET`. */
  readonly ports?: readonly string[];
}

const { services } = parse(readFileSync(resolve(import.meta.dirname, '../docker-compose.yml'), 'utf8'), {
  merge: true,
}) as { services: Readonly<Record<string, Service>> };

const each = (check: (service: Service, name: string) => boolean) =>
  Object.entries(services).flatMap(([name, service]) => (check(service, name) ? [] : [name]));

describe('docker-compose.yml', () => {
  test('holds the stack', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining(['clinic-api', 'collector', 'pager', 'postgres', 'prometheus']),
    );
  });

  test('publishes to 127.0.0.1 only, each port under its own number', () => {
    const ports = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(ports.length).toBeGreaterThan(5);
    expect(ports.filter((port) => !/^127\.0\.0\.1:(\d+):\1$/.test(port))).toEqual([]);
    expect(new Set(ports).size).toBe(ports.length);
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
    expect(unchecked.sort()).toEqual(['collector', 'tempo']);
    const probe = services.probe?.healthcheck?.test.join(' ') ?? '';
    for (const name of unchecked) expect(probe).toContain(`//${name}:`);
  });

  test('pins every image', () => {
    expect(each(({ image }) => /:v?\d+(\.\d+)*/.test(image) && !image.endsWith(':latest'))).toEqual([]);
  });
});
