import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCompose } from './compose.ts';
import { type Mapping, mapText, planStack } from './plan.ts';

const compose = readCompose(readFileSync(join(import.meta.dirname, '..', 'docker-compose.yml'), 'utf8'));
const options = {
  root: '/repository',
  state: '/state',
  portOffset: 10_000,
  nodePath: '/bin/node24',
  enginePath: (name: string) => `/engines/${name}`,
};
const planned = (name: string) => planStack(compose, options).find((plan) => plan.name === name)!;

describe('planStack', () => {
  it('runs a Node service of the repository with its paths and ports mapped', () => {
    expect(planned('pager')).toMatchObject({
      argv: expect.arrayContaining(['/bin/node24', './services/pager/src/server.ts']),
      cwd: '/repository',
      environment: {
        LISTEN: '127.0.0.1:18087',
        DATABASE_FILE: '/state/pager-data/pages.sqlite',
        RUNBOOKS: '/repository/runbooks',
        RECORDER_URL: 'http://127.0.0.1:18085',
        TRACE_URL: expect.stringMatching(/^http:\/\/localhost:13000\/explore\?.*\{trace_id\}/),
      },
      folders: ['/state/pager-data'],
      health: { urls: ['http://127.0.0.1:19467/healthz'] },
      ports: [
        { container: 8087, host: 18_087 },
        { container: 9467, host: 19_467 },
      ],
    });
    expect(planned('clinic-api').environment.DATABASE_URL).toBe('postgres://clinic_app@127.0.0.1:15433/clinic');
  });

  it('runs an engine on a copy of its configuration', () => {
    const { argv, copies, folders } = planned('prometheus');
    expect(argv.slice(0, 3)).toEqual([
      '/engines/prometheus',
      '--config.file=/state/config/prometheus/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/state/prometheus-data',
    ]);
    expect(argv).toContain('--web.listen-address=127.0.0.1:19090');
    expect(copies).toEqual([{ from: '/repository/prometheus', to: '/state/config/prometheus/etc/prometheus' }]);
    expect(folders).toEqual(['/state/prometheus-data']);
  });

  it('maps the port that PostgreSQL is given alone', () => {
    expect(planned('postgres').argv.slice(0, 3)).toEqual(['postgres', '-p', '15433']);
    expect(planned('postgres').health).toMatchObject({ port: 15_433 });
  });

  it('runs nothing for a service that only waits', () => {
    expect(planned('probe')).toMatchObject({
      argv: [],
      health: { urls: ['http://127.0.0.1:23133/', 'http://127.0.0.1:13200/ready'] },
    });
  });

  it('maps a mount inside another to its own place', () => {
    const nested = readCompose(`services:
  web:
    command: [node, /app/a.ts, /app/data/x]
    volumes: ["data:/app/data"]
    x-native: { program: node }
volumes: { data: {} }`);
    expect(planStack(nested, options)[0]?.argv).toEqual(['/bin/node24', '/repository/a.ts', '/state/data/x']);
  });

  it('takes a subset with all that it depends on', () => {
    const names = planStack(compose, { ...options, services: ['clinic-api'] }).map(({ name }) => name);
    expect(names).toEqual(['secrets', 'postgres', 'collector', 'migrate', 'clinic-api']);
    expect(() => planStack(compose, { ...options, services: ['clinc'] })).toThrow('no service clinc: known are');
  });

  it('runs a service of a profile when the profile is chosen, or the service itself', () => {
    const names = (more: object) => planStack(compose, { ...options, ...more }).map(({ name }) => name);
    expect(names({})).not.toContain('traffic');
    expect(names({ profiles: ['traffic'] })).toContain('traffic');
    expect(names({ services: ['traffic'] })).toEqual(expect.arrayContaining(['traffic', 'clinic-api']));
    expect(() => names({ profiles: ['trafic'] })).toThrow('no profile trafic: known are traffic');
  });

  it('runs what stands for an image, with its own command and settings and the mounts of both', () => {
    const grafana = planned('grafana')!;
    expect(grafana.argv.at(-1)).toBe('./preview/src/server/server.ts');
    expect(grafana.cwd).toBe('/repository');
    expect(grafana.environment).toMatchObject({
      LISTEN: '127.0.0.1:13000',
      PROMETHEUS_URL: 'http://127.0.0.1:19090',
      DASHBOARDS: '/repository/grafana/dashboards',
    });
    expect(grafana.environment).not.toHaveProperty('GF_LOG_MODE');
  });

  it('lets a value be replaced, mapped like the others', () => {
    const environment = { pager: { RECORDER_URL: 'http://prometheus:9090', EXTRA: 'yes' } };
    const pager = planStack(compose, { ...options, environment }).find(({ name }) => name === 'pager')!;
    expect(pager.environment).toMatchObject({
      RECORDER_URL: 'http://127.0.0.1:19090',
      EXTRA: 'yes',
      LISTEN: '127.0.0.1:18087',
    });
  });

  it('refuses an offset that leaves no room', () => {
    expect(() => planStack(compose, { ...options, portOffset: 60_000 })).toThrow(
      'port offset must be a whole number from 0 to',
    );
  });
});

describe('mapText', () => {
  const mapping: Mapping = {
    paths: [
      ['/etc/tempo/rules', '/state/rules'],
      ['/etc/tempo', '/state/config'],
      ['/data', '/state/data'],
    ],
    ports: new Map([
      [3200, 'tempo'],
      [9090, 'prometheus'],
    ]),
    portOffset: 5,
  };
  const map = (text: string) => mapText(text, mapping, 'web: X');

  it.each([
    ['service:port', 'http://tempo:3200/x, user@prometheus:9090', 'http://127.0.0.1:3205/x, user@127.0.0.1:9095'],
    ['loopback', '127.0.0.1:3200 0.0.0.0:9090', '127.0.0.1:3205 127.0.0.1:9095'],
    ['localhost by its name', 'http://localhost:3200', 'http://localhost:3205'],
    ['a port given by a YAML key', 'http_listen_port: 3200\nport: "9090"', 'http_listen_port: 3205\nport: "9095"'],
    ['the bare listening address', 'address: 0.0.0.0\n', 'address: 127.0.0.1\n'],
    ['paths, the longer first', '[/etc/tempo/rules/*.yml, "/etc/tempo/a"]', '[/state/rules/*.yml, "/state/config/a"]'],
    ['a path after a key', '--file=/data/x file:/data', '--file=/state/data/x file:/state/data'],
  ])('maps %s', (_, text, mapped) => {
    expect(map(text)).toBe(mapped);
  });

  it.each([
    ['a port of no service', 'http://127.0.0.1:8125 localhost:99'],
    ['a longer port', '127.0.0.1:32001'],
    ['another host', 'http://my-tempo:3200 a.tempo:3200 tempo.example:3200'],
    ['other paths', '/database /var/data http://x/data /data-old'],
    ['other YAML', 'limit: 3200\nsupport: 3200\ntempo: 3200'],
    ['a network', '0.0.0.0/0'],
  ])('leaves %s alone', (_, text) => {
    expect(map(text)).toBe(text);
  });

  it('does not map twice when a native path looks like a container path', () => {
    expect(
      mapText(
        '/data/x',
        {
          ...mapping,
          paths: [
            ['/data', '/etc/tempo/data'],
            ['/etc/tempo', '/y'],
          ],
        },
        '',
      ),
    ).toBe('/etc/tempo/data/x');
  });

  it('refuses a URL to a port that the service does not declare, saying where', () => {
    expect(() => map('http://tempo:9090/')).toThrow(
      'web: X: names tempo:9090, but port 9090 is not in ports or expose of tempo',
    );
  });
});
