import { isAbsolute, join } from 'node:path';
import type { Build, Compose, ComposeService, Condition, HealthCheck, Program } from './compose.ts';

/** A configuration file or folder to copy into the state folder, its text mapped by {@link mapText}. */
export interface ConfigCopy {
  from: string;
  to: string;
}

/** From what a container sees to what this machine has. */
export interface Mapping {
  /** Container path and native path, longest container path first. */
  paths: [container: string, native: string][];
  /** Every port of the compose file and the service that listens on it. */
  ports: Map<number, string>;
  portOffset: number;
}

/** What must be there before a service can start, and may have to be built or fetched first. */
export type Need = Exclude<Program, 'node'> | Build;

export interface ServicePlan {
  name: string;
  /** What people read. */
  title: string;
  needs: Need[];
  /** Absent: nothing is run, the service is healthy when its check holds. */
  program?: Program;
  /** Program and arguments. For postgres `argv[0]` is the word `postgres`: its path is found when it starts. */
  argv: string[];
  environment: Record<string, string>;
  cwd: string;
  /** Folders that must exist, readable by their owner only: the named volumes. */
  folders: string[];
  copies: ConfigCopy[];
  mapping: Mapping;
  health?: HealthCheck;
  dependsOn: Record<string, Condition>;
  restart: boolean;
  stopGraceMs: number;
  ports: { container: number; host: number }[];
}

export interface PlanOptions {
  /** The repository; what containers see as /app. */
  root: string;
  /** The folder of everything that the run writes; absolute. */
  state: string;
  /** Added to every port, so that several stacks can run side by side. */
  portOffset: number;
  nodePath: string;
  /** Absolute path of a built engine. */
  enginePath(program: Exclude<Program, 'node' | 'postgres'>): string;
  /** Only these services and what they depend on, whatever their profile; when absent all that {@link profiles} leaves. */
  services?: string[];
  /** Services of a profile run only when it is named here. */
  profiles?: string[];
  /** Per service, values that replace or join those of the compose file; in its terms, so mapped like them. */
  environment?: Record<string, Record<string, string>>;
}

/** Says, without touching anything, how each service of the compose file runs on this machine, in the file's order. */
export function planStack(compose: Compose, options: PlanOptions): ServicePlan[] {
  const { root, state, portOffset } = options;
  if (!isAbsolute(root) || !isAbsolute(state)) throw new Error('root and state must be absolute paths');
  const ports = new Map(compose.services.flatMap(({ name, ports }) => ports.map((port) => [port, name] as const)));
  const highest = Math.max(0, ...ports.keys());
  if (!Number.isInteger(portOffset) || portOffset < 0 || highest + portOffset > 65_535) {
    throw new Error(`the port offset must be a whole number from 0 to ${65_535 - highest}`);
  }
  for (const name of Object.keys(options.environment ?? {})) find(compose, name);
  return selected(compose, options).map((service) => {
    const copied = service.mounts.filter((mount) => isConfiguration(service, mount.readOnly) && mount.kind === 'bind');
    const target = (path: string) => join(state, 'config', service.name, path);
    const native = (mount: ComposeService['mounts'][number]) => {
      if (copied.includes(mount)) return target(mount.target);
      return mount.kind === 'bind' ? join(root, mount.source) : join(state, mount.source);
    };
    const paths = service.mounts.map((mount): [string, string] => [mount.target, native(mount)]);
    if (service.program === 'node') paths.push(['/app', root]);
    paths.sort(([a], [b]) => b.length - a.length);
    const mapping: Mapping = { paths, ports, portOffset };
    const map = (key: string, value: string) => mapText(value, mapping, `${service.name}: ${key}`);

    const own = new Set(service.ports);
    const command = service.command.map((arg) =>
      /^\d+$/.test(arg) && own.has(Number(arg)) ? String(Number(arg) + portOffset) : map('command', arg),
    );
    const environment = { ...service.environment, ...options.environment?.[service.name] };
    return {
      name: service.name,
      title: service.title,
      needs: [...(service.program && service.program !== 'node' ? [service.program] : []), ...service.needs],
      ...(service.program && { program: service.program }),
      argv: argv(service.program, command, options),
      environment: Object.fromEntries(
        Object.entries(environment).map(([key, value]) => [key, map(`environment.${key}`, value)]),
      ),
      cwd: service.program && service.workingDir ? map('working_dir', service.workingDir) : state,
      folders: service.mounts.filter(({ kind }) => kind === 'volume').map(native),
      copies: copied.map((mount) => ({ from: join(root, mount.source), to: native(mount) })),
      mapping,
      ...(service.health && { health: mapHealth(service.health, portOffset, map) }),
      dependsOn: service.dependsOn,
      restart: service.restart,
      stopGraceMs: service.stopGraceMs,
      ports: service.ports.map((container) => ({ container, host: container + portOffset })),
    };
  });
}

// A Node service reads the repository itself; what is mounted into the other servers is their configuration.
function isConfiguration(service: ComposeService, readOnly: boolean): boolean {
  return readOnly && service.program !== 'node';
}

function argv(program: Program | undefined, command: string[], options: PlanOptions): string[] {
  if (!program) return [];
  if (program === 'node') return [options.nodePath, ...command.slice(1)];
  return program === 'postgres' ? command : [options.enginePath(program), ...command];
}

function mapHealth(health: HealthCheck, portOffset: number, map: (key: string, value: string) => string): HealthCheck {
  if (health.kind === 'http') return { ...health, urls: health.urls.map((url) => map('health check', url)) };
  return { ...health, port: health.port + portOffset };
}

const HOST = String.raw`(?<![\w.-])(0\.0\.0\.0|127\.0\.0\.1|localhost|[a-z][a-z0-9-]*):(\d{2,5})(?!\d)`;
const PORT_KEY = /(?<=^|[\s{,])((?:\w*_)?port["']?: *["']?)(\d{2,5})(?!\d)/gm;

/**
 * Maps one text (an argument, a value, a whole configuration file) from the container's view to this machine's:
 * mounted paths, `service:port`, `0.0.0.0:port` and `127.0.0.1:port` (to 127.0.0.1), `localhost:port` (stays localhost),
 * keys such as `http_listen_port: 3200`, and the bare listening address `0.0.0.0` (to 127.0.0.1). Only ports that the
 * compose file names are touched.
 * @throws when a URL names a service with a port that is not in that service's `ports` or `expose`; `where` is named
 */
export function mapText(text: string, mapping: Mapping, where: string): string {
  const { ports, portOffset, paths } = mapping;
  const services = new Set(ports.values());
  const withPorts = text
    .replace(new RegExp(HOST, 'g'), (whole, host: string, digits: string, at: number) => {
      const port = Number(digits);
      const owner = ports.get(port);
      if (services.has(host)) {
        if (owner === host) return `127.0.0.1:${port + portOffset}`;
        if (!/[/@]/.test(text[at - 1] ?? '')) return whole;
        throw new Error(`${where}: names ${whole}, but port ${port} is not in ports or expose of ${host}`);
      }
      const loopback = host === 'localhost' || host === '127.0.0.1' || host === '0.0.0.0';
      if (!loopback || !owner) return whole;
      return `${host === 'localhost' ? host : '127.0.0.1'}:${port + portOffset}`;
    })
    .replace(PORT_KEY, (whole, key: string, digits: string) =>
      ports.has(Number(digits)) ? `${key}${Number(digits) + portOffset}` : whole,
    )
    .replace(/(?<![\w.])0\.0\.0\.0(?![\w./:])/g, '127.0.0.1');
  if (paths.length === 0) return withPorts;
  const containerPath = paths.map(([path]) => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const native = new Map(paths);
  return withPorts.replace(
    new RegExp(`(?<=^|[\\s"'=:,([{])(${containerPath})(?=$|[/\\s"',;)\\]}])`, 'gm'),
    (path) => native.get(path)!,
  );
}

function find(compose: Compose, name: string): ComposeService {
  const service = compose.services.find((one) => one.name === name);
  if (service) return service;
  throw new Error(`there is no service ${name}: known are ${compose.services.map((one) => one.name).join(', ')}`);
}

function selected(
  compose: Compose,
  { services: names, profiles = [] }: Pick<PlanOptions, 'services' | 'profiles'>,
): ComposeService[] {
  const known = new Set(compose.services.flatMap((service) => service.profiles));
  const unknown = profiles.find((profile) => !known.has(profile));
  if (unknown !== undefined) {
    throw new Error(`there is no profile ${unknown}: known are ${[...known].join(', ') || 'none'}`);
  }
  if (!names) {
    return compose.services.filter(
      (service) => service.profiles.length === 0 || service.profiles.some((profile) => profiles.includes(profile)),
    );
  }
  const wanted = new Set<string>();
  const want = (name: string) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const on of Object.keys(find(compose, name).dependsOn)) want(on);
  };
  for (const name of names) want(name);
  return compose.services.filter(({ name }) => wanted.has(name));
}
