/** What `docker compose` makes of docker-compose.yml with compose.production.yml, as docs/production.md says to run it. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { engineProgram } from '../stack/engines.mjs';

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly target: number; readonly published: string }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[];
  readonly secrets?: readonly { readonly source: string }[];
  readonly depends_on?: object;
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly cpus?: number;
}
interface Project {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file?: string; readonly environment?: string }>>;
}

const ROOT = join(import.meta.dirname, '..');
const EXAMPLE = join(ROOT, 'production.env.example');

function config(envFile: string, ...more: string[]): string {
  const files = ['-f', 'docker-compose.yml', '-f', 'compose.production.yml'];
  const { PATH, HOME } = process.env;
  return execFileSync(
    engineProgram('docker-compose'),
    ['--env-file', envFile, ...files, 'config', '--format', 'json', ...more],
    // What is set outside wins over the file: a shell that has the visitors of a local run chosen does not bring them here.
    {
      cwd: ROOT,
      env: { PATH, HOME, COMPOSE_PROFILES: 'traffic' },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    },
  );
}

let text: string;
let project: Project;
beforeAll(() => {
  text = config(EXAMPLE);
  project = JSON.parse(text) as Project;
});
const each = (check: (service: Service, name: string) => boolean) =>
  Object.entries(project.services).flatMap(([name, service]) => (check(service, name) ? [] : [name]));

test('a warning of docker compose would be seen, and there is none', () => {
  expect(
    execFileSync(
      'sh',
      [
        '-c',
        '"$0" "$@" 2>&1 >/dev/null',
        engineProgram('docker-compose'),
        '--env-file',
        EXAMPLE,
        '-f',
        'docker-compose.yml',
        '-f',
        'compose.production.yml',
        'config',
        '-q',
      ],
      { cwd: ROOT, encoding: 'utf8' },
    ),
  ).toBe('');
});

describe('in production', () => {
  test('only the proxy is published', () => {
    expect(each(({ ports = [] }, name) => (name === 'proxy' ? ports.length === 2 : ports.length === 0))).toEqual([]);
    expect(project.services.proxy?.ports?.map(({ published }) => published)).toEqual(['443', '80']);
  });

  test('nothing that is made up runs', () => {
    expect(Object.keys(project.services)).not.toContain('traffic');
    expect(project.services.secrets?.command).toEqual(['node', '-e', '']);
    expect(Object.keys(project.services)).not.toContain('mailbox');
    expect(project.services['clinic-api']?.environment).toMatchObject({ NODE_ENV: 'production' });
    expect(project.services.migrate?.environment).toMatchObject({ SEED_CLIENTS: '0' });
    expect(text).not.toContain('demo_password');
  });

  test('whoever is signed in to is told by the proxy where a browser is', () => {
    for (const name of ['clinic-api', 'sentinel'])
      expect([name, project.services[name]?.environment?.PROXIES]).toEqual([name, '1']);
  });

  test('every secret is a file, which those mount that use it', () => {
    for (const [name, secret] of Object.entries(project.secrets))
      expect([name, secret.file]).toEqual([name, join(ROOT, 'secrets', name)]);
    const mounted = ({ volumes = [] }: Service) => volumes.some(({ target }) => target === '/run/secrets');
    expect(each((service, name) => name === 'secrets' || !mounted(service))).toEqual([]);
    for (const [name, { environment = {}, secrets = [] }] of Object.entries(project.services)) {
      const used = Object.values(environment).flatMap((value) => value.match(/(?<=\/run\/secrets\/)\w+/g) ?? []);
      const configured =
        name === 'alertmanager' ? readFileSync(join(ROOT, 'alertmanager/alertmanager.production.yml'), 'utf8') : '';
      const files = [...used, ...(configured.match(/(?<=\/run\/secrets\/)\w+/g) ?? [])];
      if (name === 'proxy')
        files.push(...(readFileSync(join(ROOT, 'proxy/Caddyfile'), 'utf8').match(/(?<=\/run\/secrets\/)\w+/g) ?? []));
      expect([name, [...new Set(files)].sort()]).toEqual([name, secrets.map(({ source }) => source).sort()]);
    }
    const given = new Set(
      Object.values(project.services).flatMap(({ secrets = [] }) => secrets.map(({ source }) => source)),
    );
    expect([...given].sort()).toEqual(Object.keys(project.secrets).sort());
  });

  test('no value looks like a secret, and the content of the files stays out', () => {
    const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const canary = randomUUID();
    for (const name of Object.keys(project.secrets)) writeFileSync(join(folder, name), canary);
    const envFile = join(folder, 'env');
    writeFileSync(envFile, readFileSync(EXAMPLE, 'utf8').replace(/^SECRETS_FOLDER=.*$/m, `SECRETS_FOLDER=${folder}`));
    const output = config(envFile);
    expect(output).toContain(join(folder, 'tls_key'));
    expect(output).not.toContain(canary);
    const suspicious = Object.entries(project.services).flatMap(([name, { environment = {} }]) =>
      Object.keys(environment)
        .filter((key) => /PASSWORD|SECRET(?!S_)|TOKEN(?!_URL)|_KEY(?!_RETRIEVAL)/.test(key) && !/_FILE$/.test(key))
        .map((key) => `${name}: ${key}`),
    );
    expect(suspicious).toEqual([]);
  });

  test('every service stays hardened and bounded, the two of this file too', () => {
    const hard = ({ read_only, cap_drop = [], security_opt = [], mem_limit, user }: Service) =>
      read_only === true &&
      cap_drop.includes('ALL') &&
      security_opt.includes('no-new-privileges:true') &&
      mem_limit !== undefined &&
      user !== 'root';
    expect(each(hard)).toEqual([]);
    expect(each(({ cpus }, name) => ['secrets', 'migrate'].includes(name) || (cpus ?? 0) > 0)).toEqual([]);
    for (const name of ['proxy', 'oauth2-proxy']) {
      expect(project.services[name]?.image).toMatch(/:v?\d+\.\d+\.\d+$/);
      expect(project.services[name]?.user).toMatch(/^[1-9]\d*:/);
    }
  });

  test('alerts go to the real receivers, and the inbox and Grafana ask for a sign-in', () => {
    expect(project.services.alertmanager?.command).toContain(
      '--config.file=/etc/alertmanager/alertmanager.production.yml',
    );
    expect(project.services['oauth2-proxy']?.environment).toMatchObject({
      OAUTH2_PROXY_UPSTREAMS: 'http://pager:8087',
      OAUTH2_PROXY_COOKIE_SECURE: 'true',
    });
    expect(project.services.grafana?.environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_AUTH_DISABLE_LOGIN_FORM: 'true',
      GF_AUTH_GENERIC_OAUTH_ENABLED: 'true',
      GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_STRICT: 'true',
      GF_SECURITY_COOKIE_SECURE: 'true',
    });
    // Nothing leads from the proxy to the inbox past the sign-in.
    const caddyfile = readFileSync(join(ROOT, 'proxy/Caddyfile'), 'utf8');
    expect([...caddyfile.matchAll(/reverse_proxy (\S+)/g)].map(([, to]) => to)).toEqual([
      'clinic-api:8080',
      'grafana:3000',
      'oauth2-proxy:4180',
      'sentinel:8086',
    ]);
    // Of sentinel only what asks for a sign-in of its own.
    expect(caddyfile).toMatch(
      /@review path \/access-review \/access-review\/\*\s+handle @review \{\s+reverse_proxy sentinel:8086/,
    );
  });

  test('the servers get what the local ones get, apart from their retention and their addresses', () => {
    const local = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as Project;
    const other = (name: string) => {
      const own = new Set(project.services[name]?.command);
      return local.services[name]!.command!.filter((flag) => !own.has(flag));
    };
    expect(other('prometheus')).toEqual(['--storage.tsdb.retention.time=15d']);
    expect(other('alertmanager')).toEqual([
      '--config.file=/etc/alertmanager/alertmanager.yml',
      '--web.external-url=http://localhost:9093',
    ]);
    const mounts = (service: Service) => (service.volumes ?? []).map(({ target }) => target).sort();
    for (const name of ['postgres', 'grafana']) {
      const locally = (local.services[name]!.volumes as unknown as string[]).map((mount) => mount.split(':')[1]!);
      expect(mounts(project.services[name]!)).toEqual(locally.filter((target) => target !== '/run/secrets').sort());
    }
  });

  test('a trace opens in Grafana', () => {
    const template = project.services.pager?.environment?.TRACE_URL ?? '';
    const { host, searchParams } = new URL(template.replaceAll('{trace_id}', 'a'.repeat(32)));
    expect(host).toBe('grafana.example.com');
    expect(JSON.parse(searchParams.get('panes')!)).toEqual({
      trace: { datasource: 'tempo', queries: [{ refId: 'A', queryType: 'traceql', query: 'a'.repeat(32) }] },
    });
  });
});

test.each(
  [...readFileSync(EXAMPLE, 'utf8').matchAll(/^((?:CLINIC|GRAFANA|PAGER|OIDC)_\w+)=/gm)].map(([, name]) => name!),
)('without %s it does not start, and says what is missing', (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'production-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const envFile = join(folder, 'env');
  writeFileSync(envFile, readFileSync(EXAMPLE, 'utf8').replace(new RegExp(`^${name}=.*$`, 'm'), ''));
  expect(() => config(envFile)).toThrow(name);
});
