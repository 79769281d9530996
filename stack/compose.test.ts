import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCompose } from './compose.ts';

const service = (body: string, more = '') =>
  `services:\n  web:\n${body.replace(/^/gm, '    ')}\n${more}\nvolumes: { data: {} }\n`;
const node = 'command: [node, a.ts]\nx-native: { program: node }';
const problem = (yaml: string) => {
  try {
    readCompose(yaml);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no problem';
};

describe('readCompose', () => {
  it('reads the repository’s own file', () => {
    const compose = readCompose(readFileSync(join(import.meta.dirname, '..', 'docker-compose.yml'), 'utf8'));
    const postgres = compose.services.find(({ name }) => name === 'postgres');
    expect(postgres).toMatchObject({
      program: 'postgres',
      restart: true,
      ports: [5433],
      dependsOn: { secrets: 'service_completed_successfully' },
      health: { kind: 'postgres', port: 5433, user: 'clinic', withinMs: 120_000 },
    });
    expect(compose.services.find(({ name }) => name === 'probe')).toMatchObject({
      health: { kind: 'http', urls: ['http://collector:13133/', 'http://tempo:3200/ready'] },
    });
    expect(compose.services.find(({ name }) => name === 'probe')?.program).toBeUndefined();
  });

  it('merges anchors, the nearer value winning', () => {
    const yaml = `x-base: &base { restart: unless-stopped, x-native: { program: node }, command: [node, a.ts] }
services:
  one: { <<: *base, stop_grace_period: 1m5s }
  two: { <<: *base, restart: "no" }`;
    expect(readCompose(yaml).services).toMatchObject([
      { name: 'one', restart: true, stopGraceMs: 65_000 },
      { name: 'two', restart: false, stopGraceMs: 10_000 },
    ]);
  });

  it('reads $$ as a dollar sign and refuses what Docker would interpolate', () => {
    expect(readCompose(service(`${node}\nenvironment: { PRICE: 5$$ }`)).services[0]?.environment).toEqual({
      PRICE: '5$',
    });
    expect(problem(service(`${node}\nenvironment: { HOME_OF: "\${HOME}" }`))).toContain('web: environment.HOME_OF:');
  });

  it.each([
    [
      'an unknown x-native key',
      service('x-native: { program: node, redy: [] }'),
      'web: x-native: unknown key redy: known are title, program, needs, ready, command, environment, working_dir',
    ],
    [
      'a wait for what only a profile runs',
      service(
        `${node}\ndepends_on: { ui: { condition: service_started } }`,
        '  ui: { command: [node], profiles: [extra], x-native: { program: node } }',
      ),
      'web: depends_on: ui runs in the profile extra only',
    ],
    ['an unknown program', service('x-native: { program: nginx }'), 'web: x-native.program:'],
    ['neither program nor ready', service('x-native: {}'), 'web: x-native: needs a program or ready URLs'],
    ['no x-native at all', service('command: [node]'), 'web: x-native: is missing'],
    ['a key that it would not follow', service(`${node}\nenv_file: .env`), 'web: unknown key env_file'],
    ['another program than its command', service('command: [deno]\nx-native: { program: node }'), 'web: command:'],
    [
      'a check that only a container can run',
      service(`${node}\nhealthcheck: { test: [CMD, /check] }`),
      'web: healthcheck.test',
    ],
    ['a port on every interface', service(`${node}\nports: ["8080:8080"]`), 'web: ports.0:'],
    ['a port published as another', service(`${node}\nports: ["127.0.0.1:80:8080"]`), 'web: ports.0:'],
    ['an undeclared volume', service(`${node}\nvolumes: ["other:/x"]`), 'web: volumes: the volume other'],
    [
      'an unknown dependency',
      service(`${node}\ndepends_on: { db: { condition: service_started } }`),
      'there is no service db',
    ],
    [
      'a wait for health without a check',
      service(`${node}\ndepends_on: { web: { condition: service_healthy } }`),
      'no health check',
    ],
    ['a restart policy it does not follow', service(`${node}\nrestart: always`), 'web: restart: must be'],
    ['YAML that is none', 'services: [', 'not valid YAML'],
  ])('refuses %s, naming service and key', (_, yaml, message) => {
    expect(problem(yaml)).toContain(message);
  });

  it('takes the title that people read, and what is built first; without, the name and nothing', () => {
    const yaml = service('x-native: { program: node, title: ui, needs: [pages] }\ncommand: [node]');
    expect(readCompose(yaml).services[0]).toMatchObject({ name: 'web', title: 'ui', needs: ['pages'] });
    expect(readCompose(service(node)).services[0]).toMatchObject({ name: 'web', title: 'web', needs: [] });
    const other = '  api: { command: [node], x-native: { program: node, title: web } }';
    expect(problem(service(node, other))).toContain('api: x-native.title: another service is called web');
  });

  it('refuses a port used twice, naming both services', () => {
    const two = `  api: { command: [node], x-native: { program: node }, expose: ["8080"] }`;
    expect(problem(service(`${node}\nports: ["127.0.0.1:8080:8080"]`, two))).toContain(
      'api: ports/expose: port 8080 is already used by web',
    );
  });

  it('refuses dependencies in a circle, and names every problem at once', () => {
    const on = (name: string) =>
      `{ command: [node], x-native: { program: node }, depends_on: { ${name}: { condition: service_started } } }`;
    expect(problem(`services: { a: ${on('b')}, b: ${on('a')} }`)).toContain('a -> b -> a');
    const both = problem(service('x-native: {}', '  api: { x-native: {} }'));
    expect(both).toContain('web: x-native');
    expect(both).toContain('api: x-native');
  });
});
