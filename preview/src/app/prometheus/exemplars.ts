import { createDataFrame, type DataFrame, DataTopic, FieldType } from '@grafana/data';
import { type ExemplarSeries, sampleNumber } from './api.ts';

/** More diamonds than this would cover the lines. */
const COLUMNS = 80;

/** Name of the frame that a time series draws as diamonds. */
export const EXEMPLARS = 'exemplar';

/** The slowest exemplar of each small part of the range, with its labels; undefined when there is none. */
export function exemplarFrame(
  series: readonly ExemplarSeries[],
  { refId, from, to }: { refId: string; from: number; to: number },
): DataFrame | undefined {
  const slowest = new Map<number, { at: number; value: number; labels: Record<string, string> }>();
  for (const { seriesLabels, exemplars } of series) {
    for (const { labels, value, timestamp } of exemplars) {
      const column = Math.floor(((timestamp - from) / Math.max(1, to - from)) * COLUMNS);
      const number = sampleNumber(value);
      if (number > (slowest.get(column)?.value ?? -Infinity)) {
        slowest.set(column, { at: timestamp * 1000, value: number, labels: { ...seriesLabels, ...labels } });
      }
    }
  }
  const rows = [...slowest.values()].sort((a, b) => a.at - b.at);
  if (rows.length === 0) return undefined;
  const names = [...new Set(rows.flatMap(({ labels }) => Object.keys(labels)))].sort();
  return createDataFrame({
    refId,
    name: EXEMPLARS,
    meta: { dataTopic: DataTopic.Annotations },
    fields: [
      { name: 'Time', type: FieldType.time, values: rows.map(({ at }) => at) },
      { name: 'Value', type: FieldType.number, values: rows.map(({ value }) => value) },
      ...names.map((name) => ({ name, type: FieldType.string, values: rows.map(({ labels }) => labels[name] ?? '') })),
    ],
  });
}
