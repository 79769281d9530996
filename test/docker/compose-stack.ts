/** The shipped docker-compose.yml in containers. What runs is read from that file, so that what is added to it is tested too. */
// @needs stack docker docker-compose promtool amtool
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerComposeEnvironment, type StartedDockerComposeEnvironment, Wait } from 'testcontainers';
import { readCompose } from '../../stack/compose.ts';
import { TEST_PROJECT as PROJECT } from '../../stack/docker.mjs';
import { takenPorts } from '../../stack/port-check.mjs';
import { ROOT } from '../stack-under-test.ts';

export interface ComposeService {
  readonly image: string;
  readonly build?: object;
  readonly user?: string;
  readonly restart?: string;
  readonly cap_add?: readonly string[] | null;
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly { readonly published: string }[];
}

/** What `docker inspect` says of a container, as far as it is looked at here. */
export interface Container {
  readonly Id: string;
  readonly Config: { readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly StartedAt: string;
    readonly Health?: { readonly Status: string };
  };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly ReadonlyRootfs: boolean;
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly Memory: number;
    readonly PidsLimit: number | null;
    readonly PidMode: string;
    readonly IpcMode: string;
    readonly NetworkMode: string;
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[]>>;
  };
  readonly Mounts: readonly { readonly Type: string; readonly Source: string; readonly RW: boolean }[];
}

const FILE = 'docker-compose.yml';
const HEALTHY_WITHIN_MS = 120_000;

export function docker(...words: string[]): string {
  return execFileSync('docker', words, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
const compose = (...words: string[]) => docker('compose', '--file', FILE, '--project-name', PROJECT, ...words);
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

/** The services that can run here, by name: those whose image the daemon has. */
export function servicesHere(): Readonly<Record<string, ComposeService>> {
  const { services } = JSON.parse(compose('config', '--format', 'json')) as {
    services: Record<string, ComposeService>;
  };
  const images = new Set(lines(docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}')));
  return Object.fromEntries(Object.entries(services).filter(([, { image }]) => images.has(image)));
}

/** Those that go on running. */
export const longRunning = (services: Readonly<Record<string, ComposeService>>): string[] =>
  Object.keys(services).filter((name) => services[name]?.restart !== 'no');

/** Starts the stack and waits until each container is healthy, by the check of its own or the URLs that must answer. */
export async function up(): Promise<StartedDockerComposeEnvironment> {
  const services = servicesHere();
  const ports = Object.entries(services).flatMap(([service, { ports = [] }]) =>
    ports.map(({ published }) => ({ port: Number(published), service })),
  );
  const taken = await takenPorts(ports);
  if (taken.length > 0) {
    const what = taken.map(({ port, service, holder }) => `${port} (${service}; process ${holder?.pid ?? 'unknown'})`);
    throw new Error(
      `The containers publish the ports of docker-compose.yml, and these are taken: ${what.join(', ')}. Stop what runs there (npm stop) and try again.`,
    );
  }
  const environment = new DockerComposeEnvironment(ROOT, FILE)
    .withProjectName(PROJECT)
    .withStartupTimeout(HEALTHY_WITHIN_MS);
  // docker compose does not tell what it leaves aside as x-native.
  const { services: native } = readCompose(readFileSync(join(ROOT, FILE), 'utf8'));
  for (const [name, { healthcheck, restart }] of Object.entries(services)) {
    const container = `${name}-1`;
    if (restart === 'no') continue;
    if (healthcheck) environment.withWaitStrategy(container, Wait.forHealthCheck());
    else {
      const health = native.find((one) => one.name === name)?.health;
      const [url] = health?.kind === 'http' ? health.urls : [];
      if (!url) throw new Error(`${name} has neither a health check nor a URL under x-native.ready to wait for`);
      const { pathname, port } = new URL(url);
      environment.withWaitStrategy(container, Wait.forHttp(pathname, Number(port)).forStatusCode(200));
    }
  }
  return environment.withDefaultWaitStrategy(Wait.forOneShotStartup()).up(Object.keys(services));
}

/** Removes whatever an earlier run that was killed left behind. */
export function sweep(): void {
  compose('--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '2');
}

/** Every container of the project, also of those that have ended, by service. */
export function containers(): ReadonlyMap<string, Container> {
  const ids = lines(docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${PROJECT}`));
  const found = ids.length === 0 ? [] : (JSON.parse(docker('inspect', ...ids)) as Container[]);
  return new Map(found.map((one) => [one.Config.Labels['com.docker.compose.service'] ?? '', one]));
}

/** Containers, volumes and networks of the project. */
export function leftovers(): string[] {
  const filter = ['--filter', `label=com.docker.compose.project=${PROJECT}`, '--quiet'];
  return (['container ls --all', 'volume ls', 'network ls'] as const).flatMap((list) =>
    lines(docker(...list.split(' '), ...filter)).map((id) => `${list}: ${id}`),
  );
}

/** The users that a container's processes run as, by number. */
export const processUsers = (service: string): string[] => [
  ...new Set(
    lines(docker('top', `${PROJECT}-${service}-1`, '-eo', 'uid,pid'))
      .slice(1)
      .map((line) => line.trim().split(/\s+/)[0] ?? ''),
  ),
];

/**
 * SIGKILL of a container's first process, as an accident. `docker kill` will not do: it also tells the daemon that somebody wants the
 * container stopped. The signal comes from a container that sees the daemon's processes, wherever that runs.
 */
export function killProcess(service: string, image: string): void {
  const pid = containers().get(service)?.State.Pid;
  if (!pid) throw new Error(`${service} has no process to kill`);
  const isolated = ['--pid', 'host', '--network', 'none', '--user', '0', '--pull', 'never', '--entrypoint', 'node'];
  docker('run', '--rm', ...isolated, image, '-e', `process.kill(${pid}, 'SIGKILL')`);
}

/** A file of a container. */
export const readFileOf = (service: string, path: string): string =>
  docker('exec', `${PROJECT}-${service}-1`, 'cat', path).trim();
