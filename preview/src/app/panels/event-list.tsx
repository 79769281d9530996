import { dateTimeFormat, type PanelProps } from '@grafana/data';
import { EXEMPLARS } from '../prometheus/exemplars.ts';

export interface EventListOptions {
  readonly limit: number;
}

interface Event {
  readonly time: number;
  readonly title: string;
  readonly text: string;
  readonly tags: readonly string[];
}

/** The dashboard's events as a list, newest first. Grafana lists those of its own database instead. */
export function EventListPanel({ data, options, timeZone, onChangeTimeRange }: PanelProps<EventListOptions>) {
  const events = (data.annotations ?? [])
    .filter(({ name }) => name !== EXEMPLARS)
    .flatMap((frame) => {
      const field = (name: string) => frame.fields.find((one) => one.name === name)?.values;
      return Array.from({ length: frame.length }, (_, index): Event => {
        const tags = field('tags')?.[index];
        return {
          time: Number(field('time')?.[index]),
          title: String(field('title')?.[index] ?? ''),
          text: String(field('text')?.[index] ?? ''),
          tags: Array.isArray(tags) ? tags : [],
        };
      });
    })
    .sort((a, b) => b.time - a.time)
    .slice(0, options.limit);
  if (events.length === 0) return <div className="nothing-fires">No events in this time range.</div>;
  const aside = 15 * 60_000;
  return (
    <ul className="alert-list">
      {events.map(({ time, title, text, tags }) => (
        <li key={`${time} ${title} ${text}`}>
          <button
            type="button"
            className="link"
            onClick={() => onChangeTimeRange({ from: time - aside, to: time + aside })}
          >
            {dateTimeFormat(time, { timeZone })}
          </button>
          <div className="alert-text">
            <b>{title}</b> {text}
            <div className="muted">{tags.join(' · ')}</div>
          </div>
        </li>
      ))}
    </ul>
  );
}
