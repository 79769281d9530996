import { dateTimeFormat, formattedValueToString, type GrafanaTheme2, getValueFormat } from '@grafana/data';
import { Alert, Button, LoadingPlaceholder, useTheme2 } from '@grafana/ui';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router-dom';
import { TempoError } from '../tempo/api.ts';
import { type Attributes, fetchTrace, type Span, type Trace } from '../tempo/trace.ts';
import { exploreUrl } from './explore-url.ts';

const format = getValueFormat('ms');
const duration = (ms: number) => formattedValueToString(format(ms, ms >= 10 && ms < 1000 ? 0 : 2));

/** Spans whose metrics are one query away, as `tracesToMetrics` of Grafana's data source says. */
const METRIC_LABELS = { 'http.route': 'http_route', 'http.request.method': 'http_request_method' } as const;
const AROUND_MS = 10 * 60_000;
const MARKS = [0, 0.25, 0.5, 0.75, 1];

function colorOf(services: readonly string[], theme: GrafanaTheme2) {
  const { palette } = theme.visualization;
  return (service: string) =>
    theme.visualization.getColorByName(palette[services.indexOf(service) % palette.length] ?? 'blue');
}

/** A trace just made may not have all of its spans, or not be there yet. */
const RETRY_MS = 3000;
const RETRIES = 5;

export function TraceView({ id, span: wanted }: { readonly id: string; readonly span?: string | undefined }) {
  const [answer, setAnswer] = useState<{ trace: Trace } | { error: string }>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    fetchTrace(id, abort.signal).then(
      (trace) => setAnswer({ trace }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setAnswer({ error: error instanceof TempoError ? error.message : 'Tempo answered what is not a trace.' });
        if (attempt < RETRIES) timer = setTimeout(() => setAttempt(attempt + 1), RETRY_MS);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [id, attempt]);

  if (!answer) return <LoadingPlaceholder text="Asking Tempo…" />;
  if ('error' in answer) {
    return (
      <Alert severity="error" title="No trace">
        {answer.error} {attempt < RETRIES && 'It is asked again.'}
      </Alert>
    );
  }
  return <Waterfall trace={answer.trace} wanted={wanted} />;
}

function Waterfall({ trace, wanted }: { readonly trace: Trace; readonly wanted: string | undefined }) {
  const theme = useTheme2();
  const color = colorOf(trace.services, theme);
  const list = useRef<HTMLOListElement>(null);
  const [selected, setSelected] = useState(wanted ?? trace.spans[0]?.id);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const chosen = trace.spans.find(({ id }) => id === selected);
  const root = trace.spans[0];
  const jump = (id: string) => {
    setFolded(new Set());
    setSelected(id);
    requestAnimationFrame(() =>
      list.current?.querySelector(`[data-span="${id}"]`)?.scrollIntoView({ block: 'center' }),
    );
  };
  const share = (ms: number) => `${(ms / (trace.durationMs || 1)) * 100}%`;

  let hiddenBelow = Infinity;
  const visible = trace.spans.filter(({ id, depth }) => {
    if (depth > hiddenBelow) return false;
    hiddenBelow = folded.has(id) ? depth : Infinity;
    return true;
  });
  const fold = (id: string) =>
    setFolded((before) =>
      before.has(id) ? new Set([...before].filter((one) => one !== id)) : new Set([...before, id]),
    );

  return (
    <div className="trace">
      <header>
        <h1>
          {root ? `${root.service}: ${root.name}` : 'An empty trace'}{' '}
          <span className="muted">{duration(trace.durationMs)}</span>
        </h1>
        <div className="muted">
          {trace.id} · {dateTimeFormat(trace.start)} · {trace.spans.length} spans · {trace.services.length} services
        </div>
        <div className="trace-tools">
          {trace.slowest && (
            <Button size="sm" variant="secondary" icon="clock-nine" onClick={() => jump(trace.slowest!.id)}>
              Jump to the slow span: {trace.slowest.name}, {duration(trace.slowest.selfMs)} of its own
            </Button>
          )}
          {trace.services.map((service) => (
            <span key={service} className="service">
              <i style={{ background: color(service) }} /> {service}
            </span>
          ))}
        </div>
      </header>
      <div className="waterfall-scale">
        <span />
        <div>
          {MARKS.map((mark) => (
            <span key={mark} style={{ left: `${mark * 100}%` }} className={mark === 1 ? 'last' : ''}>
              {duration(trace.durationMs * mark)}
            </span>
          ))}
        </div>
      </div>
      <ol className="waterfall" ref={list}>
        {visible.map((span) => (
          <li key={span.id} data-span={span.id} className={span.id === selected ? 'selected' : ''}>
            <div className="span-name" style={{ paddingLeft: 4 + span.depth * 14 }}>
              <button
                type="button"
                className="fold"
                disabled={span.children === 0}
                aria-label={`${folded.has(span.id) ? 'Unfold' : 'Fold'} ${span.name}`}
                onClick={() => fold(span.id)}
              >
                {span.children === 0 ? '' : folded.has(span.id) ? '▸' : '▾'}
              </button>
              <button
                type="button"
                className="span-button"
                onClick={() => setSelected(span.id)}
                style={{ borderColor: color(span.service) }}
              >
                {span.failed && <b className="failed">! </b>}
                <b>{span.service}</b> {span.name}
              </button>
            </div>
            <button
              type="button"
              className="span-bar"
              aria-label={`${span.name}, ${duration(span.durationMs)}`}
              onClick={() => setSelected(span.id)}
            >
              <i
                style={{
                  left: share(span.startMs),
                  width: `max(2px, ${share(span.durationMs)})`,
                  background: color(span.service),
                }}
              />
              <span
                style={
                  span.startMs > trace.durationMs * 0.6
                    ? { right: `calc(100% - ${share(span.startMs)} + 6px)` }
                    : {
                        left: `calc(${share(span.startMs + span.durationMs)} + 6px)`,
                        ...(span.startMs + span.durationMs > trace.durationMs * 0.88 && {
                          left: `calc(${share(span.startMs)} + 6px)`,
                        }),
                      }
                }
              >
                {duration(span.durationMs)}
              </span>
            </button>
          </li>
        ))}
      </ol>
      {chosen && <Details span={chosen} trace={trace} />}
    </div>
  );
}

function Details({ span, trace }: { readonly span: Span; readonly trace: Trace }) {
  const at = trace.start + span.startMs;
  const labels = span.attributes.flatMap(([name, value]) => {
    const label = METRIC_LABELS[name as keyof typeof METRIC_LABELS];
    return label ? [`${label}=${JSON.stringify(value)}`] : [];
  });
  const around = { from: String(Math.floor(at - AROUND_MS)), to: String(Math.ceil(at + AROUND_MS)) };
  const selector = `{${labels.join(', ')}}`;
  const metrics = [
    [
      'Requests per second',
      `sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count${selector}[5m]))`,
    ],
    [
      '95th percentile of the duration',
      `histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket${selector}[5m])))`,
    ],
  ] as const;
  return (
    <section className="span-details" aria-label={`Span ${span.name}`}>
      <h2>
        {span.service}: {span.name} {span.failed && <span className="failed">failed</span>}
      </h2>
      <div className="muted">
        {span.kind} · begins after {duration(span.startMs)} · takes {duration(span.durationMs)}, {duration(span.selfMs)}{' '}
        of them itself · {span.id}
        {span.orphan && ' · its parent did not arrive'}
      </div>
      {labels.length > 0 && (
        <div className="panel-links">
          {metrics.map(([title, query]) => (
            <Link key={title} to={exploreUrl({ kind: 'prometheus', query, ...around })}>
              {title}
            </Link>
          ))}
        </div>
      )}
      <div className="attribute-tables">
        <AttributeTable title="Attributes" attributes={span.attributes} />
        <AttributeTable title="Process" attributes={span.resource} />
        {span.events.map((event) => (
          <AttributeTable
            key={`${event.name} ${event.atMs}`}
            title={`Event ${event.name} after ${duration(event.atMs)}`}
            attributes={event.attributes}
          />
        ))}
      </div>
    </section>
  );
}

function AttributeTable({ title, attributes }: { readonly title: string; readonly attributes: Attributes }) {
  return (
    <table>
      <caption>{title}</caption>
      <tbody>
        {attributes.length === 0 && (
          <tr>
            <td className="muted">none</td>
          </tr>
        )}
        {attributes.map(([name, value]) => (
          <tr key={name}>
            <th>{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
