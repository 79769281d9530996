import { LIMITS, limitOf, TOLERATED_SLOW_EVENTS } from '@clinic/catalogue/limits';
import { frame, row } from './frame.ts';
import { bars, graph, number, rows, traces } from './panel.ts';
import { countOfHour, exceeded, SLOW_EVENT_STEPS } from './performance.ts';
import { colors, widths } from './tokens.ts';

const TRACES = [
  ['page_load', `{ name = "page_load" && duration > ${LIMITS.page_load}ms }`],
  ['render', `{ name = "render" && duration > ${LIMITS.render}ms }`],
  ['api_call', `{ kind = server && duration > ${LIMITS.api_call}ms }`],
  ['database_query', `{ span.db.system.name = "postgresql" && duration > ${LIMITS.database_query}ms }`],
] as const;

const builder = frame({
  uid: 'slow-events',
  title: 'Slow events',
  description: 'The count that pages on-call, the events behind it, and whether all of them were counted.',
  variables: [{ name: 'metric', title: 'Metric', metric: 'slow_events_total', label: 'metric' }],
})
  .withRow(row('The count that pages'))
  .withPanel(
    bars({
      title: 'Slow events within the last hour',
      height: 9,
      description: `More than ${TOLERATED_SLOW_EVENTS} of one metric page on-call.`,
      unit: 'short',
      span: widths.third,
      queries: [[countOfHour, '{{metric}}']],
      steps: SLOW_EVENT_STEPS,
      max: 10,
    }),
  )
  .withPanel(
    graph({
      title: 'The count over time',
      height: 9,
      description: `How many slow events the hour before held. The dashed line is ${TOLERATED_SLOW_EVENTS}: above it on-call is paged.`,
      unit: 'short',
      span: widths.third,
      queries: [['slow_event:count1h{metric=~"$metric"}', '{{metric}}']],
      limit: TOLERATED_SLOW_EVENTS,
      empty: 'No slow event within this time.',
    }),
  )
  .withPanel(
    rows({
      title: 'When the count falls',
      empty: 'No slow event within the last hour.',
      description: 'Time until the oldest event is an hour old and no longer counts.',
      span: widths.third,
      height: 9,
      columns: [
        { title: 'Metric', label: 'metric' },
        {
          title: 'Oldest falls out in',
          expr: '3600 - (time() - max by (metric) (slow_event_oldest_timestamp_seconds{metric=~"$metric"} > 0))',
          unit: 's',
          decimals: 0,
        },
        {
          title: 'Count',
          expr: countOfHour,
          steps: SLOW_EVENT_STEPS,
        },
      ],
      sort: 'Count',
    }),
  )
  .withPanel(
    rows({
      title: 'Slow events by metric',
      height: 8,
      description: 'Each counted once, exactly, whatever was restarted or sent twice meanwhile.',
      span: widths.half,
      columns: [
        { title: 'Metric', label: 'metric' },
        { title: 'Last 24 hours', expr: exceeded('24h') },
        { title: 'Last 7 days', expr: exceeded('7d') },
        { title: 'Ever', expr: 'sum by (metric) (slow_events_total{metric=~"$metric"})' },
      ],
      sort: 'Last 24 hours',
    }),
  )
  .withPanel(
    graph({
      title: 'How slow',
      points: true,
      description: 'The slowest event of each metric, as it came in.',
      unit: 'ms',
      span: widths.half,
      queries: [
        [
          'max by (metric) (max_over_time(slow_event_duration_milliseconds{metric=~"$metric"}[$__interval]))',
          '{{metric}}',
        ],
      ],
      empty: 'No slow event within this time.',
    }),
  )
  .withRow(row('Each event with its trace'));

for (const [metric, query] of TRACES) {
  builder.withPanel(
    traces({
      title: `Slow: ${metric}`,
      description: `Traces with a ${metric} over ${limitOf(metric)} ms. The recorder lists every event with its trace at http://localhost:8085/api/slow-events.`,
      span: widths.half,
      query,
      empty: 'None within this time.',
    }),
  );
}

export const slowEvents = builder
  .withRow(row('Whether all were counted'))
  .withPanel(
    number({
      title: 'Waiting',
      description: 'Events stored by the recorder that Prometheus has not taken yet. They page late.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (slow_event_outbox_depth)', 'waiting']],
      steps: [colors.healthy, [1, colors.degraded], [10, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Counts differ by',
      description: 'Both count the events of the last hour. For some seconds one may be ahead; never for long.',
      unit: 'short',
      span: widths.sixth,
      queries: [
        [
          'max (abs(max by (metric) (slow_event_ledger_samples) - (slow_event:count1h or max by (metric) (slow_event_ledger_samples) * 0)))',
          'events',
        ],
      ],
      steps: [colors.healthy, [1, colors.degraded]],
    }),
  )
  .withPanel(
    number({
      title: 'Refused points',
      description: 'Points that Prometheus refused for good, since the recorder was set up.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (slow_event_points_refused_total)', 'points']],
      steps: [colors.healthy, [1, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Came twice',
      description: 'Events that were sent again and not counted again. Harmless; many mean a bad connection.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (slow_event_duplicates_total)', 'events']],
    }),
  )
  .withPanel(
    graph({
      title: 'Rejected, or not sampled',
      description:
        'Events that the recorder could not use, and those of a burst that are counted but not written to Prometheus one by one.',
      unit: 'short',
      span: widths.third,
      height: 4,
      queries: [
        ['sum by (reason) (increase(slow_event_rejected_total[$__rate_interval])) > 0', 'rejected: {{reason}}'],
        ['sum by (reason) (increase(slow_event_unsampled_total[$__rate_interval])) > 0', 'not sampled: {{reason}}'],
      ],
      empty: 'None within this time.',
    }),
  );
