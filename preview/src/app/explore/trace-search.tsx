import { dateMath, dateTimeFormat, formattedValueToString, getValueFormat } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { Link } from 'react-router-dom';
import { type FoundTrace, searchTraces, spansOfFound } from '../tempo/api.ts';

const LIMIT = 50;
const milliseconds = getValueFormat('ms');

export interface TraceSearchProps {
  /** TraceQL. */
  readonly query: string;
  readonly from: string;
  readonly to: string;
  /** Asks again when it changes. */
  readonly run: number;
}

const timeOf = (text: string, roundUp: boolean) => {
  const number = Number(text);
  return Number.isFinite(number) && text !== ''
    ? number
    : (dateMath.toDateTime(text, { roundUp })?.valueOf() ?? Date.now());
};

/** Traces that TraceQL finds, newest first, each leading to its waterfall. */
export function TraceSearch({ query, from, to, run }: TraceSearchProps) {
  const [answer, setAnswer] = useState<{ traces: FoundTrace[] } | { error: string }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `run` asks the same again
  useEffect(() => {
    const abort = new AbortController();
    setAnswer(undefined);
    searchTraces(
      { query: query || '{}', from: timeOf(from, false), to: timeOf(to, true), limit: LIMIT },
      abort.signal,
    ).then(
      (traces) => setAnswer({ traces }),
      (error: Error) => {
        if (!abort.signal.aborted) setAnswer({ error: error.message });
      },
    );
    return () => abort.abort();
  }, [query, from, to, run]);

  if (!answer) return <LoadingPlaceholder text="Asking Tempo…" />;
  if ('error' in answer) {
    return (
      <Alert severity="error" title="Tempo could not answer">
        {answer.error}
      </Alert>
    );
  }
  if (answer.traces.length === 0) {
    return (
      <div className="no-data" data-nodata>
        No traces match in this time range.
      </div>
    );
  }
  const longest = Math.max(...answer.traces.map(({ durationMs = 0 }) => durationMs), 1);
  return (
    <table className="traces">
      <caption>
        {answer.traces.length === LIMIT
          ? `The newest ${LIMIT} traces that match; there may be more`
          : `${answer.traces.length} traces match`}
      </caption>
      <thead>
        <tr>
          <th>Trace</th>
          <th>Started</th>
          <th>Service</th>
          <th>Name</th>
          <th>Matched spans</th>
          <th>Duration</th>
        </tr>
      </thead>
      <tbody>
        {answer.traces.map((trace) => {
          const spans = spansOfFound(trace);
          const names = [...new Set(spans.flatMap(({ name }) => name ?? []))].slice(0, 3).join(', ');
          return (
            <tr key={trace.traceID}>
              <td>
                <Link to={`/trace/${trace.traceID}${spans[0] ? `?span=${spans[0].spanID}` : ''}`}>
                  {trace.traceID.slice(0, 16)}
                </Link>
              </td>
              <td>{dateTimeFormat(Number(trace.startTimeUnixNano) / 1e6)}</td>
              <td>{trace.rootServiceName || '(root not there yet)'}</td>
              <td>{trace.rootTraceName ?? ''}</td>
              <td>{spans.length > 0 && `${spans.length}${names && `: ${names}`}`}</td>
              <td>
                <span className="bar" style={{ width: `${((trace.durationMs ?? 0) / longest) * 80}px` }} />
                {formattedValueToString(milliseconds(trace.durationMs ?? 0))}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
