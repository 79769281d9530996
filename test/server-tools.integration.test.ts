/** The configuration of the servers, as the servers' own tools see it. */
// @needs promtool amtool collector
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { alertGroups } from '@clinic/catalogue/alerts';
import { describe, expect, test } from 'vitest';
import { engineProgram } from '../stack/engines.mjs';

const ROOT = join(import.meta.dirname, '..');
const list = (folder: string, ending: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(ending))
    .sort();

/** What a tool prints; throws with it when the tool finds something wrong. */
function run(program: Parameters<typeof engineProgram>[0], ...args: string[]): string {
  const path = engineProgram(program);
  try {
    return execFileSync(path, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

describe('the tools accept', () => {
  test('prometheus.yml', () => run('promtool', 'check', 'config', 'prometheus/prometheus.yml'));
  test('the rules', () =>
    run(
      'promtool',
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      ...list('prometheus/rules', '.yml').map((name) => `prometheus/rules/${name}`),
    ));
  test.each(list('prometheus/tests', '.test.yml'))('what %s expects of the rules', (name) => {
    run('promtool', 'test', 'rules', `prometheus/tests/${name}`);
  });
  test.each(list('alertmanager', '.yml'))('alertmanager/%s', (name) => {
    run('amtool', 'check-config', `alertmanager/${name}`);
  });
  test('the two files of the Collector', () =>
    run('collector', 'validate', '--config=collector/config.yaml', '--config=collector/allow-list.yaml'));
});

describe('Alertmanager', () => {
  const receiver = (file: string, labels: Record<string, string>) =>
    run(
      'amtool',
      'config',
      'routes',
      'test',
      `--config.file=alertmanager/${file}`,
      ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    ).trim();
  const RECEIVERS = { page: 'on-call', ticket: 'tickets', none: 'deadman' } as const;
  test.each(['alertmanager.yml', 'alertmanager.production.yml'])(
    '%s sends each alert to the receiver of its severity',
    (file) => {
      for (const { name, severity } of alertGroups.flatMap((group) => group.alerts))
        expect([name, receiver(file, { alertname: name, severity })]).toEqual([name, RECEIVERS[severity]]);
    },
  );
});
