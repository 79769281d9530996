import { describe, expect, test } from 'vitest';
import { type Dashboard, findingText, type Panel, panelsOf } from '../check/dashboard.ts';
import { expressionProblems, structureFindings, unitOf } from '../check/structure.ts';
import { dashboardFiles } from './dashboards.ts';
import { colorsInWords } from './panel.ts';
import { colors } from './tokens.ts';

const dashboards = Object.values(dashboardFiles).map((text) => JSON.parse(text) as Dashboard);
const uids = dashboards.map(({ uid }) => uid);

test('queries, units, titles, descriptions, types, transformations and links are sound', () => {
  expect(structureFindings(dashboards).map(findingText)).toEqual([]);
});

describe('it is noticed', () => {
  /** The dashboards with one panel of Services changed. */
  const changed = (title: string, change: (panel: Panel) => object) =>
    dashboards.map((dashboard) => ({
      ...dashboard,
      panels: dashboard.panels.map((panel) =>
        dashboard.uid === 'services' && panel.title === title ? ({ ...panel, ...change(panel) } as Panel) : panel,
      ),
    }));
  const unit = (one: string) => (panel: Panel) => ({
    fieldConfig: { ...panel.fieldConfig, defaults: { ...panel.fieldConfig!.defaults, unit: one } },
  });
  const expr = (one: string) => () => ({ targets: [{ refId: 'A', expr: one }] });
  test.each([
    ['no description', () => ({ description: '' }), 'it has no description'],
    ['a description that is no sentence', () => ({ description: 'How long' }), 'its description is no sentence'],
    [
      'a title too long',
      () => ({ title: 'How long requests took, together', gridPos: { x: 0, y: 0, w: 4, h: 8 } }),
      'its title does not fit into 4 columns',
    ],
    [
      'a type that the preview does not draw',
      () => ({ type: 'geomap' }),
      'its type geomap is not drawn by both viewers',
    ],
    [
      'an unknown transformation',
      () => ({ transformations: [{ id: 'joinByLabels' }] }),
      'the transformation joinByLabels is unknown',
    ],
    ['an unknown unit', unit('furlongs'), 'its unit furlongs is not one of ours'],
    ['a unit that is not that of the metric', unit('ms'), /^its unit is ms, and it plots s/],
    ['a link to no dashboard', () => ({ links: [{ url: '/d/nowhere' }] }), 'the link /d/nowhere leads nowhere'],
    [
      'a link to no runbook',
      () => ({ links: [{ url: 'http://localhost:8087/runbooks/Nothing' }] }),
      /^the link .*Nothing leads nowhere/,
    ],
    ['a link elsewhere', () => ({ links: [{ url: 'https://example.com' }] }), /leads nowhere$/],
    ['a renamed metric', expr('sum(http_requests_total)'), 'the metric http_requests_total is not in the catalogue'],
    [
      'a label that it does not have',
      expr('sum by (code) (slow_events_total)'),
      'none of its metrics has the label code',
    ],
    [
      'a value that its label never has',
      expr('sum(vulnerabilities_open{scope="prod"})'),
      'vulnerabilities_open never has scope="prod"',
    ],
    ['a pattern that no value has', expr('sum(sign_ins_total{outcome=~"denied|refuse"})'), /never has outcome=/],
    ['what is not PromQL', expr('sum by (metric) (rate(slow_events_total[5m])'), /^it is not PromQL at character/],
    [
      'a rate over the wrong window',
      expr('rate(slow_events_total[$__interval])'),
      'a rate without $__rate_interval or a fixed window',
    ],
  ])('%s', (_what, change, problem) => {
    const [finding, ...others] = structureFindings(changed('Duration', change));
    expect(finding?.problem).toMatch(problem);
    expect(finding?.dashboard).toBe('services');
    expect(others.filter(({ dashboard, panel }) => dashboard !== 'services' || panel !== finding!.panel)).toEqual([]);
  });
});

test('of most panels the unit can be told', () => {
  const plotted = dashboards.flatMap(panelsOf).filter(({ type }) => type !== 'table' && type !== 'text');
  const told = plotted.filter(({ targets }) => targets?.some(({ expr = '' }) => unitOf(expr) !== undefined));
  expect(told.length).toBeGreaterThan(15);
  expect(unitOf('histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))')).toBe('s');
});

test('a value that a variable chooses is any value', () => {
  expect(expressionProblems('sum(slow_events_total{metric=~"$metric"})')).toEqual([]);
});

test('colours are said in words', () => {
  expect(colorsInWords([colors.healthy, [1, colors.degraded], [50, colors.bad]], 'short')).toBe(
    ' Colours: green below 1, yellow from 1, red from 50.',
  );
  expect(colorsInWords([colors.bad, [0.95, colors.healthy]], 'percentunit')).toBe(
    ' Colours: red below 95 %, green from 95 %.',
  );
  expect(colorsInWords([colors.healthy, [36 * 3600, colors.degraded], [48 * 3600, colors.bad]], 's')).toBe(
    ' Colours: green below 36 h, yellow from 36 h, red from 2 days.',
  );
  expect(colorsInWords([colors.neutral], 's')).toBe('');
});

test('what has no value has the colour of neither good nor bad', () => {
  const coloured = dashboards
    .flatMap(panelsOf)
    .filter(({ type, fieldConfig }) => type === 'stat' && fieldConfig?.defaults.noValue !== undefined);
  expect(coloured.length).toBeGreaterThan(5);
  for (const { title, fieldConfig } of coloured)
    expect([title, JSON.stringify(fieldConfig)]).toEqual([title, expect.stringContaining('"match":"null+nan"')]);
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
  test('panels side by side are equally high', () => {
    const heights = new Map<number, Set<number>>();
    for (const { gridPos } of all) heights.set(gridPos.y, (heights.get(gridPos.y) ?? new Set()).add(gridPos.h));
    expect([...heights].filter(([, { size }]) => size > 1)).toEqual([]);
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
});

test('uids are their own, and the files are named by them', () => {
  expect(new Set(uids).size).toBe(uids.length);
  expect(Object.keys(dashboardFiles)).toEqual(uids.map((uid) => `grafana/dashboards/${uid}.json`));
});
