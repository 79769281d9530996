import { type DataFrame, dateTimeFormat } from '@grafana/data';
import { type UPlotConfigBuilder, useTheme2 } from '@grafana/ui';
import { useLayoutEffect, useReducer, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import type uPlot from 'uplot';
import { EXEMPLARS } from '../prometheus/exemplars.ts';

interface Row {
  readonly [name: string]: unknown;
}

/** A data frame as one object per row. */
function rowsOf(frame: DataFrame): Row[] {
  return Array.from({ length: frame.length }, (_, index) =>
    Object.fromEntries(frame.fields.map(({ name, values }) => [name, values[index]])),
  );
}

const text = (value: unknown) => (value === undefined || value === null ? '' : String(value));

interface OverlayProps {
  readonly config: UPlotConfigBuilder;
  /** Exemplars and events; the scene hands over both. */
  readonly frames: readonly DataFrame[];
  readonly timeZone: string;
}

/** What is drawn over a graph: exemplars as diamonds that lead to their trace, events as dashed lines with a mark below. */
export function Overlay({ config, frames, timeZone }: OverlayProps) {
  const plot = useRef<uPlot>(undefined);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => {
    config.addHook('init', (made) => {
      plot.current = made;
    });
    config.addHook('draw', () => redraw());
  }, [config]);

  const u = plot.current;
  if (!u?.over.isConnected) return null;
  const exemplars = frames.filter(({ name }) => name === EXEMPLARS).flatMap(rowsOf);
  const events = frames.filter(({ name }) => name !== EXEMPLARS).flatMap(rowsOf);
  return createPortal(
    <>
      {events.map((event, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no identity of their own
        <EventMark key={index} event={event} plot={u} timeZone={timeZone} />
      ))}
      {exemplars.map((exemplar) => (
        <Diamond
          key={`${exemplar.Time} ${exemplar.trace_id} ${exemplar.Value}`}
          exemplar={exemplar}
          plot={u}
          timeZone={timeZone}
        />
      ))}
    </>,
    u.over,
  );
}

interface MarkProps {
  readonly plot: uPlot;
  readonly timeZone: string;
}

function Diamond({ exemplar, plot, timeZone }: MarkProps & { exemplar: Row }) {
  const [hovered, setHovered] = useState(false);
  // uPlot has a scale `y` of its own, on which nothing is drawn.
  const scale = Object.keys(plot.scales).find((key) => key !== 'x' && Number.isFinite(plot.scales[key]?.min));
  if (!scale) return null;
  const left = plot.valToPos(Number(exemplar.Time), 'x');
  // An exemplar above the graph's top is drawn at the top: it is the one that one looks for.
  const top = Math.max(2, plot.valToPos(Number(exemplar.Value), scale));
  const { width, height } = plot.over.getBoundingClientRect();
  if (!(left >= 0 && left <= width && top <= height)) return null;
  const trace = text(exemplar.trace_id ?? exemplar.traceID);
  const labels = Object.entries(exemplar).filter(([name, value]) => !['Time', 'Value'].includes(name) && value !== '');
  return (
    <a
      className="exemplar"
      data-exemplar
      style={{ left, top }}
      href={trace && `/trace/${trace}`}
      aria-label={`Exemplar ${exemplar.Value}: open its trace`}
      onMouseEnter={() => setHovered(true)}
      onMouseLeave={() => setHovered(false)}
      onMouseDown={(event) => event.stopPropagation()}
    >
      {hovered && (
        <Hint title={dateTimeFormat(Number(exemplar.Time), { timeZone })} toLeft={left > width / 2}>
          <div>Exemplar: {Number(exemplar.Value).toPrecision(4)}</div>
          {labels.map(([name, value]) => (
            <div key={name}>
              {name} = {text(value)}
            </div>
          ))}
          {trace && <b>Click: open the trace</b>}
        </Hint>
      )}
    </a>
  );
}

function EventMark({ event, plot, timeZone }: MarkProps & { event: Row }) {
  const theme = useTheme2();
  const [hovered, setHovered] = useState(false);
  const from = plot.valToPos(Number(event.time), 'x');
  const to = plot.valToPos(Number(event.timeEnd ?? event.time), 'x');
  const width = plot.over.getBoundingClientRect().width;
  if (to < 0 || from > width) return null;
  const left = Math.max(0, from);
  const color = theme.visualization.getColorByName(text(event.color) || 'red');
  return (
    <div
      className="event"
      data-event
      style={{ left, width: Math.max(0, Math.min(width, to) - left), borderColor: color, color }}
    >
      <button
        type="button"
        aria-label={`Event: ${text(event.title)}`}
        onMouseEnter={() => setHovered(true)}
        onMouseLeave={() => setHovered(false)}
      />
      {hovered && (
        <Hint title={dateTimeFormat(Number(event.time), { timeZone })} toLeft={left > width / 2} above>
          <b>{text(event.title)}</b>
          <div>{text(event.text)}</div>
          {Array.isArray(event.tags) && event.tags.length > 0 && <div>{event.tags.join(', ')}</div>}
        </Hint>
      )}
    </div>
  );
}

interface HintProps {
  readonly title: string;
  readonly toLeft: boolean;
  readonly above?: boolean;
  readonly children: React.ReactNode;
}

function Hint({ title, toLeft, above, children }: HintProps) {
  return (
    <div className={`hint ${toLeft ? 'to-left' : ''} ${above ? 'above' : ''}`}>
      <div className="hint-title">{title}</div>
      {children}
    </div>
  );
}
