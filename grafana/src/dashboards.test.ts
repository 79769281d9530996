import { alertGroups } from '@clinic/catalogue/alerts';
import { ENGINE_SIGNALS } from '@clinic/catalogue/engines';
import { NODE_SIGNALS, SCRAPE_SIGNALS, type Signal, SLOW_EVENT_POINT, signals } from '@clinic/catalogue/signals';
import { describe, expect, test } from 'vitest';
import { dashboardFiles } from './dashboards.ts';
import { namesIn, withoutVariables } from './promql.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly panels?: readonly Panel[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string; readonly noValue?: string } };
  readonly targets?: readonly { readonly expr?: string; readonly query?: string }[];
  readonly datasource?: { readonly type: string; readonly uid: string };
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboards = Object.values(dashboardFiles).map((text) => JSON.parse(text) as Dashboard);
const uids = dashboards.map(({ uid }) => uid);
const panels = dashboards.flatMap(({ uid, panels }) =>
  panels
    .flatMap((panel) => [panel, ...(panel.panels ?? [])])
    .map((panel) => ({ uid, name: `${uid}: ${panel.title}`, panel })),
);
const shown = panels.filter(({ panel }) => panel.type !== 'row');
const queried = shown.filter(({ panel }) => panel.type !== 'text');
const records = alertGroups.flatMap(({ records = [] }) => records);

/** Labels of every metric by its name in PromQL; those of a recorded one follow from its expression. */
const labelsOf = new Map<string, readonly string[]>([
  ...Object.values<Signal>(signals).flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === 'histogram'
      ? [
          [`${name}_bucket`, [...labels, 'le']],
          [`${name}_count`, labels],
          [`${name}_sum`, labels],
        ]
      : [[name, labels]],
  ),
  ...[...NODE_SIGNALS, ...SCRAPE_SIGNALS].map((name): [string, readonly string[]] => [
    name,
    ['kind', 'space', 'version'],
  ]),
  // prom-client's summary of what the garbage collector did.
  ...['_sum', '_count', '_bucket'].map((end): [string, readonly string[]] => [
    `nodejs_gc_duration_seconds${end}`,
    ['kind'],
  ]),
  ...Object.values(ENGINE_SIGNALS).flatMap((metrics) => Object.entries<readonly string[]>(metrics)),
  [SLOW_EVENT_POINT.promql, SLOW_EVENT_POINT.labels],
  ...records.map(({ record, expr }): [string, readonly string[]] => [record, namesIn(expr).labels]),
  ...['ALERTS', 'ALERTS_FOR_STATE'].map((name): [string, readonly string[]] => [
    name,
    ['alertname', 'alertstate', 'severity', 'metric'],
  ]),
]);

const check = (expr: string) => {
  const { metrics, labels, errors } = namesIn(withoutVariables(expr, { interval: '5m', range: '1h' }));
  const renamed = [...expr.matchAll(/[)\w],\s*"(\w+)",\s*"\$/g)].map(([, label]) => label!);
  const known = new Set(['job', 'instance', ...renamed, ...metrics.flatMap((metric) => labelsOf.get(metric) ?? [])]);
  return {
    errors,
    unknownMetrics: metrics.filter((metric) => !labelsOf.has(metric)),
    unknownLabels: labels.filter((label) => !known.has(label)),
    ruleWindow: /\b(?:rate|irate)\([^[]*\[(?!\$__rate_interval|\d)/.test(expr),
  };
};
const FINE = { errors: [], unknownMetrics: [], unknownLabels: [], ruleWindow: false };

describe('every query', () => {
  const queries = shown.flatMap(({ name, panel }) =>
    (panel.targets ?? []).flatMap(({ expr }) => (expr === undefined ? [] : [[name, expr] as const])),
  );
  test.each(queries)('%s', (_name, expr) => expect(check(expr)).toEqual(FINE));
  test.each(dashboards.flatMap(({ uid, annotations }) => annotations.list.map(({ expr }) => [uid, expr] as const)))(
    'marks of %s: %s',
    (_uid, expr) => expect(check(expr)).toEqual(FINE),
  );
  test.each([
    ['a metric that is not there', 'sum(http_requests_total)', { unknownMetrics: ['http_requests_total'] }],
    ['a label that it does not have', 'sum by (code) (slow_events_total)', { unknownLabels: ['code'] }],
    ['what is not PromQL', 'sum by (metric) (rate(slow_events_total[5m])', { errors: [expect.any(Number)] }],
  ])('%s is noticed', (_what, expr, found) => expect(check(expr)).toEqual({ ...FINE, ...found }));
});

describe('every panel', () => {
  const TYPES = ['timeseries', 'stat', 'bargauge', 'table', 'state-timeline', 'text', 'heatmap', 'gauge'];
  test.each(shown)('$name has a title, a description, a unit and a type that both viewers have', ({ panel }) => {
    expect(panel.title).toMatch(/^\S.{2,45}$/);
    expect(panel.description).toMatch(/\S.{2,}/s);
    expect(TYPES).toContain(panel.type);
    if (panel.type !== 'text') {
      expect(panel.fieldConfig?.defaults.unit).toMatch(/^\w+$/);
      expect(panel.description).toMatch(/\.$/);
      expect(panel.targets?.length).toBeGreaterThan(0);
    }
  });

  /** The unit follows from the name of what is plotted, unless it is divided or multiplied. */
  const unitOf = (query: string) => {
    const expr = query.replaceAll(/"[^"]*"/g, '""');
    if (/[*/]|\bcount\b|changes\(/.test(expr)) return undefined;
    const [, word] = /_(seconds|bytes|milliseconds|ratio)(?:_bucket)?\b(?=[{)\s[]|$)/.exec(expr) ?? [];
    if (/rate\(|increase\(/.test(expr) && !/histogram_quantile/.test(expr)) return undefined;
    return (
      word && ({ seconds: 's', bytes: 'bytes', milliseconds: 'ms', ratio: 'percentunit' } as const)[word as 'seconds']
    );
  };
  const plotted = queried.filter(({ panel }) => panel.type !== 'table');
  test.each(plotted)('$name has the unit of its metrics', ({ panel }) => {
    for (const { expr = '' } of panel.targets ?? []) {
      const unit = unitOf(expr);
      if (unit) expect([expr, panel.fieldConfig?.defaults.unit]).toEqual([expr, unit]);
    }
  });
  test('of most the unit can be told', () => {
    const told = plotted.filter(({ panel }) => panel.targets?.some(({ expr = '' }) => unitOf(expr) !== undefined));
    expect(told.length).toBeGreaterThan(15);
    expect(unitOf('histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))')).toBe('s');
  });
});

describe.each(dashboards)('$title', ({ uid, title, description, panels: all, templating }) => {
  test('says what it is for', () => {
    expect(title).toMatch(/^[A-Z]/);
    expect(description).toMatch(/[.?]$/);
    expect(uid).toMatch(/^[a-z-]+$/);
  });
  test('rows are full or end early, and nothing overlaps', () => {
    const taken = new Set<string>();
    for (const { gridPos, title: panel } of all) {
      expect([panel, gridPos.x + gridPos.w <= 24]).toEqual([panel, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([panel, x, y, taken.has(`${x},${y}`)]).toEqual([panel, x, y, false]);
          taken.add(`${x},${y}`);
        }
    }
  });
  test('every panel has an id and a title of its own', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(new Set(all.map(({ title: panel }) => panel)).size).toBe(all.length);
  });
  test('every variable is used, and every one that is used exists', () => {
    const text = JSON.stringify(all);
    const names = templating.list.map(({ name }) => name);
    for (const name of names)
      expect([name, text.includes(`$${name}`) || text.includes(`\${${name}}`)]).toEqual([name, true]);
    const used = [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name!);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });
  test('links lead to dashboards and runbooks that exist', () => {
    for (const [, target] of JSON.stringify(all).matchAll(/\/d\/([\w-]+)/g)) expect(uids).toContain(target);
  });
});

test('uids are their own, and the files are named by them', () => {
  expect(new Set(uids).size).toBe(uids.length);
  expect(Object.keys(dashboardFiles)).toEqual(uids.map((uid) => `grafana/dashboards/${uid}.json`));
});
