import { formatLabels } from '@grafana/data';
import { type Labels, prometheus, type QueryResult } from './api.ts';

/**
 * The values of a query variable: label_values(label), label_values(selector, label), label_names(), metrics(pattern) or
 * query_result(expression).
 * @throws {Error} naming what can be asked, when it is none of them
 */
export async function variableValues(query: string, range: { from: number; to: number }): Promise<string[]> {
  const window = { start: String(Math.floor(range.from / 1000)), end: String(Math.ceil(range.to / 1000)) };
  const text = query.trim();
  const [, selector, label] = /^label_values\(\s*(?:([\s\S]+?)\s*,\s*)?([a-zA-Z_]\w*)\s*\)$/.exec(text) ?? [];
  if (label)
    return prometheus<string[]>(`label/${label}/values`, selector ? { 'match[]': selector, ...window } : window);
  if (/^label_names\(\s*\)$/.test(text)) return prometheus<string[]>('labels', window);
  const [, pattern] = /^metrics\((.*)\)$/.exec(text) ?? [];
  if (pattern !== undefined) {
    const names = await prometheus<string[]>('label/__name__/values', window);
    return names.filter((name) => new RegExp(pattern).test(name));
  }
  const [, expression] = /^query_result\(([\s\S]+)\)$/.exec(text) ?? [];
  if (expression !== undefined) {
    const result = await prometheus<QueryResult>('query', { query: expression, time: window.end });
    if (result.resultType !== 'vector') return [];
    const name = ({ __name__, ...labels }: Labels) => `${__name__ ?? ''}${formatLabels(labels)}`;
    return result.result.map(({ metric, value }) => `${name(metric)} ${value?.[1]} ${(value?.[0] ?? 0) * 1000}`);
  }
  throw new Error(
    'A variable is read with label_values(), label_names(), metrics() or query_result(); this one is none of them.',
  );
}
