import { SceneTimeRange } from '@grafana/scenes';
import { Alert, Button, RadioButtonGroup, TimeRangeInput } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { useLocation, useNavigate } from 'react-router-dom';
import { type ExploreState, exploreUrl, readExploreUrl } from '../explore/explore-url.ts';
import { forgetAll, readHistory, remember } from '../explore/history.ts';
import { PrometheusResult } from '../explore/prometheus-result.tsx';
import { promqlError } from '../explore/promql-error.ts';
import { QueryEditor } from '../explore/query-editor.tsx';
import { TraceSearch } from '../explore/trace-search.tsx';
import { TraceView } from '../explore/trace-view.tsx';

const TRACE_ID = /^[0-9a-f]{16,32}$/i;
/** Outside of a dashboard these have no panel to take their value from. */
const INTERVALS = /\$(__rate_interval|__interval|__range)\b/;
const KINDS = [
  { label: 'Metrics: PromQL', value: 'prometheus' as const },
  { label: 'Traces: TraceQL', value: 'tempo' as const },
];
const TRACE_EXAMPLES = [
  '{}',
  '{ duration > 1s }',
  '{ status = error }',
  '{ resource.service.name = "clinic-api" && duration > 500ms }',
];

export function ExplorePage() {
  const navigate = useNavigate();
  const state = readExploreUrl(useLocation().search);
  const [draft, setDraft] = useState(state.query);
  const [run, setRun] = useState(0);
  const [failure, setFailure] = useState<{ query: string; message: string }>();
  const [past, setPast] = useState(readHistory);
  useEffect(() => setDraft(state.query), [state.query]);
  useEffect(() => {
    document.title = 'Explore - preview';
  }, []);

  const show = (change: Partial<ExploreState>) => navigate(exploreUrl({ ...state, ...change }));
  const ask = (query = draft) => {
    const trimmed = query.trim();
    if (trimmed !== '') {
      remember({ kind: state.kind, query: trimmed });
      setPast(readHistory());
    }
    setFailure(undefined);
    setRun((count) => count + 1);
    if (trimmed !== state.query) show({ query: trimmed });
  };
  const error = failure && failure.query === state.query ? promqlError(failure.message, failure.query) : undefined;
  const mine = past.filter(({ kind }) => kind === state.kind);
  const isTrace = state.kind === 'tempo' && TRACE_ID.test(state.query);

  return (
    <main className="page explore">
      <div className="explore-bar">
        <h1>Explore</h1>
        <RadioButtonGroup
          options={KINDS}
          value={state.kind}
          onChange={(kind) => {
            setFailure(undefined);
            show({ kind, query: '' });
          }}
        />
        <span className="spacer" />
        {state.kind === 'tempo' && !isTrace && (
          <TimeRangeInput
            value={new SceneTimeRange({ from: state.from, to: state.to }).state.value}
            onChange={({ raw }) => show({ from: rangeText(raw.from), to: rangeText(raw.to) })}
          />
        )}
        <Button icon="play" onClick={() => ask()}>
          Run
        </Button>
      </div>
      <QueryEditor
        key={state.kind}
        language={state.kind === 'tempo' ? 'traceql' : 'promql'}
        value={draft}
        error={error}
        onChange={setDraft}
        onRun={() => ask()}
      />
      <div className="explore-hints">
        {state.kind === 'tempo' &&
          TRACE_EXAMPLES.map((example) => (
            <button key={example} type="button" className="link" onClick={() => ask(example)}>
              {example}
            </button>
          ))}
        {INTERVALS.test(draft) && (
          <span className="muted">$__rate_interval and its like take their value from the width of the graph.</span>
        )}
        {mine.length > 0 && (
          <details>
            <summary>History ({mine.length})</summary>
            <ul>
              {mine.map(({ query }) => (
                <li key={query}>
                  <button type="button" className="link" onClick={() => ask(query)}>
                    {query}
                  </button>
                </li>
              ))}
            </ul>
            <Button
              size="sm"
              variant="secondary"
              onClick={() => {
                forgetAll();
                setPast([]);
              }}
            >
              Forget all
            </Button>
          </details>
        )}
      </div>
      {error && (
        <Alert
          severity="error"
          title={
            error.at
              ? `Prometheus cannot read the query at character ${error.at.from + 1}`
              : 'Prometheus could not answer'
          }
        >
          {error.message}
        </Alert>
      )}
      {state.query === '' && state.kind === 'prometheus' && (
        <p className="muted">
          Type a metric's name: what is known of it is offered. Enter asks; the address can be shared.
        </p>
      )}
      {state.query !== '' && state.kind === 'prometheus' && (
        <PrometheusResult
          key={run}
          query={state.query}
          from={state.from}
          to={state.to}
          onRange={(from, to) => show({ from, to })}
          onError={(message) => setFailure(message === undefined ? undefined : { query: state.query, message })}
        />
      )}
      {isTrace && <TraceView key={`${state.query} ${run}`} id={state.query} />}
      {state.kind === 'tempo' && !isTrace && (
        <TraceSearch query={state.query} from={state.from} to={state.to} run={run} />
      )}
    </main>
  );
}

/** Relative as it was typed, absolute in ms. */
const rangeText = (time: string | { valueOf(): number }) => (typeof time === 'string' ? time : String(time.valueOf()));
