/** What the servers of engines/ leave out is refused with words, when it is configured. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { engineProgram } from '../stack/engines.mjs';

const folder = mkdtempSync(join(tmpdir(), 'not-built-in-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program that is to refuse `configuration`; what it prints. */
function refusal(program: Parameters<typeof engineProgram>[0], configuration: object, ...args: string[]): string {
  const path = join(folder, 'configuration.yml');
  // JSON is YAML as well.
  writeFileSync(path, JSON.stringify(configuration));
  const { status, signal, stdout, stderr } = spawnSync(
    engineProgram(program),
    args.map((each) => each.replace('FILE', path)),
    { cwd: folder, encoding: 'utf8', timeout: 60_000 },
  );
  expect([status === 0, signal], stdout + stderr).toEqual([false, null]);
  return stdout + stderr;
}

const PROMETHEUS = [
  '--config.file=FILE',
  `--storage.tsdb.path=${join(folder, 'prometheus')}`,
  '--web.listen-address=127.0.0.1:0',
];
const remoteWrite = (authentication: object) => ({
  remote_write: [{ url: 'http://127.0.0.1:1/write', ...authentication }],
});

test.each([
  ['azuread', { azuread: { managed_identity: {} } }, 'signing in to Azure is not built into this program'],
  ['google_iam', { google_iam: { credentials_file: 'none.json' } }, 'signing in to Google Cloud is not built into'],
  ['sigv4', { sigv4: { region: 'eu-west-1' } }, 'signing for AWS is not built into this program'],
])('Prometheus: remote_write with %s', (_, authentication, words) => {
  expect(refusal('prometheus', remoteWrite(authentication), ...PROMETHEUS)).toContain(words);
});

test('promtool: remote_write with sigv4', () => {
  const configuration = remoteWrite({ sigv4: { region: 'eu-west-1' } });
  expect(refusal('promtool', configuration, 'check', 'config', 'FILE')).toContain('signing for AWS is not built into');
});

test('Alertmanager: sns_configs', () => {
  const receivers = [{ name: 'sns', sns_configs: [{ topic_arn: 'arn:aws:sns:x', sigv4: { region: 'eu-west-1' } }] }];
  expect(refusal('amtool', { route: { receiver: 'sns' }, receivers }, 'check-config', 'FILE')).toContain(
    'signing for AWS is not built into this program',
  );
});

test.each(['kubernetes_sd_configs', 'http_sd_configs'])('the Collector: %s', (discovery) => {
  const scrape = { job_name: 'x', [discovery]: [{}] };
  expect(refusal('collector', collector({ config: { scrape_configs: [scrape] } }), ...VALIDATE)).toContain(
    `field ${discovery} not found`,
  );
});

test.each(['target_allocator', 'api_server'])('the Collector: %s', (part) => {
  const scrape = { job_name: 'x', static_configs: [{ targets: ['127.0.0.1:1'] }] };
  const receiver = { config: { scrape_configs: [scrape] }, [part]: { endpoint: 'http://127.0.0.1:1' } };
  expect(refusal('collector', collector(receiver), ...VALIDATE)).toContain(part);
});

const VALIDATE = ['validate', '--config=FILE'];
function collector(prometheus: object) {
  return {
    receivers: { prometheus },
    exporters: { otlp_http: { endpoint: 'http://127.0.0.1:1' } },
    service: { pipelines: { metrics: { receivers: ['prometheus'], exporters: ['otlp_http'] } } },
  };
}

test.each(['kafka', 'opencensus'])('Tempo: the receiver %s', (receiver) => {
  const configuration = {
    server: { http_listen_port: 0, grpc_listen_port: 0 },
    distributor: { receivers: { [receiver]: {} } },
    storage: { trace: { backend: 'local', local: { path: join(folder, 'b') }, wal: { path: join(folder, 'w') } } },
  };
  expect(refusal('tempo', configuration, '-config.file=FILE')).toContain(`the receiver ${receiver} is not built into`);
});

test('Tempo: blocks in Google Cloud', () => {
  const trace = { backend: 'gcs', gcs: { bucket_name: 'x' }, wal: { path: join(folder, 'w') } };
  const configuration = { server: { http_listen_port: 0, grpc_listen_port: 0 }, storage: { trace } };
  expect(refusal('tempo', configuration, '-config.file=FILE')).toContain('Google Cloud is not built into this program');
});
