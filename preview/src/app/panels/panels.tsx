import { FieldColorModeId, type PanelPlugin, type PanelProps } from '@grafana/data';
import { AlertListPanel } from './alert-list.tsx';
import { EventListPanel } from './event-list.tsx';
import { Heatmap } from './heatmap.tsx';
import { PieChart } from './pie-chart.tsx';
import { HIDE_FROM, LEGEND, panelPlugin, REDUCE } from './plugin.tsx';
import { BarGaugePanel, GaugePanel, StatPanel } from './reduced.tsx';
import { TablePanel } from './table.tsx';
import { TextPanel } from './text.tsx';
import { TimeSeriesPanel } from './time-series.tsx';
import { Timeline, type TimelineOptions } from './timeline.tsx';

/** Options that have no default but that an override may set. */
const UNSET_IN_GRAPH = [
  ...['lineStyle', 'fillBelowTo', 'transform', 'axisSoftMin', 'axisSoftMax', 'axisWidth', 'axisBorderShow'],
  ...['pointSymbol', 'barMaxWidth', 'lineColor', 'fillColor', 'axisCenteredZero', 'scaleDistribution', 'showValues'],
];

const GRAPH = {
  ...Object.fromEntries(UNSET_IN_GRAPH.map((path) => [path, undefined])),
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  showPoints: 'auto',
  pointSize: 5,
  barAlignment: 0,
  barWidthFactor: 0.6,
  axisPlacement: 'auto',
  axisLabel: '',
  axisColorMode: 'text',
  axisGridShow: true,
  thresholdsStyle: { mode: 'off' },
  stacking: { mode: 'none', group: 'A' },
  spanNulls: false,
  insertNulls: false,
  ...HIDE_FROM,
};

const TABLE = {
  align: 'auto',
  cellOptions: { type: 'auto' },
  width: undefined,
  minWidth: 150,
  filterable: undefined,
  inspect: false,
  wrapText: false,
  hideFrom: undefined,
  footer: undefined,
  tooltip: undefined,
};

const Changes = (props: PanelProps<TimelineOptions>) => <Timeline {...props} mode="changes" />;
const Samples = (props: PanelProps<TimelineOptions>) => <Timeline {...props} mode="samples" />;

/** Every panel type that the preview draws, by Grafana's name for it; `row` is the scene's. */
export const panelPlugins = (): Record<string, PanelPlugin> => ({
  timeseries: panelPlugin(TimeSeriesPanel, {
    options: { legend: LEGEND, tooltip: { mode: 'single', sort: 'none' } },
    custom: GRAPH,
    overlays: true,
    color: FieldColorModeId.PaletteClassic,
  }),
  stat: panelPlugin(StatPanel, {
    options: {
      graphMode: 'area',
      colorMode: 'value',
      justifyMode: 'auto',
      textMode: 'auto',
      wideLayout: true,
      orientation: 'auto',
      reduceOptions: REDUCE,
      percentChangeColorMode: 'standard',
    },
  }),
  gauge: panelPlugin(GaugePanel, {
    options: { reduceOptions: REDUCE, showThresholdLabels: false, showThresholdMarkers: true, orientation: 'auto' },
    custom: { neutral: undefined },
  }),
  bargauge: panelPlugin(BarGaugePanel, {
    options: {
      displayMode: 'gradient',
      orientation: 'auto',
      showUnfilled: true,
      minVizWidth: 8,
      minVizHeight: 16,
      maxVizHeight: 300,
      valueMode: 'color',
      namePlacement: 'auto',
      reduceOptions: REDUCE,
    },
  }),
  table: panelPlugin(TablePanel, { options: { showHeader: true, cellHeight: 'sm', frameIndex: 0 }, custom: TABLE }),
  text: panelPlugin(TextPanel, { options: { mode: 'markdown', content: '' }, skipDataQuery: true }),
  'state-timeline': panelPlugin(Changes, {
    options: { mergeValues: true, showValue: 'auto', rowHeight: 0.9, alignValue: 'left', legend: LEGEND },
    custom: { lineWidth: 0, fillOpacity: 70, spanNulls: false, insertNulls: false, ...HIDE_FROM },
  }),
  'status-history': panelPlugin(Samples, {
    options: { showValue: 'auto', rowHeight: 0.9, colWidth: 0.9, legend: LEGEND },
    custom: { lineWidth: 1, fillOpacity: 70, ...HIDE_FROM },
  }),
  heatmap: panelPlugin(Heatmap, {
    options: {
      calculate: false,
      color: { mode: 'scheme', scheme: 'Oranges', fill: 'dark-orange', exponent: 0.5, steps: 64, reverse: false },
      cellGap: 1,
      legend: { show: true },
      yAxis: {},
      filterValues: { le: 1e-9 },
    },
    custom: { scaleDistribution: undefined, ...HIDE_FROM },
  }),
  piechart: panelPlugin(PieChart, {
    options: { pieType: 'pie', reduceOptions: REDUCE, legend: { ...LEGEND, placement: 'right' } },
    custom: HIDE_FROM,
    color: FieldColorModeId.PaletteClassic,
  }),
  alertlist: panelPlugin(AlertListPanel, {
    options: {
      maxItems: 20,
      sortOrder: 3,
      alertName: '',
      alertInstanceLabelFilter: '',
      stateFilter: { firing: true, pending: true, normal: false },
    },
    skipDataQuery: true,
  }),
  annolist: panelPlugin(EventListPanel, { options: { limit: 10 }, overlays: true }),
});
