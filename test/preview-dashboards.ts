import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const prometheus = { type: 'prometheus', uid: 'prometheus' };
const tempo = { type: 'tempo', uid: 'tempo' };

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly at: readonly [x: number, y: number, w: number, h: number];
  readonly targets?: readonly object[];
  readonly options?: object;
  readonly defaults?: object;
  readonly overrides?: readonly object[];
  readonly [more: string]: unknown;
}

function panels(list: readonly Panel[]) {
  return list.map(({ at: [x, y, w, h], targets = [], defaults = {}, overrides = [], ...panel }, index) => ({
    id: index + 1,
    gridPos: { x, y, w, h },
    datasource: prometheus,
    targets: targets.map((target, at) => ({ refId: String.fromCharCode(65 + at), datasource: prometheus, ...target })),
    fieldConfig: { defaults, overrides },
    options: {},
    ...panel,
  }));
}

const steps = (...list: readonly [number | null, string][]) => ({
  mode: 'absolute',
  steps: list.map(([value, color]) => ({ value, color })),
});

const RATE =
  'sum by (http_route) (rate(http_server_request_duration_seconds_count{http_route=~"$route"}[$__rate_interval]))';
const P95 =
  'histogram_quantile(0.95, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket{http_route=~"$route"}[$__rate_interval])))';

const route = {
  name: 'route',
  label: 'Route',
  type: 'query',
  datasource: prometheus,
  query: { query: 'label_values(http_server_request_duration_seconds_count, http_route)', refId: 'v' },
  refresh: 2,
  multi: true,
  includeAll: true,
  current: { text: 'All', value: '$__all' },
  sort: 1,
};

const shared = { schemaVersion: 41, graphTooltip: 1, time: { from: 'now-30m', to: 'now' }, tags: ['clinic'] };

/** Uids of the dashboards that {@link writePreviewDashboards} writes. */
export type PreviewDashboard = 'home' | 'every-type' | 'broken';

/** Dashboards with every panel type once, and one where most panels cannot be shown. */
export function writePreviewDashboards(folder: string): void {
  const everyType = {
    ...shared,
    uid: 'every-type',
    title: 'Every type',
    description: 'Each panel type that the preview draws',
    tags: ['clinic', 'performance'],
    links: [
      { type: 'link', title: 'Broken', url: '/d/broken', keepTime: true, includeVars: true },
      { type: 'dashboards', title: 'All', tags: ['clinic'], asDropdown: true },
    ],
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
        route,
        {
          name: 'quantile',
          label: 'Quantile',
          type: 'custom',
          query: '0.5,0.95',
          current: { text: '0.95', value: '0.95' },
        },
        { name: 'limit', label: 'Limit', type: 'textbox', query: '1', current: { text: '1', value: '1' } },
      ],
    },
    annotations: {
      list: [
        {
          name: 'Alerts',
          enable: true,
          iconColor: 'red',
          datasource: prometheus,
          target: { expr: '(1 - health_check_state) > 0', refId: 'Anno' },
          titleFormat: 'Unhealthy: {{check}}',
          textFormat: 'state {{state}}',
          tagKeys: 'check',
        },
      ],
    },
    panels: panels([
      {
        type: 'timeseries',
        title: 'Duration, with exemplars',
        description: 'The 95th percentile by route',
        at: [0, 0, 12, 8],
        targets: [{ expr: P95, legendFormat: '{{http_route}}', exemplar: true }],
        defaults: {
          unit: 's',
          custom: { thresholdsStyle: { mode: 'dashed' }, lineWidth: 2, fillOpacity: 10 },
          thresholds: steps([null, 'transparent'], [1, 'red']),
          links: [{ title: 'Route ${__field.labels.http_route}', url: '/explore' }],
        },
        options: {
          legend: { showLegend: true, displayMode: 'table', placement: 'bottom', calcs: ['max', 'lastNotNull'] },
          tooltip: { mode: 'multi', sort: 'desc' },
        },
      },
      {
        type: 'timeseries',
        title: 'Rate of $route',
        at: [12, 0, 12, 8],
        targets: [{ expr: RATE, legendFormat: '{{http_route}}' }],
        defaults: { unit: 'reqps', custom: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 30 } },
        overrides: [
          {
            matcher: { id: 'byName', options: '/api/clients' },
            properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: 'purple' } }],
          },
        ],
      },
      {
        type: 'stat',
        title: 'Rate',
        at: [0, 8, 4, 4],
        targets: [{ expr: `sum(${RATE})` }],
        defaults: { unit: 'reqps' },
      },
      {
        type: 'gauge',
        title: 'Share under a second',
        at: [4, 8, 4, 4],
        targets: [
          {
            expr: 'sum(rate(http_server_request_duration_seconds_bucket{le="1"}[30m])) / sum(rate(http_server_request_duration_seconds_count[30m]))',
            instant: true,
          },
        ],
        defaults: {
          unit: 'percentunit',
          min: 0,
          max: 1,
          thresholds: steps([null, 'red'], [0.9, 'orange'], [0.99, 'green']),
        },
      },
      {
        type: 'bargauge',
        title: 'By route',
        at: [8, 8, 4, 4],
        targets: [{ expr: RATE, instant: true, legendFormat: '{{http_route}}' }],
        defaults: { unit: 'reqps', max: 3 },
        options: { orientation: 'horizontal' },
      },
      {
        type: 'piechart',
        title: 'Shares',
        at: [12, 8, 4, 4],
        targets: [{ expr: RATE, instant: true, legendFormat: '{{http_route}}' }],
        options: { pieType: 'donut', legend: { showLegend: true, placement: 'right' } },
      },
      {
        type: 'stat',
        title: 'Over the last hour',
        timeFrom: '1h',
        at: [16, 8, 4, 4],
        targets: [{ expr: 'sum(increase(http_server_request_duration_seconds_count[$__range]))', instant: true }],
        options: { colorMode: 'background' },
      },
      {
        type: 'text',
        title: 'How to read',
        at: [20, 8, 4, 4],
        targets: [],
        options: { mode: 'markdown', content: '**Routes:** $route\n\n[Explore](/explore)' },
      },
      {
        type: 'state-timeline',
        title: 'Database',
        at: [0, 12, 12, 5],
        targets: [{ expr: 'health_check_state', legendFormat: '{{check}}' }],
        defaults: {
          mappings: [
            { type: 'value', options: { 0: { text: 'down', color: 'red' }, 1: { text: 'healthy', color: 'green' } } },
          ],
        },
      },
      {
        type: 'status-history',
        title: 'Duration, sampled',
        at: [12, 12, 12, 5],
        targets: [{ expr: P95, legendFormat: '{{http_route}}', interval: '1m' }],
        defaults: { unit: 's', thresholds: steps([null, 'green'], [0.2, 'yellow'], [1, 'red']) },
      },
      {
        type: 'heatmap',
        title: 'Durations',
        at: [0, 17, 12, 8],
        targets: [
          {
            expr: 'sum by (le) (increase(http_server_request_duration_seconds_bucket[$__rate_interval]))',
            format: 'heatmap',
            legendFormat: '{{le}}',
          },
        ],
        options: { yAxis: { unit: 's' } },
      },
      {
        type: 'table',
        title: 'Routes',
        at: [12, 17, 12, 8],
        targets: [
          { expr: RATE, instant: true, format: 'table' },
          { expr: P95, instant: true, format: 'table' },
        ],
        transformations: [
          { id: 'merge', options: {} },
          {
            id: 'organize',
            options: {
              excludeByName: { Time: true },
              renameByName: { http_route: 'Route', 'Value #A': 'Requests', 'Value #B': 'p95' },
            },
          },
        ],
        overrides: [
          {
            matcher: { id: 'byName', options: 'p95' },
            properties: [
              { id: 'unit', value: 's' },
              { id: 'custom.cellOptions', value: { type: 'color-text' } },
            ],
          },
        ],
      },
      {
        type: 'alertlist',
        title: 'What fires',
        at: [0, 25, 8, 6],
        datasource: undefined,
        targets: [],
        options: { stateFilter: { firing: true, pending: true, normal: true }, alertName: 'Watchdog' },
      },
      { type: 'annolist', title: 'Events', at: [8, 25, 4, 6], targets: [] },
      {
        type: 'table',
        title: 'Slow traces',
        at: [12, 25, 12, 6],
        datasource: tempo,
        targets: [
          { datasource: tempo, queryType: 'traceql', query: '{ duration > 1s }', tableType: 'traces', limit: 20 },
        ],
      },
      {
        type: 'row',
        title: 'Folded',
        at: [0, 31, 24, 1],
        collapsed: true,
        panels: panels([{ type: 'stat', title: 'Inside', at: [0, 32, 6, 4], targets: [{ expr: `sum(${RATE})` }] }]).map(
          (panel) => ({ ...panel, id: 100 }),
        ),
      },
    ]),
  };
  const broken = {
    ...shared,
    uid: 'broken',
    title: 'Broken',
    templating: { list: [route] },
    panels: panels([
      { type: 'timeseries', title: 'Not PromQL', at: [0, 0, 8, 6], targets: [{ expr: 'rate(foo[' }] },
      { type: 'timeseries', title: 'Nothing there', at: [8, 0, 8, 6], targets: [{ expr: 'no_such_metric' }] },
      { type: 'geomap', title: 'Unknown type', at: [16, 0, 8, 6], targets: [{ expr: 'up' }] },
      {
        type: 'table',
        title: 'Unknown transformation',
        at: [0, 6, 8, 6],
        targets: [{ expr: 'up' }],
        transformations: [{ id: 'joinByLabels', options: {} }],
      },
      { type: 'timeseries', title: 'Half of it', at: [8, 6, 8, 6], targets: [{ expr: RATE }, { expr: 'sum(' }] },
      {
        type: 'stat',
        title: 'Repeated $route',
        at: [0, 12, 24, 4],
        repeat: 'route',
        maxPerRow: 4,
        targets: [{ expr: `sum(${RATE})` }],
      },
    ]),
  };
  const home = {
    ...shared,
    uid: 'home',
    title: 'Home',
    description: 'Is anything wrong, and where',
    panels: panels([
      { type: 'stat', title: 'Up', at: [0, 0, 24, 6], targets: [{ expr: 'up', legendFormat: '{{job}}' }] },
    ]),
  };
  mkdirSync(folder, { recursive: true });
  for (const dashboard of [home, everyType, broken]) {
    writeFileSync(join(folder, `${dashboard.uid}.json`), JSON.stringify(dashboard, null, 2));
  }
}
