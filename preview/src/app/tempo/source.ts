import {
  createDataFrame,
  type DataFrame,
  type DataQuery,
  type DataQueryRequest,
  type DataQueryResponse,
  FieldType,
  LoadingState,
} from '@grafana/data';
import { RuntimeDataSource } from '@grafana/scenes';
import { Observable } from 'rxjs';
import { interpolate } from '../interpolate.ts';
import { attributeText, type FoundTrace, searchTraces, spansOfFound } from './api.ts';

export const TEMPO_UID = 'tempo';

interface Query extends DataQuery {
  readonly query?: string;
  readonly limit?: number;
  readonly tableType?: 'traces' | 'spans';
}

const TRACE_LINK = { title: 'Open the trace', url: '/trace/${__value.raw}' };

/** A table of traces, or of the spans that matched, as Grafana's Tempo data source gives them. */
function tableOf(traces: readonly FoundTrace[], { refId, tableType }: Query): DataFrame {
  if (tableType === 'spans') {
    const rows = traces.flatMap((trace) => spansOfFound(trace).map((span) => ({ trace, span })));
    const names = [...new Set(rows.flatMap(({ span }) => (span.attributes ?? []).map(({ key }) => key)))].sort();
    return createDataFrame({
      refId,
      meta: { preferredVisualisationType: 'table' },
      fields: [
        {
          name: 'traceIdHidden',
          type: FieldType.string,
          values: rows.map(({ trace }) => trace.traceID),
          config: { displayName: 'Trace ID', links: [TRACE_LINK] },
        },
        {
          name: 'traceService',
          type: FieldType.string,
          values: rows.map(({ trace }) => trace.rootServiceName ?? ''),
          config: { displayName: 'Trace service' },
        },
        {
          name: 'traceName',
          type: FieldType.string,
          values: rows.map(({ trace }) => trace.rootTraceName ?? ''),
          config: { displayName: 'Trace name' },
        },
        {
          name: 'spanID',
          type: FieldType.string,
          values: rows.map(({ span }) => span.spanID),
          config: { displayName: 'Span ID' },
        },
        {
          name: 'time',
          type: FieldType.time,
          values: rows.map(({ span }) => Number(span.startTimeUnixNano) / 1e6),
          config: { displayName: 'Start time' },
        },
        {
          name: 'name',
          type: FieldType.string,
          values: rows.map(({ span }) => span.name ?? ''),
          config: { displayName: 'Name' },
        },
        ...names.map((name) => ({
          name,
          type: FieldType.string,
          values: rows.map(({ span }) => {
            const found = span.attributes?.find(({ key }) => key === name);
            return found ? attributeText(found) : '';
          }),
        })),
        {
          name: 'duration',
          type: FieldType.number,
          values: rows.map(({ span }) => Number(span.durationNanos ?? 0)),
          config: { displayName: 'Duration', unit: 'ns' },
        },
      ],
    });
  }
  return createDataFrame({
    refId,
    meta: { preferredVisualisationType: 'table' },
    fields: [
      {
        name: 'traceID',
        type: FieldType.string,
        values: traces.map(({ traceID }) => traceID),
        config: { displayName: 'Trace ID', links: [TRACE_LINK] },
      },
      {
        name: 'startTime',
        type: FieldType.time,
        values: traces.map(({ startTimeUnixNano }) => Number(startTimeUnixNano) / 1e6),
        config: { displayName: 'Start time' },
      },
      {
        name: 'traceService',
        type: FieldType.string,
        values: traces.map(({ rootServiceName = '' }) => rootServiceName),
        config: { displayName: 'Service' },
      },
      {
        name: 'traceName',
        type: FieldType.string,
        values: traces.map(({ rootTraceName = '' }) => rootTraceName),
        config: { displayName: 'Name' },
      },
      {
        name: 'traceDuration',
        type: FieldType.number,
        values: traces.map(({ durationMs = 0 }) => durationMs),
        config: { displayName: 'Duration', unit: 'ms' },
      },
    ],
  });
}

const DEFAULT_LIMIT = 20;

export class TempoSource extends RuntimeDataSource<Query> {
  override query({ targets, range, scopedVars }: DataQueryRequest<Query>): Observable<DataQueryResponse> {
    return new Observable((subscriber) => {
      const abort = new AbortController();
      const ask = async (target: Query) => {
        const search = {
          query: interpolate(target.query ?? '{}', scopedVars),
          from: range.from.valueOf(),
          to: range.to.valueOf(),
          limit: target.limit ?? DEFAULT_LIMIT,
        };
        return tableOf(await searchTraces(search, abort.signal), target);
      };
      Promise.all(targets.filter(({ hide }) => !hide).map(ask)).then(
        (data) => {
          subscriber.next({ data, state: LoadingState.Done });
          subscriber.complete();
        },
        (error: unknown) => {
          if (!abort.signal.aborted) subscriber.error(error);
        },
      );
      return () => abort.abort();
    });
  }
}
