import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as tempo from '@grafana/grafana-foundation-sdk/tempo';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { type Color, colors, heights, widths } from './tokens.ts';

const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };
const TEMPO = { type: 'tempo', uid: 'tempo' };

/** PromQL, whole, and what its series are called: `{{label}}` stands for a label's value. */
export type Query = readonly [expr: string, legend: string];

interface About {
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** As Grafana names units. */
  readonly unit: string;
  readonly span?: number;
  readonly height?: number;
  /** Why there may be nothing to show; it is what the panel then says. A panel without it always has something. */
  readonly empty?: string;
  /** Where a click on the panel's title leads. */
  readonly link?: Link;
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

const linkBuilder = ({ title, url }: Link) => new dashboard.DashboardLinkBuilder(title).url(url).targetBlank(false);

/** From a value on: its colour. The first is the colour below all others. */
export type Steps = readonly [first: Color, ...then: readonly (readonly [from: number, color: Color])[]];

const thresholds = ([first, ...then]: Steps) =>
  new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps([{ value: null, color: first }, ...then.map(([value, color]) => ({ value, color }))]);

/** Values as words: `{ 0: ['down', colors.bad] }`. */
export type Words = Readonly<Record<string, readonly [text: string, color: Color]>>;

const mapping = (words: Words): dashboard.ValueMapping => ({
  type: dashboard.MappingType.ValueToText,
  options: Object.fromEntries(
    Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]),
  ),
});

/** Nothing is neither good nor bad: without this it would have the colour of the first step. */
const nothing = (text: string): dashboard.ValueMapping => ({
  type: dashboard.MappingType.SpecialValue,
  options: { match: dashboard.SpecialValueMatch.NullAndNan, result: { text, color: colors.unknown, index: 0 } },
});

const mappings = (words: Words | undefined, empty: string | undefined) => [
  ...(words ? [mapping(words)] : []),
  ...(empty === undefined ? [] : [nothing(empty)]),
];

const COLOR_WORDS: Readonly<Record<string, string>> = {
  [colors.healthy]: 'green',
  [colors.degraded]: 'yellow',
  [colors.bad]: 'red',
  [colors.typical]: 'blue',
  [colors.neutral]: 'no colour',
};

const spelt = (value: number, unit: string): string => {
  if (unit === 'percentunit') return `${Math.round(value * 1000) / 10} %`;
  if (unit !== 's') return value.toLocaleString('en');
  const [size, word] = (
    [
      [86_400, 'days'],
      [3600, 'h'],
      [60, 'min'],
    ] as const
  ).find(([size]) => value >= 2 * size) ?? [1, 's'];
  return `${value / size} ${word}`;
};

/** What the colours stand for, in words. */
export function colorsInWords([first, ...then]: Steps, unit: string): string {
  const parts = [
    ...(then[0] ? [`${COLOR_WORDS[first]} below ${spelt(then[0][0], unit)}`] : []),
    ...then.map(([from, color]) => `${COLOR_WORDS[color]} from ${spelt(from, unit)}`),
  ];
  return parts.length === 0 ? '' : ` Colours: ${parts.join(', ')}.`;
}

/** Scraped by Prometheus itself, every 15 s; the services are by the Collector, every 5 s, as the data source says. */
const ENGINES = /\b(otelcol|prometheus|alertmanager|tempo|process)_/;

const letter = (index: number) => String.fromCharCode(65 + index);

function promql([expr, legend]: Query, index: number) {
  const query = new prometheus.DataqueryBuilder()
    .datasource(PROMETHEUS)
    .refId(letter(index))
    .expr(expr)
    .legendFormat(legend);
  // Of what a small practice does within twenty seconds no percentile can be told: a rate looks back two minutes at least.
  if (expr.includes('$__rate_interval')) return query.interval('30s');
  return ENGINES.test(expr) ? query.interval('15s') : query;
}

/** The least that an axis shows, where it is not 1. */
const SMALL: Readonly<Record<string, number>> = { percentunit: 0.01, none: 0.1, s: 0.01, bytes: 1024 };

/** Lines over time. */
export function graph({
  title,
  description,
  unit,
  span = widths.third,
  height = heights.graph,
  empty,
  link,
  queries,
  limit,
  stacked = false,
  exemplars = false,
  max,
  lineColors = {},
  targets = [],
  points = false,
  manySeries = false,
}: About & {
  readonly queries: readonly Query[];
  /** Drawn as a dashed line, in the panel's unit. */
  readonly limit?: number;
  readonly stacked?: boolean;
  /** Points that lead to the trace of one request. */
  readonly exemplars?: boolean;
  readonly max?: number;
  /** By the name of the series. */
  readonly lineColors?: Readonly<Record<string, Color>>;
  /** Names of series that are promises: drawn dashed, with nothing below them. */
  readonly targets?: readonly string[];
  /** For what is rare: a single value is no line. */
  readonly points?: boolean;
  /** So many that their names need the whole height. */
  readonly manySeries?: boolean;
}): Builder<dashboard.Panel> {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(PROMETHEUS)
    .span(span)
    .height(height)
    .min(0)
    .lineWidth(2)
    .fillOpacity(stacked ? 30 : 8)
    // What is always 0 is a line at the bottom of an axis that says something.
    .axisSoftMax(limit === undefined ? (SMALL[unit] ?? 1) : limit * 1.1)
    .showPoints(points ? common.VisibilityMode.Always : common.VisibilityMode.Never)
    .pointSize(6)
    .spanNulls(false)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(manySeries ? common.LegendPlacement.Right : common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
  if (max !== undefined) panel.max(max);
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  if (limit !== undefined) {
    panel
      .thresholds(thresholds([colors.neutral, [limit, colors.limit]]))
      .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed));
  }
  for (const [name, color] of Object.entries(lineColors)) {
    panel.overrideByName(name, [
      { id: 'color', value: { mode: 'fixed', fixedColor: color } },
      ...(targets.includes(name)
        ? [
            { id: 'custom.fillOpacity', value: 0 },
            { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
          ]
        : []),
    ]);
  }
  queries.forEach((query, index) => {
    panel.withTarget(promql(query, index).range().exemplar(exemplars));
  });
  if (empty) panel.noValue(empty);
  if (link) panel.links([linkBuilder(link)]);
  return panel;
}

/** A number, or several, as it is now. */
export function number({
  title,
  description,
  unit,
  span = widths.eighth,
  height = heights.stat,
  empty,
  link,
  queries,
  steps,
  words,
  decimals,
  history = false,
}: About & {
  readonly queries: readonly Query[];
  readonly steps?: Steps;
  readonly words?: Words;
  readonly decimals?: number;
  /** Draws how it came to be behind the number. */
  readonly history?: boolean;
}): Builder<dashboard.Panel> {
  const panel = new stat.PanelBuilder()
    .title(title)
    .description(steps ? description + colorsInWords(steps, unit) : description)
    .unit(unit)
    .datasource(PROMETHEUS)
    .span(span)
    .height(height)
    .colorMode(steps || words ? common.BigValueColorMode.Background : common.BigValueColorMode.None)
    .graphMode(history ? common.BigValueGraphMode.Area : common.BigValueGraphMode.None)
    .textMode(queries.length > 1 ? common.BigValueTextMode.ValueAndName : common.BigValueTextMode.Auto)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(thresholds(steps ?? [colors.neutral]));
  if (decimals !== undefined) panel.decimals(decimals);
  if (words || empty) panel.mappings(mappings(words, empty));
  queries.forEach((query, index) => {
    panel.withTarget(history ? promql(query, index).range() : promql(query, index).instant());
  });
  if (empty) panel.noValue(empty);
  if (link) panel.links([linkBuilder(link)]);
  return panel;
}

/** Values side by side, as they are now. */
export function bars({
  title,
  description,
  unit,
  span = widths.third,
  height = heights.graph,
  empty,
  link,
  queries,
  steps,
  max,
}: About & {
  readonly queries: readonly Query[];
  readonly steps: Steps;
  readonly max?: number;
}): Builder<dashboard.Panel> {
  const panel = new bargauge.PanelBuilder()
    .title(title)
    .description(description + colorsInWords(steps, unit))
    .unit(unit)
    .datasource(PROMETHEUS)
    .span(span)
    .height(height)
    .min(0)
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .namePlacement(common.BarGaugeNamePlacement.Left)
    .text(new common.VizTextDisplayOptionsBuilder().titleSize(12).valueSize(18))
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(thresholds(steps));
  if (max !== undefined) panel.max(max);
  queries.forEach((query, index) => {
    panel.withTarget(promql(query, index).instant());
  });
  if (empty) panel.noValue(empty).mappings(mappings(undefined, empty));
  if (link) panel.links([linkBuilder(link)]);
  return panel;
}

/** States over time, one line per series. */
export function states({
  title,
  description,
  unit,
  span = widths.full,
  height = heights.graph,
  empty,
  link,
  queries,
  words,
}: About & { readonly queries: readonly Query[]; readonly words: Words }): Builder<dashboard.Panel> {
  const panel = new statetimeline.PanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(PROMETHEUS)
    .span(span)
    .height(height)
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .mappings([mapping(words)])
    .thresholds(thresholds([colors.unknown]));
  queries.forEach((query, index) => {
    panel.withTarget(promql(query, index).range());
  });
  if (empty) panel.noValue(empty);
  if (link) panel.links([linkBuilder(link)]);
  return panel;
}

/** A column of a {@link rows} panel: the value of one query, or a label of its series. */
export interface Column {
  readonly title: string;
  /** Absent for a label, which `label` names. */
  readonly expr?: string;
  readonly label?: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly steps?: Steps;
  readonly words?: Words;
  readonly link?: Link;
  readonly width?: number;
}

/** A table, one row for each value of a label that all its queries share. */
export function rows({
  title,
  description,
  span = widths.half,
  height = heights.table,
  empty,
  link,
  columns,
  sort,
}: Omit<About, 'unit'> & {
  readonly columns: readonly Column[];
  /** Title of the column that it is sorted by, greatest first. */
  readonly sort?: string;
}): Builder<dashboard.Panel> {
  const queries = columns.filter(({ expr }) => expr !== undefined);
  const refs = new Map(queries.map(({ title: name }, index) => [name, letter(index)]));
  /** A single value is called with or without the letter of its query, by the version of the viewer. */
  const fields = ({ title: name, label }: Column) =>
    label ? [label] : [`Value #${refs.get(name)}`, ...(queries.length === 1 ? ['Value'] : [])];
  const panel = new table.PanelBuilder()
    .title(title)
    .description(
      description +
        columns
          .map(
            ({ title: name, steps, unit = 'short' }) =>
              steps && ` ${name}:${colorsInWords(steps, unit).replace(' Colours:', '')}`,
          )
          .filter(Boolean)
          .join(''),
    )
    .unit('short')
    .datasource(PROMETHEUS)
    .span(span)
    .height(height)
    .minWidth(50)
    .transformations([
      { id: 'merge', options: {} },
      // Only what is listed, in the order of the list.
      {
        id: 'filterFieldsByName',
        options: { include: { names: columns.flatMap(fields) } },
      },
      {
        id: 'organize',
        options: {
          excludeByName: {},
          indexByName: Object.fromEntries(
            columns.flatMap((column, index) => fields(column).map((name) => [name, index])),
          ),
          renameByName: Object.fromEntries(
            columns.flatMap((column) => fields(column).map((name) => [name, column.title])),
          ),
        },
      },
    ]);
  queries.forEach(({ expr }, index) => {
    panel.withTarget(promql([expr!, ''], index).instant().format(prometheus.PromQueryFormat.Table));
  });
  for (const { title: name, unit, decimals, steps, words, link: to, width } of columns) {
    const properties: dashboard.DynamicConfigValue[] = [];
    if (unit) properties.push({ id: 'unit', value: unit });
    if (decimals !== undefined) properties.push({ id: 'decimals', value: decimals });
    // A cell without a value; the panel's own words are for a table without rows.
    properties.push({ id: 'noValue', value: '–' }, { id: 'mappings', value: mappings(words, '–') });
    if (steps) properties.push({ id: 'thresholds', value: thresholds(steps).build() });
    if (steps || words) properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
    if (to) properties.push({ id: 'links', value: [{ title: to.title, url: to.url }] });
    if (width) properties.push({ id: 'custom.width', value: width });
    panel.overrideByName(name, properties);
  }
  if (sort) panel.sortBy([new common.TableSortByFieldStateBuilder().displayName(sort).desc(true)]);
  if (empty) panel.noValue(empty);
  if (link) panel.links([linkBuilder(link)]);
  return panel;
}

/** Traces that match a TraceQL query, newest first; each leads to its waterfall. */
export function traces({
  title,
  description,
  query,
  span = widths.full,
  height = heights.table,
  empty,
}: Omit<About, 'unit' | 'link'> & { readonly query: string; readonly empty: string }): Builder<dashboard.Panel> {
  return new table.PanelBuilder()
    .title(title)
    .description(description)
    .unit('short')
    .datasource(TEMPO)
    .span(span)
    .height(height)
    .noValue(empty)
    .withTarget(
      new tempo.DataqueryBuilder()
        .datasource(TEMPO)
        .refId('A')
        .queryType('traceql')
        .query(query)
        .limit(20)
        .tableType(tempo.SearchTableType.Traces),
    )
    .minWidth(50)
    .overrideByName('Trace ID', [{ id: 'custom.width', value: 285 }])
    .overrideByName('Start time', [{ id: 'custom.width', value: 190 }])
    .overrideByName('Duration', [{ id: 'custom.width', value: 85 }]);
}
