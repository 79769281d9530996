import { type AnnotationEvent, type DataFrame, FieldType, renderLegendFormat } from '@grafana/data';

/** How Grafana's Prometheus data source words an event: formats with {{label}}, and which labels become tags. */
export interface EventWording {
  readonly titleFormat?: string;
  readonly textFormat?: string;
  readonly tagKeys?: string;
}

/** Stretches of a series that are not 0 become events, each from its first to its last point. */
export function eventsOf(frames: readonly DataFrame[], wording: EventWording, stepMs: number): AnnotationEvent[] {
  const tagKeys = (wording.tagKeys ?? '').split(',').map((key) => key.trim());
  return frames.flatMap((frame) => {
    const times: number[] = frame.fields.find(({ type }) => type === FieldType.time)?.values ?? [];
    const field = frame.fields.find(({ type }) => type === FieldType.number);
    if (!field) return [];
    const labels = field.labels ?? {};
    const text = (format: string | undefined) => (format ? renderLegendFormat(format, labels) : '');
    const words = {
      title: text(wording.titleFormat) || labels.alertname || labels.__name__ || '',
      text: text(wording.textFormat),
      tags: tagKeys.flatMap((key) => labels[key] ?? []),
    };
    const events: AnnotationEvent[] = [];
    let open: { time: number; timeEnd: number } | undefined;
    times.forEach((time, index) => {
      if (!field.values[index]) return;
      if (open && time - open.timeEnd <= stepMs * 1.5) open.timeEnd = time;
      else {
        open = { time, timeEnd: time };
        events.push(Object.assign(open, words));
      }
    });
    for (const event of events) event.isRegion = event.timeEnd !== event.time;
    return events;
  });
}
