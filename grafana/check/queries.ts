/** What a running stack answers to the queries of dashboards. */
import { type Names, namesIn, renamedIn, withoutVariables } from '../src/promql.ts';
import { type Dashboard, type Finding, panelsOf, type Target } from './dashboard.ts';

export interface Servers {
  /** Base URLs. */
  readonly prometheus: string;
  readonly tempo: string;
}

export interface CheckOptions extends Servers {
  /** Moment that is asked for, in seconds since 1970; default: now. */
  readonly at?: number;
  /** How far back, in seconds; default: an hour. */
  readonly lookBack?: number;
  onProgress?(progress: { readonly done: number; readonly of: number; readonly name: string }): void;
}

export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly queries: number;
  /** Queries that were empty, as their panels say they may be. */
  readonly empty: readonly string[];
}

class Refused extends Error {
  override readonly name = 'Refused';
}

/** They are counted from the first time on, and do not exist before. */
const FROM_FIRST_TIME =
  /^(slow_event:count1h|slow_event_duration_milliseconds|otelcol_processor_filter_\w+|otelcol_(receiver|exporter)_\w*(refused|failed|log_records)\w*|tempo_discarded_spans_total|ALERTS(_FOR_STATE)?)$/;

const WITHIN_MS = 30_000;
const POINTS = 60;

async function ask<Body>(url: string, form?: Readonly<Record<string, string>>): Promise<Body> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(WITHIN_MS),
    ...(form && { method: 'POST', body: new URLSearchParams(form) }),
  }).catch((error: Error) => {
    throw new Error(`${new URL(url).origin} does not answer (${error.message}). Start the stack first: npm start`);
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Body;
  let message = text.slice(0, 300);
  try {
    message = (JSON.parse(text) as { error?: string }).error ?? message;
  } catch {}
  throw new Refused(message);
}

type Samples = readonly (readonly [time: number, value: string])[];
interface Answer {
  readonly data: { readonly result: readonly { readonly value?: Samples[number]; readonly values?: Samples }[] };
}

const isEmpty = ({ data }: Answer) =>
  data.result
    .flatMap(({ value, values = [] }) => (value ? [value] : values))
    .every(([, value]) => Number.isNaN(Number(value)) && !/Inf/.test(value));

/** Executes every query of panels, variables and annotations, one after the other. */
export async function queryFindings(dashboards: readonly Dashboard[], options: CheckOptions): Promise<CheckResult> {
  const { prometheus, tempo, at = Date.now() / 1000, lookBack = 3600, onProgress } = options;
  const start = at - lookBack;
  const step = String(Math.max(15, Math.round(lookBack / POINTS)));
  const findings: Finding[] = [];
  const empty: string[] = [];
  const labels = new Map<string, readonly string[]>();
  const names = new Set((await ask<{ data: string[] }>(`${prometheus}/api/v1/label/__name__/values`)).data);

  /** Labels that the metric has in this Prometheus. */
  const labelsIn = async (metric: string) => {
    const known = labels.get(metric);
    if (known) return known;
    const { data } = await ask<{ data: string[] }>(`${prometheus}/api/v1/labels?match[]=${encodeURIComponent(metric)}`);
    labels.set(metric, data);
    return data;
  };
  const promql = (expr: string, range: boolean) => {
    const query = withoutVariables(expr, { interval: '5m', range: `${lookBack}s` });
    return range
      ? ask<Answer>(`${prometheus}/api/v1/query_range`, { query, start: String(start), end: String(at), step })
      : ask<Answer>(`${prometheus}/api/v1/query`, { query, time: String(at) });
  };
  const traceql = (query: string) => {
    const parameters = new URLSearchParams({ q: query, start: String(Math.floor(start)), end: String(Math.ceil(at)) });
    return ask<{ traces?: readonly unknown[] }>(`${tempo}/api/search?${parameters}`);
  };

  /** Whose absence explains an empty answer. */
  const absent = async (expr: string, used: Names, mayBeEmpty: boolean) => {
    const gone = used.metrics.filter((metric) => !names.has(metric) && !FROM_FIRST_TIME.test(metric));
    if (gone.length > 0 && !mayBeEmpty) return `this Prometheus has no metric ${gone.join(', ')}`;
    if (used.metrics.some((metric) => !names.has(metric)) || used.metrics.length === 0) return undefined;
    const has = new Set((await Promise.all(used.metrics.map(labelsIn))).flat());
    const renamed = renamedIn(expr);
    const missing = used.labels.filter((label) => !has.has(label) && !renamed.includes(label));
    // A closed list of alerts may not have fired with each of its labels yet.
    if (missing.length === 0 || mayBeEmpty || /\bALERTS/.test(expr)) return undefined;
    return `in this Prometheus none of its metrics has the label ${missing.join(', ')}`;
  };

  const jobs = dashboards.flatMap((dashboard) => [
    ...panelsOf(dashboard).flatMap((panel) =>
      (panel.targets ?? []).map((target) => ({ dashboard, name: panel.title, target, panel })),
    ),
    ...dashboard.annotations.list.map(({ name, expr }) => ({
      ...{ dashboard, name, panel: undefined },
      target: { refId: 'Anno', expr, range: true } satisfies Target,
    })),
  ]);
  let done = 0;
  for (const { dashboard, name, target, panel } of jobs) {
    onProgress?.({ done: ++done, of: jobs.length, name: `${dashboard.uid}: ${name}` });
    const { expr, query }: Target = target;
    const about = { dashboard: dashboard.uid, panel: name, query: expr ?? query ?? '' };
    const reason = panel?.fieldConfig?.defaults.noValue;
    const used = expr === undefined ? undefined : namesIn(withoutVariables(expr));
    const mayBeEmpty =
      panel === undefined ||
      reason !== undefined ||
      (used?.metrics ?? []).every((metric) => FROM_FIRST_TIME.test(metric));
    try {
      const nothing =
        expr === undefined
          ? ((await traceql(query ?? '')).traces ?? []).length === 0
          : isEmpty(await promql(expr, target.range === true));
      const why = expr === undefined || !used ? undefined : await absent(expr, used, mayBeEmpty);
      if (why)
        findings.push({
          ...about,
          problem: why,
          remedy:
            'Was it renamed, or does its service not run? See catalogue/signals.ts and npm run status. Within the first minute of a stack: ask again.',
        });
      else if (nothing && !mayBeEmpty)
        findings.push({
          ...about,
          problem: 'the answer is empty',
          remedy:
            'Mend the query; or, when there may be nothing, say why in `empty` of the panel: people will read it there.',
        });
      else if (nothing && panel) empty.push(`${dashboard.uid}: ${name}${reason ? `: ${reason}` : ''}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      findings.push({
        ...about,
        problem: `the server refuses it: ${error.message}`,
        remedy: 'Ask it in Explore, which marks the place.',
      });
    }
  }
  let variables = 0;
  for (const { uid, templating } of dashboards)
    for (const { name, query } of templating.list) {
      const [, metric, label] = /^label_values\(([\w:]+), (\w+)\)$/.exec(typeof query === 'string' ? query : '') ?? [];
      if (!metric || !label) continue;
      variables += 1;
      const { data } = await ask<{ data: string[] }>(
        `${prometheus}/api/v1/label/${label}/values?match[]=${encodeURIComponent(metric)}`,
      );
      if (data.length === 0)
        findings.push({
          ...{ dashboard: uid, panel: `$${name}`, query: `label_values(${metric}, ${label})` },
          problem: 'the variable has no value',
          remedy: 'Name a metric and a label that this Prometheus has.',
        });
    }
  return { findings, queries: jobs.length + variables, empty };
}
