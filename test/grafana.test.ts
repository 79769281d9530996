/**
 * What Grafana reads at its start, against its documented format. Its own reader ignores a key that it does not know, so a
 * misspelt one would be lost without a word; these schemas refuse it. docs/grafana.md says what this cannot show.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signals } from '@clinic/catalogue/signals';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => parse(readFileSync(join(ROOT, path), 'utf8'), { merge: true }) as unknown;
const compose = read('docker-compose.yml') as {
  services: Record<string, { ports?: string[]; environment?: Record<string, string>; volumes?: string[] }>;
};
const grafana = compose.services.grafana!;

const uid = z.string().regex(/^[a-zA-Z0-9_-]{1,40}$/);
const shift = z.string().regex(/^-?\d+(ms|s|m|h|d)$/);
/** `$name` and `${name}` would be taken for environment variables. */
const escaped = z.string().refine((text) => !text.replaceAll('$$', '').includes('$'), 'a dollar sign is written $$');

const prometheus = z.strictObject({
  httpMethod: z.literal('POST'),
  prometheusType: z.literal('Prometheus'),
  timeInterval: shift,
  exemplarTraceIdDestinations: z.array(z.strictObject({ name: z.string(), datasourceUid: uid })).min(1),
});
const tempo = z.strictObject({
  tracesToMetrics: z.strictObject({
    datasourceUid: uid,
    spanStartTimeShift: shift,
    spanEndTimeShift: shift,
    tags: z.array(z.strictObject({ key: z.string(), value: z.string() })).min(1),
    queries: z.array(z.strictObject({ name: z.string(), query: escaped })).min(1),
  }),
  nodeGraph: z.strictObject({ enabled: z.boolean() }),
  traceQuery: z.strictObject({ timeShiftEnabled: z.boolean(), spanStartTimeShift: shift, spanEndTimeShift: shift }),
});
const alertmanager = z.strictObject({
  implementation: z.literal('prometheus'),
  handleGrafanaManagedAlerts: z.literal(false),
});
const dataSource = <Type extends string, Json extends z.ZodType>(type: Type, jsonData: Json) =>
  z.strictObject({
    name: z.string().min(1),
    uid,
    type: z.literal(type),
    access: z.literal('proxy'),
    url: z.url({ protocol: /^http$/ }),
    isDefault: z.boolean().default(false),
    editable: z.literal(false),
    jsonData,
  });
const dataSources = z.strictObject({
  apiVersion: z.literal(1),
  prune: z.boolean(),
  datasources: z.array(
    z.discriminatedUnion('type', [
      dataSource('prometheus', prometheus),
      dataSource('tempo', tempo),
      dataSource('alertmanager', alertmanager),
    ]),
  ),
});
const dashboardProviders = z.strictObject({
  apiVersion: z.literal(1),
  providers: z.array(
    z.strictObject({
      name: z.string().min(1),
      orgId: z.literal(1),
      folder: z.string(),
      folderUid: uid,
      type: z.literal('file'),
      disableDeletion: z.boolean(),
      allowUiUpdates: z.literal(false),
      updateIntervalSeconds: z.number().int().positive(),
      options: z.strictObject({ path: z.string().startsWith('/'), foldersFromFilesStructure: z.boolean() }),
    }),
  ),
});

const provisioned = dataSources.parse(read('grafana/provisioning/datasources/datasources.yaml')).datasources;
const uids = provisioned.map((source) => source.uid);

describe('data sources', () => {
  test('have uids of their own, and one is the default', () => {
    expect(new Set(uids).size).toBe(uids.length);
    expect(provisioned.filter(({ isDefault }) => isDefault)).toHaveLength(1);
  });
  test('refer to each other by uids that exist', () => {
    const text = JSON.stringify(provisioned);
    const used = [...text.matchAll(/"datasourceUid":"([^"]*)"/g)].map(([, used]) => used!);
    expect(used.length).toBeGreaterThan(1);
    expect(used.filter((each) => !uids.includes(each))).toEqual([]);
  });
  test('are where docker-compose.yml has their service', () => {
    for (const { type, url } of provisioned) {
      const { hostname, port, pathname } = new URL(url);
      expect([hostname, pathname]).toEqual([type, '/']);
      expect(compose.services[hostname]?.ports).toContain(`127.0.0.1:${port}:${port}`);
    }
  });
  test('ask for metrics and labels that the clinic has', () => {
    const { metrics, tags } = provisioned.flatMap((source) =>
      source.type === 'tempo'
        ? [
            {
              metrics: source.jsonData.tracesToMetrics.queries.map(({ query }) => query),
              tags: source.jsonData.tracesToMetrics.tags.map(({ value }) => value),
            },
          ]
        : [],
    )[0]!;
    const { name, labels } = signals.httpServerRequestDuration;
    for (const query of metrics) expect(query).toMatch(new RegExp(`\\b${name}_(count|bucket)\\{\\$\\$__tags\\}`));
    for (const tag of tags) expect(labels).toContain(tag);
  });
});

describe('dashboards', () => {
  const providers = dashboardProviders.parse(read('grafana/provisioning/dashboards/dashboards.yaml')).providers;
  test('are read from a folder that is mounted', () => {
    for (const { options } of providers) expect(grafana.volumes).toContain(`./grafana/dashboards:${options.path}:ro`);
  });
  const found = readdirSync(join(ROOT, 'grafana/dashboards'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      name,
      text: readFileSync(join(ROOT, 'grafana/dashboards', name), 'utf8'),
    }));
  test('are JSON, have uids of their own, and use data sources that exist', () => {
    // A classic dashboard names its uid itself, one of schema v2 in its metadata.
    const identities = found.map(({ name, text }) => {
      const { uid, metadata } = JSON.parse(text) as { uid?: unknown; metadata?: { name?: unknown } };
      return [name, uid ?? metadata?.name] as const;
    });
    expect(identities.filter(([, uid]) => typeof uid !== 'string')).toEqual([]);
    expect(new Set(identities.map(([, uid]) => uid)).size).toBe(identities.length);
    for (const { name, text } of found) {
      const used = [...text.matchAll(/"datasource":\s*\{[^{}]*?"(?:uid|name)":\s*"([^"]*)"/g)].map(([, uid]) => uid!);
      const unknown = used.filter((each) => !uids.includes(each) && !/^(\$|-- |grafana$)/.test(each));
      expect([name, unknown]).toEqual([name, []]);
    }
  });
});

describe('the service', () => {
  const { environment = {} } = grafana;
  test('has no password of its own: both secrets are files', () => {
    const secrets = Object.entries(environment).filter(([key]) => /PASSWORD|SECRET/.test(key));
    expect(secrets.map(([key]) => key).sort()).toEqual([
      'GF_SECURITY_ADMIN_PASSWORD__FILE',
      'GF_SECURITY_SECRET_KEY__FILE',
    ]);
    for (const [, path] of secrets) expect(path).toMatch(/^\/run\/secrets\/grafana_[a-z_]+$/);
  });
  test('does not switch off a plugin that a data source needs', () => {
    const off = environment.GF_PLUGINS_DISABLE_PLUGINS?.split(',') ?? [];
    expect(off.length).toBeGreaterThan(5);
    expect(provisioned.filter(({ type }) => off.includes(type))).toEqual([]);
  });
  test('asks everybody to sign in, and calls nobody outside', () => {
    expect(environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_SECURITY_DISABLE_GRAVATAR: 'true',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_NEWS_NEWS_FEED_ENABLED: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      GF_PLUGINS_PREINSTALL_AUTO_UPDATE: 'false',
      GF_PLUGINS_PLUGIN_ADMIN_ENABLED: 'false',
      GF_SNAPSHOTS_EXTERNAL_ENABLED: 'false',
    });
  });
});
