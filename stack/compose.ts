import { parse } from 'yaml';
import { z } from 'zod';

/** The programs that can stand for an image: this Node, the PostgreSQL of the machine, or a server built from engines/. */
export const programs = ['node', 'postgres', 'tempo', 'alertmanager', 'prometheus', 'collector'] as const;
export type Program = (typeof programs)[number];

/** What is built from this repository before a service can run: the clinic's pages, or the dashboards' app. */
export const builds = ['pages', 'dashboards'] as const;
export type Build = (typeof builds)[number];

export type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';

/** A mount: `source` is a path relative to the repository (`kind` bind) or the name of a volume. */
export interface Mount {
  kind: 'bind' | 'volume';
  source: string;
  target: string;
  readOnly: boolean;
}

/** How to see that a service is healthy: every URL answers 200, or PostgreSQL accepts connections (`pg_isready`). */
export type HealthCheck =
  | { kind: 'http'; urls: string[]; withinMs: number }
  | { kind: 'postgres'; port: number; user: string; withinMs: number };

/** What the native run uses of one service; every value as it is written in the file, still in terms of the container. */
export interface ComposeService {
  name: string;
  /** What people read; the name where the file gives no other. */
  title: string;
  needs: Build[];
  /** Absent: nothing is run, the service only waits until its health check holds. */
  program?: Program;
  command: string[];
  environment: Record<string, string>;
  workingDir?: string;
  mounts: Mount[];
  /** Ports of `ports` and `expose`, those of `ports` first. */
  ports: number[];
  dependsOn: Record<string, Condition>;
  health?: HealthCheck;
  restart: boolean;
  stopGraceMs: number;
  /** Runs only when one of these is chosen; always when there are none. */
  profiles: string[];
}

export interface Compose {
  services: ComposeService[];
  /** Names of the volumes. */
  volumes: string[];
}

/** The compose file cannot be run natively; the message names every service and key at fault. */
export class ComposeError extends Error {
  override name = 'ComposeError';
}

const DEFAULT_STOP_GRACE_MS = 10_000;
const DEFAULT_HEALTHY_WITHIN_MS = 120_000;

const duration = z
  .string()
  .regex(/^(\d+(ms|s|m|h))+$/, 'must be a duration such as 2s or 1m30s')
  .transform((text) => {
    const unit: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
    return [...text.matchAll(/(\d+)(ms|s|m|h)/g)].reduce((sum, [, n, u]) => sum + Number(n) * unit[u!]!, 0);
  });

// Compose replaces ${NAME} before anything else sees it; the native run does not, and must not pass it on as text.
const text = z
  .string()
  .refine((value) => !value.replaceAll('$$', '').includes('$'), {
    error: 'holds a $, which Docker would interpolate and the native run does not: write $$ for a dollar sign',
  })
  .transform((value) => value.replaceAll('$$', '$'));
const scalar = z.union([text, z.number().transform(String), z.boolean().transform(String)], {
  error: 'must be text, a number or true/false, with no $ in it',
});

const portNumber = z.number().int().min(1).max(65_535);
const publishedPort = z
  .string()
  .regex(
    /^127\.0\.0\.1:(\d+):\1$/,
    'must be "127.0.0.1:PORT:PORT" with the same port twice, published to loopback only',
  )
  .transform((value) => Number(value.split(':')[2]))
  .pipe(portNumber);
const exposedPort = z.string().regex(/^\d+$/, 'must be a port number as text').transform(Number).pipe(portNumber);

const mount = z
  .string()
  .regex(/^(\.{0,2}\/?[\w.@/-]+):(\/[\w./-]*)(:ro)?$/, 'must be "./path:/target[:ro]" or "volume:/target[:ro]"')
  .transform((value): Mount => {
    const [source, target, mode] = value.split(':');
    return {
      kind: /^[./]/.test(source!) ? 'bind' : 'volume',
      source: source!,
      target: target!.replace(/(?<=.)\/$/, ''),
      readOnly: mode === 'ro',
    };
  });

const healthcheck = z.strictObject({
  test: z.tuple([z.literal('CMD')], text),
  interval: duration.optional(),
  timeout: duration.optional(),
  retries: z.number().int().positive().optional(),
  start_period: duration.optional(),
});

const nativeOptions = {
  title: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .optional(),
  program: z.enum(programs).optional(),
  needs: z.array(z.enum(builds)).default([]),
  ready: z
    .array(z.url({ protocol: /^http$/ }))
    .min(1)
    .optional(),
  // For a program that is not what the image holds but does its work.
  command: z.array(scalar).min(1).optional(),
  environment: z.record(z.string(), scalar).optional(),
  working_dir: z.string().startsWith('/').optional(),
};

const service = z.strictObject({
  command: z.array(scalar).default([]),
  environment: z.record(z.string(), scalar).default({}),
  working_dir: z.string().startsWith('/').optional(),
  volumes: z.array(mount).default([]),
  ports: z.array(publishedPort).default([]),
  expose: z.array(exposedPort).default([]),
  depends_on: z
    .record(
      z.string(),
      z
        .strictObject({ condition: z.enum(['service_started', 'service_healthy', 'service_completed_successfully']) })
        .transform(({ condition }): Condition => condition),
    )
    .default({}),
  healthcheck: healthcheck.optional(),
  restart: z.enum(['no', 'unless-stopped'], { error: 'must be "no" or "unless-stopped"' }).default('no'),
  stop_grace_period: duration.default(DEFAULT_STOP_GRACE_MS),
  profiles: z.array(z.string().regex(/^[a-zA-Z0-9][\w.-]*$/)).default([]),
  'x-native': z.strictObject(nativeOptions, {
    error: (issue) => (issue.input === undefined ? 'is missing: give it a program or ready URLs' : undefined),
  }),
  // What only containers need. Any key that is not named here is refused, so that the two runs cannot drift unseen.
  ...Object.fromEntries(
    [
      ...['image', 'build', 'pull_policy', 'platform', 'init', 'user', 'read_only', 'tmpfs', 'cap_drop', 'cap_add'],
      ...['security_opt', 'pids_limit', 'logging', 'mem_limit', 'cpus', 'shm_size', 'ulimits', 'labels'],
    ].map((key) => [key, z.unknown().optional()]),
  ),
});

const composeFile = z.object({
  services: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), service),
  volumes: z.record(z.string(), z.unknown()).default({}),
});

/**
 * Reads the compose file's text and checks all of it that the native run uses.
 * @throws {ComposeError} naming every service and key at fault
 */
export function readCompose(yaml: string): Compose {
  let document: unknown;
  try {
    document = parse(yaml, { merge: true });
  } catch (error) {
    throw new ComposeError(`docker-compose.yml is not valid YAML: ${(error as Error).message}`);
  }
  const parsed = composeFile.safeParse(document);
  if (!parsed.success) throw failure(parsed.error.issues.map(describe));

  const problems: string[] = [];
  const all = Object.entries(parsed.data.services).map(([name, raw]): ComposeService => {
    const native = raw['x-native'];
    if (!native.program && !native.ready) problems.push(`${name}: x-native: needs a program or ready URLs`);
    const health = native.ready
      ? { kind: 'http' as const, urls: native.ready, withinMs: healthyWithin(raw.healthcheck) }
      : raw.healthcheck && nativeCheck(raw.healthcheck);
    if (raw.healthcheck && !health) {
      problems.push(
        `${name}: healthcheck.test: is neither pg_isready with -U and -p nor names an http URL, so it cannot be run natively`,
      );
    }
    const command = native.command ?? raw.command;
    const workingDir = native.working_dir ?? raw.working_dir;
    if ((native.program === 'node' || native.program === 'postgres') && command[0] !== native.program) {
      problems.push(`${name}: command: must begin with "${native.program}", its x-native.program`);
    }
    for (const { kind, source } of raw.volumes) {
      if (kind === 'volume' && !Object.hasOwn(parsed.data.volumes, source)) {
        problems.push(`${name}: volumes: the volume ${source} is not declared under the top-level volumes`);
      }
    }
    return {
      name,
      title: native.title ?? name,
      needs: native.needs,
      ...(native.program && { program: native.program }),
      command,
      environment: native.environment ?? raw.environment,
      ...(workingDir && { workingDir }),
      mounts: raw.volumes,
      ports: [...new Set([...raw.ports, ...raw.expose])],
      dependsOn: raw.depends_on,
      ...(health && { health }),
      restart: raw.restart === 'unless-stopped',
      stopGraceMs: raw.stop_grace_period,
      profiles: raw.profiles,
    };
  });

  problems.push(...sharedTitles(all), ...sharedPorts(all), ...wrongDependencies(all));
  if (problems.length > 0) throw failure(problems);
  return { services: all, volumes: Object.keys(parsed.data.volumes) };
}

type RawHealthCheck = z.infer<typeof healthcheck>;

function healthyWithin(check: RawHealthCheck | undefined): number {
  if (!check?.interval || !check.retries) return DEFAULT_HEALTHY_WITHIN_MS;
  return check.interval * check.retries + (check.start_period ?? 0);
}

function nativeCheck(check: RawHealthCheck): HealthCheck | undefined {
  const [, program, ...args] = check.test;
  const withinMs = healthyWithin(check);
  if (program === 'pg_isready') {
    const option = (flag: string) => args[args.indexOf(flag) + 1] ?? '';
    const [user, port] = [option('-U'), Number(option('-p'))];
    return args.includes('-U') && args.includes('-p') && port > 0
      ? { kind: 'postgres', port, user, withinMs }
      : undefined;
  }
  const urls = args.flatMap((arg) => arg.match(/http:\/\/[^\s'"`]+/g) ?? []);
  return urls.length > 0 ? { kind: 'http', urls, withinMs } : undefined;
}

function sharedTitles(services: ComposeService[]): string[] {
  return services.flatMap(({ name, title }) =>
    services.some((other) => other.name !== name && (other.name === title || other.title === title))
      ? [`${name}: x-native.title: another service is called ${title}`]
      : [],
  );
}

function sharedPorts(services: ComposeService[]): string[] {
  const owner = new Map<number, string>();
  return services.flatMap(({ name, ports }) =>
    ports.flatMap((port) => {
      const other = owner.get(port);
      owner.set(port, name);
      return other
        ? [`${name}: ports/expose: port ${port} is already used by ${other}; natively both share one host`]
        : [];
    }),
  );
}

function wrongDependencies(services: ComposeService[]): string[] {
  const byName = new Map(services.map((one) => [one.name, one]));
  const problems = services.flatMap(({ name, dependsOn, profiles }) =>
    Object.entries(dependsOn).flatMap(([on, condition]) => {
      const target = byName.get(on);
      if (!target) return [`${name}: depends_on: there is no service ${on}`];
      if (
        target.profiles.length > 0 &&
        (profiles.length === 0 || !profiles.every((one) => target.profiles.includes(one)))
      ) {
        return [`${name}: depends_on: ${on} runs in the profile ${target.profiles.join(', ')} only`];
      }
      if (condition === 'service_healthy' && !target.health) {
        return [`${name}: depends_on.${on}: waits for service_healthy, but ${on} has no health check`];
      }
      return [];
    }),
  );
  if (problems.length > 0) return problems;
  const done = new Set<string>();
  const visit = (name: string, path: string[]): string[] => {
    if (path.includes(name)) return [`${name}: depends_on: goes in a circle: ${[...path, name].join(' -> ')}`];
    if (done.has(name)) return [];
    const found = Object.keys(byName.get(name)!.dependsOn).flatMap((on) => visit(on, [...path, name]));
    done.add(name);
    return found;
  };
  return services.flatMap(({ name }) => visit(name, []));
}

function describe(issue: z.core.$ZodIssue): string {
  const [section, name, ...key] = issue.path.map(String);
  const place =
    section === 'services' && name ? [name, key.join('.')].filter(Boolean).join(': ') : (section ?? 'the file');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.join(', ');
    return key[0] === 'x-native'
      ? `${place}: unknown key ${keys}: known are ${Object.keys(nativeOptions).join(', ')}`
      : `${place}: unknown key ${keys}: the native run does not know it and would not follow it`;
  }
  return `${place}: ${issue.message}`;
}

function failure(problems: string[]): ComposeError {
  return new ComposeError(`docker-compose.yml cannot be run:\n${problems.map((line) => `  ${line}`).join('\n')}`);
}
