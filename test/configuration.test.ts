/** The configuration of the servers, checked against the catalogue and docker-compose.yml. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertGroups } from '@clinic/catalogue/alerts';
import { ENGINE_SIGNALS } from '@clinic/catalogue/engines';
import { DEFAULT_LIMIT, LIMITS, TOLERATED_SLOW_EVENTS, WINDOW_MS } from '@clinic/catalogue/limits';
import { signals } from '@clinic/catalogue/signals';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { files, stale } from '../build.ts';
import { labelsOf } from '../grafana/check/structure.ts';
import { namesIn } from '../grafana/src/promql.ts';

const ROOT = join(import.meta.dirname, '..');
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const yaml = <Document>(path: string) => parse(text(path), { merge: true }) as Document;
const list = (folder: string, ending: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(ending))
    .sort();

interface PromtoolTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[];
  }[];
}
interface PrometheusConfiguration {
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly metric_relabel_configs: readonly { readonly regex: string }[];
  }[];
  readonly storage: { readonly tsdb: { readonly out_of_order_time_window: string } };
}
interface AlertmanagerConfiguration {
  readonly route: { readonly routes: readonly { readonly receiver: string; readonly continue?: boolean }[] };
  readonly inhibit_rules: readonly { readonly source_matchers: string[]; readonly target_matchers: string[] }[];
}
interface CollectorConfiguration {
  readonly extensions: Readonly<Record<string, { readonly directory: string; readonly fsync?: boolean }>>;
  readonly receivers: {
    readonly otlp: { readonly protocols: { readonly http: { readonly max_request_body_size: number } } };
    readonly prometheus: { readonly config: { readonly global: { readonly scrape_protocols: readonly string[] } } };
  };
  readonly processors: Readonly<Record<string, object>>;
  readonly exporters: Readonly<
    Record<
      string,
      {
        readonly encoding?: string;
        readonly sending_queue: { readonly storage: string; readonly batch?: object };
        readonly retry_on_failure: object;
      }
    >
  >;
  readonly service: {
    readonly extensions: readonly string[];
    readonly telemetry: { readonly logs: { readonly level: string } };
    readonly pipelines: Readonly<
      Record<string, { readonly receivers: string[]; readonly processors: string[]; readonly exporters: string[] }>
    >;
  };
}
interface Compose {
  readonly services: Readonly<
    Record<string, { readonly ports?: readonly string[]; readonly expose?: readonly string[] }>
  >;
}

const alerts = alertGroups.flatMap(({ name: group, alerts }) => alerts.map((alert) => ({ group, ...alert })));
const records = alertGroups.flatMap(({ records = [] }) => records);
const severityOf = new Map(alerts.map(({ name, severity }) => [name, severity]));

test('generated files are current', () => expect(stale(ROOT)).toEqual([]));
test('there is no rule file that is not generated', () =>
  expect(list('prometheus/rules', '.yml').map((name) => `prometheus/rules/${name}`)).toEqual(
    Object.keys(files)
      .filter((path) => path.startsWith('prometheus/rules/'))
      .sort(),
  ));

describe('an alert, its runbook and its tests have the same name', () => {
  const names = alerts.map(({ name }) => name).sort();
  test('runbooks', () =>
    expect(list('runbooks', '.md').filter((file) => file !== 'README.md')).toEqual(names.map((name) => `${name}.md`)));
  test.each(names)('the runbook of %s has its four parts, and no link of it is broken', (name) => {
    const runbook = text(`runbooks/${name}.md`);
    expect(runbook.match(/^#+ .*/gm)).toEqual([
      `# ${name}`,
      '## Meaning',
      '## Impact',
      '## Diagnosis',
      '## Mitigation',
    ]);
    for (const [, target] of runbook.matchAll(/\]\((\w+)\.md\)/g)) expect(names).toContain(target);
  });
  const cases = alertGroups.flatMap(({ name: group }) =>
    yaml<PromtoolTests>(`prometheus/tests/${group}.test.yml`).tests.flatMap(({ alert_rule_test = [] }) =>
      alert_rule_test.map(({ alertname, exp_alerts = [] }) => ({
        group,
        alertname,
        fires: exp_alerts.length > 0,
      })),
    ),
  );
  test.each(alerts.map(({ name, group }) => [name, group]))(
    '%s is tested in prometheus/tests/%s.test.yml: that it fires, and that it does not',
    (name, group) => {
      const outcomes = new Set(
        cases.filter((each) => each.group === group && each.alertname === name).map(({ fires }) => fires),
      );
      expect(outcomes).toEqual(new Set(name === 'Watchdog' ? [true] : [true, false]));
    },
  );
  test('no test is of an alert that does not exist', () =>
    expect(cases.filter(({ alertname }) => !names.includes(alertname))).toEqual([]));
});

describe('an alert', () => {
  test.each(alerts)('$name says what it is in one static sentence', ({ summary, description }) => {
    expect(summary).toMatch(/^[A-Z][^{}]*\.$/);
    expect(description).toMatch(/\.$/);
  });

  test.each([...alerts, ...records.map(({ record, expr }) => ({ name: record, expr }))])(
    '$name names known metrics and labels only',
    ({ name, expr }) => {
      const { metrics, labels, errors } = namesIn(expr);
      expect(errors).toEqual([]);
      if (name !== 'Watchdog') expect(metrics).not.toEqual([]);
      for (const metric of metrics) expect([...labelsOf.keys()]).toContain(metric);
      const known = new Set(['job', 'instance', ...metrics.flatMap((metric) => labelsOf.get(metric) ?? [])]);
      for (const label of labels) expect([...known]).toContain(label);
    },
  );
  test('that a name is not known is noticed', () => {
    expect(namesIn('sum by (metrik) (increase(slow_event_total{reason!="x"}[1h] offset 5m)) > 5')).toEqual({
      metrics: ['slow_event_total'],
      labels: ['metrik', 'reason'],
      errors: [],
    });
  });

  test('SlowEvents pages at more than the tolerated number, within the window, once a second', () => {
    const [group] = alertGroups;
    expect(group).toMatchObject({ name: 'slow-events', interval: '1s' });
    const rule = group!.alerts.find(({ name }) => name === 'SlowEvents')!;
    expect(rule.expr).toMatch(new RegExp(`> ${TOLERATED_SLOW_EVENTS}$`));
    expect(rule.limit).toBe(String(TOLERATED_SLOW_EVENTS));
    expect(rule.expr).toContain(`[${WINDOW_MS / 3_600_000}h]`);
    expect(rule.for).toBeUndefined();
    expect(rule.severity).toBe('page');
  });
  test('every limit is a bucket bound, so that what is over it can be counted', () => {
    for (const limit of [...Object.values(LIMITS), DEFAULT_LIMIT])
      expect(signals.operationDuration.buckets).toContain(limit / 1000);
  });
});

test('prometheus.yml keeps of each server what catalogue/engines.ts lists', () => {
  const expand = (regex: string): string[] => {
    const group = /\(([^()]*)\)/.exec(regex);
    return group ? group[1]!.split('|').flatMap((word) => expand(regex.replace(group[0], word))) : [regex];
  };
  // Alternatives on the outside are separated by the bars that are not in a group.
  const alternatives = (regex: string) => regex.split(/\|(?![^(]*\))/).flatMap(expand);
  const kept = yaml<PrometheusConfiguration>('prometheus/prometheus.yml').scrape_configs.map(
    ({ job_name, metric_relabel_configs }) => [job_name, alternatives(metric_relabel_configs[0]!.regex).sort()],
  );
  expect(Object.fromEntries(kept)).toEqual(
    Object.fromEntries(Object.entries(ENGINE_SIGNALS).map(([job, metrics]) => [job, Object.keys(metrics).sort()])),
  );
});

describe('Alertmanager', () => {
  test('a page waits for nothing, and each metric pages on its own', () => {
    const page = yaml<AlertmanagerConfiguration>('alertmanager/alertmanager.yml').route.routes.find(
      ({ receiver }) => receiver === 'on-call',
    );
    expect(page).toMatchObject({ group_wait: '0s', group_by: ['alertname', 'metric'] });
    expect(page?.continue).toBeUndefined();
  });
  test('no ticket mutes a page, and only alerts that exist are named', () => {
    const matching = (matchers: string[]) => {
      const pattern = matchers.map((matcher) => /^alertname=~?"(.*)"$/.exec(matcher)?.[1]).find(Boolean);
      return alerts.filter(({ name }) => new RegExp(`^(?:${pattern})$`).test(name)).map(({ name }) => name);
    };
    const { inhibit_rules } = yaml<AlertmanagerConfiguration>('alertmanager/alertmanager.yml');
    for (const { source_matchers, target_matchers } of inhibit_rules) {
      const [sources, targets] = [matching(source_matchers), matching(target_matchers)];
      expect(sources).not.toEqual([]);
      expect(targets).not.toEqual([]);
      for (const pattern of [...source_matchers, ...target_matchers]) {
        const named = /^alertname=~?"(.*)"$/.exec(pattern)?.[1]?.split('|') ?? [];
        for (const name of named) expect(alerts.map((alert) => alert.name)).toContain(name);
      }
      if (targets.some((name) => severityOf.get(name) === 'page')) {
        expect(sources.map((name) => severityOf.get(name))).toEqual(sources.map(() => 'page'));
      }
      expect(targets).not.toContain('Watchdog');
      expect(targets).not.toContain('SlowEvents');
    }
  });
  test('the production example routes and mutes in the same way, and holds no secret', () => {
    const [local, production] = [
      yaml<AlertmanagerConfiguration>('alertmanager/alertmanager.yml'),
      yaml<AlertmanagerConfiguration>('alertmanager/alertmanager.production.yml'),
    ];
    expect(production.route).toEqual(local.route);
    expect(production.inhibit_rules).toEqual(local.inhibit_rules);
    expect(text('alertmanager/alertmanager.production.yml')).not.toMatch(
      /(password|api_url|routing_key|service_key|token):/,
    );
    for (const [, path] of text('alertmanager/alertmanager.production.yml').matchAll(/_file: (.*?)[,}\n]/g))
      expect(path).toMatch(/^\/run\/secrets\/[a-z_]+$/);
  });
});

describe('the Collector', () => {
  const { service, exporters, receivers, processors, extensions } =
    yaml<CollectorConfiguration>('collector/config.yaml');
  const generated = yaml<{ processors: Record<string, { error_mode?: string }> }>(
    'collector/allow-list.yaml',
  ).processors;
  test('every pipeline runs every stage, in order', () => {
    expect(Object.keys(service.pipelines).sort()).toEqual(['logs', 'metrics', 'traces']);
    for (const [signal, pipeline] of Object.entries(service.pipelines)) {
      expect(pipeline.processors).toEqual(['memory_limiter', `filter/${signal}`, 'redaction', 'transform/strip']);
    }
  });
  test('a statement that fails stops the pipeline, and nothing is allowed by default', () => {
    for (const id of ['filter/traces', 'filter/metrics', 'filter/logs', 'transform/strip'])
      expect(generated[id]?.error_mode).toBe('propagate');
    expect(generated.redaction).toMatchObject({ allow_all_keys: false, summary: 'silent' });
    expect(Object.keys(processors)).toEqual(['memory_limiter']);
  });
  test('every exporter has a bounded queue of its own on disk, never gives up, and refuses when it is full', () => {
    const used = Object.values(service.pipelines).flatMap((pipeline) => pipeline.exporters);
    expect(used.sort()).toEqual(Object.keys(exporters).sort());
    const folders = Object.values(exporters).map(({ sending_queue, retry_on_failure }) => {
      expect(sending_queue).toMatchObject({
        sizer: 'bytes',
        queue_size: expect.any(Number),
        block_on_overflow: false,
      });
      expect(retry_on_failure).toMatchObject({ enabled: true, max_elapsed_time: '0s' });
      expect(service.extensions).toContain(sending_queue.storage);
      return extensions[sending_queue.storage]?.directory;
    });
    expect(new Set(folders).size).toBe(3);
    const recorder = exporters['otlp_http/recorder'];
    expect(recorder?.encoding).toBe('json');
    expect(recorder?.sending_queue.batch).toBeUndefined();
    expect(extensions['file_storage/slow-events']?.fsync).toBe(true);
  });
  test('metrics are scraped and not received; a body has a limit; nothing is logged below a warning', () => {
    expect(service.pipelines.metrics?.receivers).toEqual(['prometheus']);
    expect(receivers.otlp.protocols.http.max_request_body_size).toBeGreaterThan(0);
    expect(service.telemetry.logs.level).toBe('warn');
  });
  test('a scrape asks for OpenMetrics first, because only that carries exemplars', () =>
    expect(receivers.prometheus.config.global.scrape_protocols[0]).toBe('OpenMetricsText1.0.0'));
});

test('Prometheus takes samples that are as old as what the recorder keeps', () => {
  const { tsdb } = yaml<PrometheusConfiguration>('prometheus/prometheus.yml').storage;
  expect(Number.parseInt(tsdb.out_of_order_time_window, 10) * 3_600_000).toBeGreaterThanOrEqual(
    WINDOW_MS + 2 * 3_600_000,
  );
});

describe('addresses', () => {
  const { services } = yaml<Compose>('docker-compose.yml');
  const portsOf = ({ ports = [], expose = [] }: Compose['services'][string]) =>
    [...ports.map((port) => port.split(':').at(-1)!), ...expose].map(Number);
  const owner = new Map(
    Object.entries(services).flatMap(([name, service]) => portsOf(service).map((port) => [port, name])),
  );
  const configurations: [file: string, service: string][] = [
    ['collector/config.yaml', 'collector'],
    ['prometheus/prometheus.yml', 'prometheus'],
    ['alertmanager/alertmanager.yml', 'alertmanager'],
    ['tempo/tempo.yaml', 'tempo'],
  ];
  test.each(configurations)('%s listens and connects where docker-compose.yml says', (file, own) => {
    const configuration = text(file).replace(/^\s*#.*$/gm, '');
    const found = [...configuration.matchAll(/([\w.-]+):(\d{4,5})\b(?!\d)|\b(\w*port): (\d{4,5})\b/g)];
    expect(found.length).toBeGreaterThan(0);
    for (const [whole, host, port, key, keyPort] of found) {
      const expected = key !== undefined || host === '0.0.0.0' ? own : host;
      expect([whole, owner.get(Number(port ?? keyPort))]).toEqual([whole, expected]);
    }
  });
  test('runbooks name ports that docker-compose.yml publishes', () => {
    const published = new Set(
      Object.values(services).flatMap(({ ports = [] }) => ports.map((port) => Number(port.split(':').at(-1)))),
    );
    for (const name of list('runbooks', '.md')) {
      for (const [whole, port] of text(`runbooks/${name}`).matchAll(/localhost:(\d+)/g))
        expect([name, whole, published.has(Number(port))]).toEqual([name, whole, true]);
    }
  });
});
