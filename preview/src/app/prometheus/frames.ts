import { createDataFrame, type DataFrame, DataFrameType, FieldType, renderLegendFormat } from '@grafana/data';
import type { Labels, QueryResult, Sample, Series } from './api.ts';
import { sampleNumber } from './api.ts';

export interface PromTarget {
  readonly refId: string;
  readonly expr: string;
  readonly instant?: boolean;
  readonly range?: boolean;
  readonly exemplar?: boolean;
  readonly format?: 'time_series' | 'table' | 'heatmap';
  readonly legendFormat?: string;
  readonly interval?: string;
  readonly hide?: boolean;
}

/** Both ends in seconds on the grid of `stepS`. */
export interface Grid {
  readonly from: number;
  readonly to: number;
  readonly stepS: number;
}

export interface FrameOptions {
  readonly target: PromTarget;
  /** With variables put in. */
  readonly expr: string;
  readonly grid: Grid;
}

/** One answer of Prometheus in Grafana's form, by the target's format. */
export function toFrames(result: QueryResult, { target, expr, grid }: FrameOptions): DataFrame[] {
  const series = seriesOf(result);
  const instant = result.resultType !== 'matrix';
  const meta = { executedQueryString: `Expr: ${expr}\nStep: ${grid.stepS}s` };
  if (target.format === 'table') return [tableFrame(target, series, meta)];
  if (target.format === 'heatmap') return series.length > 0 ? [bucketFrame(target, series, grid, meta)] : [];
  return series.map((one) => {
    const name = legend(target, one.metric, expr);
    const { times, values } = instant ? points(samplesOf(one)) : onGrid(samplesOf(one), grid);
    return createDataFrame({
      refId: target.refId,
      name,
      meta: { ...meta, type: instant ? DataFrameType.NumericMulti : DataFrameType.TimeSeriesMulti },
      fields: [
        { name: 'Time', type: FieldType.time, values: times, config: { interval: grid.stepS * 1000 } },
        {
          name: 'Value',
          type: FieldType.number,
          values,
          labels: { ...one.metric },
          config: { displayNameFromDS: name },
        },
      ],
    });
  });
}

function seriesOf(answer: QueryResult): readonly Series[] {
  if (answer.resultType === 'matrix' || answer.resultType === 'vector') return answer.result;
  return [{ metric: {}, values: [answer.result] }];
}

const samplesOf = ({ values, value }: Series): readonly Sample[] => values ?? (value ? [value] : []);

function points(samples: readonly Sample[]) {
  return { times: samples.map(([at]) => at * 1000), values: samples.map(([, text]) => sampleNumber(text)) };
}

/** A value at each step, null where there is none: so that gaps stay gaps. */
function onGrid(samples: readonly Sample[], { from, to, stepS }: Grid) {
  const times: number[] = [];
  const values: (number | null)[] = [];
  let next = 0;
  const count = Math.floor((to - from) / stepS + 1e-6);
  for (let index = 0; index <= count; index++) {
    const at = from + index * stepS;
    const sample = samples[next];
    const here = sample !== undefined && Math.abs(sample[0] - at) < stepS / 2;
    times.push(at * 1000);
    values.push(here ? sampleNumber(sample[1]) : null);
    if (here) next += 1;
  }
  return { times, values };
}

/** The name of a series: by the target's format, else as Prometheus writes it. */
export function legend(target: Pick<PromTarget, 'legendFormat'>, metric: Labels, expr: string): string {
  if (target.legendFormat && target.legendFormat !== '__auto')
    return renderLegendFormat(target.legendFormat, { ...metric });
  const { __name__: name = '', ...labels } = metric;
  const inside = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  if (name === '' && inside.length === 0) return expr;
  return inside.length > 0 ? `${name}{${inside.join(', ')}}` : name;
}

function tableFrame(target: PromTarget, series: readonly Series[], meta: object): DataFrame {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const rows = series.flatMap((one) => samplesOf(one).map((sample) => ({ sample, metric: one.metric })));
  return createDataFrame({
    refId: target.refId,
    meta: { ...meta, preferredVisualisationType: 'table' },
    fields: [
      { name: 'Time', type: FieldType.time, values: rows.map(({ sample }) => sample[0] * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: rows.map(({ metric }) => metric[label] ?? ''),
        config: { filterable: true },
      })),
      {
        name: `Value #${target.refId}`,
        type: FieldType.number,
        values: rows.map(({ sample }) => sampleNumber(sample[1])),
      },
    ],
  });
}

/** Cumulative buckets become one row of counts each, lowest first. */
function bucketFrame(target: PromTarget, series: readonly Series[], grid: Grid, meta: object): DataFrame {
  const bound = ({ metric }: Series) => sampleNumber(metric.le ?? '');
  const sorted = [...series].sort((a, b) => bound(a) - bound(b));
  const cumulative = sorted.map((one) => onGrid(samplesOf(one), grid));
  const times = cumulative[0]?.times ?? [];
  return createDataFrame({
    refId: target.refId,
    meta: { ...meta, type: DataFrameType.HeatmapRows },
    fields: [
      { name: 'Time', type: FieldType.time, values: times, config: { interval: grid.stepS * 1000 } },
      ...sorted.map(({ metric }, row) => ({
        name: metric.le ?? '',
        type: FieldType.number,
        labels: { ...metric },
        values: times.map((_, index) => {
          const own = cumulative[row]?.values[index] ?? null;
          const below = cumulative[row - 1]?.values[index] ?? 0;
          return own === null ? null : Math.max(0, own - below);
        }),
      })),
    ],
  });
}
