import {
  type AnnotationQuery,
  type DataFrame,
  type DataQuery,
  type DataQueryRequest,
  type DataQueryResponse,
  LoadingState,
  type MetricFindValue,
  rangeUtil,
  type ScopedVars,
  type TimeRange,
} from '@grafana/data';
import { RuntimeDataSource } from '@grafana/scenes';
import { Observable, of } from 'rxjs';
import { interpolate } from '../interpolate.ts';
import { type EventWording, eventsOf } from './alert-events.ts';
import { type ExemplarSeries, PrometheusError, prometheus, type QueryResult } from './api.ts';
import { exemplarFrame } from './exemplars.ts';
import { type PromTarget, toFrames } from './frames.ts';
import { SCRAPE_INTERVAL, stepOf } from './step.ts';
import { variableValues } from './variable-query.ts';

export const PROMETHEUS_UID = 'prometheus';

type Query = DataQuery & PromTarget;

const escapeRegex = (text: string) => text.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');

/** How a variable's value gets into PromQL: several as an alternation, and what may be several is escaped for a regular expression. */
function promFormat(
  value: unknown,
  _legacy: unknown,
  variable: { multi?: boolean; includeAll?: boolean } = {},
): string {
  if (Array.isArray(value)) {
    const parts = value.map((one) => escapeRegex(String(one)));
    return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join('|')})`;
  }
  return variable.multi || variable.includeAll ? escapeRegex(String(value)) : String(value);
}

const scoped = (value: string | number) => ({ text: value, value });

/** Grafana's Prometheus data source asks through Grafana's server; this one asks Prometheus' API itself. */
export class PrometheusSource extends RuntimeDataSource<Query> {
  override interval = SCRAPE_INTERVAL;
  override annotations = {
    prepareQuery: (annotation: AnnotationQuery<Query>) => {
      // Older dashboards hold the expression in the annotation itself.
      const { expr = '', step } = annotation as AnnotationQuery<Query> & { expr?: string; step?: string };
      const target = annotation.target as Query | undefined;
      return { ...target, refId: 'Anno', expr: target?.expr || expr, ...(step && { interval: step }) } as Query;
    },
    processEvents: (annotation: AnnotationQuery<Query>, frames: DataFrame[]) => {
      const interval = frames[0]?.fields[0]?.config.interval ?? 60_000;
      return of(eventsOf(frames, annotation as EventWording, interval));
    },
  };

  override query(request: DataQueryRequest<Query>): Observable<DataQueryResponse> {
    return new Observable((subscriber) => {
      const abort = new AbortController();
      const targets = request.targets.filter(({ hide, expr }) => !hide && expr);
      Promise.allSettled(targets.map((target) => ask(target, request, abort.signal))).then((answers) => {
        if (abort.signal.aborted) return;
        const data = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
        const errors = answers.flatMap((answer, index) =>
          answer.status === 'rejected' ? { message: messageOf(answer.reason), refId: targets[index]!.refId } : [],
        );
        subscriber.next({ data, errors, state: errors.length > 0 ? LoadingState.Error : LoadingState.Done });
        subscriber.complete();
      });
      return () => abort.abort();
    });
  }

  override async metricFindQuery(
    query: string | { query: string },
    options?: { range?: TimeRange; scopedVars?: ScopedVars },
  ): Promise<MetricFindValue[]> {
    const text = interpolate(typeof query === 'string' ? query : query.query, options?.scopedVars, promFormat);
    const to = options?.range?.to.valueOf() ?? Date.now();
    const values = await variableValues(text, { from: options?.range?.from.valueOf() ?? to - 3_600_000, to });
    return values.map((value) => ({ text: value, value, expandable: true }));
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'unknown error');

async function ask(target: Query, request: DataQueryRequest<Query>, signal: AbortSignal): Promise<DataFrame[]> {
  const { range, scopedVars } = request;
  const [fromMs, toMs] = [range.from.valueOf(), range.to.valueOf()];
  const minStep = target.interval ? interpolate(target.interval, scopedVars) : SCRAPE_INTERVAL;
  const { stepMs, rateIntervalMs } = stepOf({
    intervalMs: request.intervalMs,
    minStepMs: rangeUtil.intervalToMs(minStep),
    rangeMs: toMs - fromMs,
  });
  const rangeS = Math.round((toMs - fromMs) / 1000);
  const expr = interpolate(
    target.expr,
    {
      ...scopedVars,
      __rate_interval: scoped(`${rateIntervalMs / 1000}s`),
      __rate_interval_ms: scoped(rateIntervalMs),
      __interval: scoped(`${stepMs / 1000}s`),
      __interval_ms: scoped(stepMs),
      __range: scoped(`${rangeS}s`),
      __range_s: scoped(rangeS),
      __range_ms: scoped(rangeS * 1000),
    },
    promFormat,
  );
  const stepS = stepMs / 1000;
  const align = (ms: number) => Math.floor(ms / 1000 / stepS) * stepS;
  const grid = { from: align(fromMs), to: align(toMs), stepS };
  // Grafana adds legends with variables in them.
  const named = target.legendFormat
    ? { ...target, legendFormat: interpolate(target.legendFormat, scopedVars) }
    : target;
  const window = { start: String(grid.from), end: String(grid.to) };

  const inRange = () => prometheus<QueryResult>('query_range', { query: expr, ...window, step: String(stepS) }, signal);
  const instant = () => prometheus<QueryResult>('query', { query: expr, time: String(toMs / 1000) }, signal);
  // A graph without its exemplars is still a graph.
  const exemplars = async () => {
    if (!target.exemplar || target.instant) return [];
    return prometheus<ExemplarSeries[]>('query_exemplars', { query: expr, ...window }, signal).catch(
      (error: unknown): ExemplarSeries[] => {
        if (error instanceof PrometheusError) return [];
        throw error;
      },
    );
  };
  const [found, ...answers] = await Promise.all([
    exemplars(),
    ...(target.instant ? [instant()] : []),
    ...(target.range || !target.instant ? [inRange()] : []),
  ]);
  const frames = answers.flatMap((answer) => toFrames(answer, { target: named, expr, grid }));
  const frame = exemplarFrame(found, { refId: target.refId, from: grid.from, to: grid.to });
  return frame ? [...frames, frame] : frames;
}
