import { parser } from '@prometheus-io/lezer-promql';

/** What stands for a variable of a dashboard when a query is looked at outside of one. */
export interface Values {
  readonly interval: string;
  readonly range: string;
}

/** Replaces Grafana's variables, so that Prometheus understands the query. A chosen label value becomes "any". */
export const withoutVariables = (expr: string, { interval = '5m', range = '1h' }: Partial<Values> = {}): string =>
  expr
    .replaceAll(/\$__(rate_)?interval\b/g, interval)
    .replaceAll(/\$__range\b/g, range)
    .replaceAll(/\$(?!\d)(\{\w+\}|\w+)/g, (whole) => (/^\$\{\d+\}$/.test(whole) ? whole : '.+'));

export interface Names {
  readonly metrics: readonly string[];
  /** Of matchers, groupings and joins. */
  readonly labels: readonly string[];
  /** Where the text is not PromQL: offsets. */
  readonly errors: readonly number[];
}

/** Labels that `label_replace` makes of others. */
export const renamedIn = (expr: string): readonly string[] =>
  [...expr.matchAll(/[)\w],\s*"(\w+)",\s*"\$/g)].map(([, label]) => label!);

/** Metrics and labels that a PromQL expression names. */
export function namesIn(expr: string): Names {
  const metrics = new Set<string>();
  const labels = new Set<string>();
  const errors: number[] = [];
  parser.parse(expr).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) errors.push(from);
      else if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') metrics.add(expr.slice(from, to));
      else if (type.name === 'LabelName') labels.add(expr.slice(from, to));
    },
  });
  return { metrics: [...metrics], labels: [...labels], errors };
}

export interface Matcher {
  readonly metric: string;
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** What each metric of an expression has to match. */
export function matchersIn(expr: string): readonly Matcher[] {
  const found: Matcher[] = [];
  parser.parse(expr).iterate({
    enter({ type, node }) {
      if (type.name !== 'VectorSelector') return;
      const text = expr.slice(node.from, node.to);
      const metric = /^[\w:]+/.exec(text)?.[0] ?? '';
      for (const [, label = '', operator = '', value = ''] of text.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g))
        found.push({ metric, label, operator, value });
    },
  });
  return found;
}
