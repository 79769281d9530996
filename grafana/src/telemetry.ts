import { frame, row } from './frame.ts';
import { graph, number, rows, states } from './panel.ts';
import { colors, widths } from './tokens.ts';

const signals = ['spans', 'metric_points', 'log_records'] as const;

export const telemetry = frame({
  uid: 'telemetry',
  title: 'Telemetry',
  description:
    'The stack itself: what waits, what is dropped and refused, how many series there are, and what it costs.',
})
  .withRow(row('Is anything lost'))
  .withPanel(
    number({
      title: 'Not taken, 1 h',
      description: 'Spans, metric points and slow events that the Collector refused or could not take.',
      unit: 'short',
      span: widths.sixth,
      decimals: 0,
      queries: [
        [
          signals
            .map(
              (signal) =>
                `(sum (increase(otelcol_receiver_refused_${signal}_total[1h])) or sum (up{job="collector"}) * 0)
+
(sum (increase(otelcol_receiver_failed_${signal}_total[1h])) or sum (up{job="collector"}) * 0)`,
            )
            .join('\n+\n'),
          'items',
        ],
      ],
      steps: [colors.healthy, [1, colors.degraded], [100, colors.bad]],
      empty: 'The Collector does not answer.',
    }),
  )
  .withPanel(
    number({
      title: 'Unlisted, 1 h',
      description:
        'Items that the Collector dropped because the catalogue does not list them: they could have held a person.',
      unit: 'short',
      span: widths.sixth,
      decimals: 0,
      queries: [
        [
          '(sum (increase(otelcol_processor_filter_spans_filtered_total[1h])) or vector(0)) + (sum (increase(otelcol_processor_filter_datapoints_filtered_total[1h])) or vector(0)) + (sum (increase(otelcol_processor_filter_logs_filtered_total[1h])) or vector(0))',
          'items',
        ],
      ],
      steps: [colors.healthy, [1, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Dropped, 1 h',
      description: 'What services threw away because the Collector was away for long.',
      unit: 'short',
      span: widths.sixth,
      decimals: 0,
      queries: [
        ['sum (increase(telemetry_items_total{kind=~"span|slow_event", outcome=~"dropped|refused"}[1h]))', 'items'],
      ],
      steps: [colors.healthy, [1, colors.degraded], [100, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Browser loss, 1 h',
      description: 'Share of what browsers measured that did not arrive.',
      unit: 'percentunit',
      span: widths.sixth,
      queries: [
        [
          `sum (increase(browser_telemetry_items_total{outcome=~"lost|refused"}[1h]))
/
(sum (increase(browser_telemetry_items_total[1h])) > 0)`,
          'lost',
        ],
      ],
      steps: [colors.healthy, [0.01, colors.degraded], [0.05, colors.bad]],
      empty: 'No browser sent anything within an hour.',
    }),
  )
  .withPanel(
    number({
      title: 'Fullest queue',
      description: 'Of the queues on the disk of the Collector. When one is full, its senders are refused and wait.',
      unit: 'percentunit',
      span: widths.sixth,
      queries: [['max (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)', 'full']],
      steps: [colors.healthy, [0.5, colors.degraded], [0.9, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Series',
      description: 'Time series that Prometheus holds in memory. Each costs some kilobytes.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (prometheus_tsdb_head_series)', 'series']],
      steps: [colors.healthy, [100_000, colors.degraded], [500_000, colors.bad]],
    }),
  )
  .withRow(row('Flow'))
  .withPanel(
    graph({
      title: 'Accepted by the Collector',
      description: 'Items per second.',
      unit: 'cps',
      queries: signals.map((signal) => [
        `sum (rate(otelcol_receiver_accepted_${signal}_total[$__rate_interval]))`,
        signal.replace('_', ' '),
      ]),
    }),
  )
  .withPanel(
    graph({
      title: 'Passed on',
      description: 'Items per second that arrived at their destination.',
      unit: 'cps',
      queries: signals.map((signal) => [
        `sum by (exporter) (rate(otelcol_exporter_sent_${signal}_total[$__rate_interval])) > 0`,
        '{{exporter}}',
      ]),
      empty: 'Nothing was passed on within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Queues on disk',
      description: 'What waits for its destination, as a share of the space of its queue.',
      unit: 'percentunit',
      queries: [['max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)', '{{exporter}}']],
      limit: 0.5,
    }),
  )
  .withPanel(
    graph({
      title: 'What services keep waiting',
      description: 'Items in the memory of services that wait for the Collector.',
      unit: 'short',
      queries: [['sum by (job, kind) (telemetry_queue_items)', '{{job}}: {{kind}}']],
    }),
  )
  .withPanel(
    graph({
      title: 'Retried, dropped, refused',
      description: 'What services had to send again, and what they gave up, per minute.',
      unit: 'short',
      queries: [
        [
          'sum by (job, kind, outcome) (rate(telemetry_items_total{kind=~"span|slow_event", outcome!~"delivered|recorded"}[$__rate_interval])) * 60 > 0',
          '{{job}}: {{kind}} {{outcome}}',
        ],
      ],
      empty: 'Nothing within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Browsers',
      description: 'Items from browsers per minute, by what became of them.',
      unit: 'short',
      queries: [['sum by (outcome) (rate(browser_telemetry_items_total[$__rate_interval])) * 60', '{{outcome}}']],
      stacked: true,
      lineColors: { accepted: colors.healthy, repeated: colors.typical, refused: colors.degraded, lost: colors.bad },
    }),
  )
  .withRow(row('Scrapes and cost'))
  .withPanel(
    states({
      title: 'Scrapes',
      description: 'Whether each target could be read.',
      unit: 'none',
      span: widths.third,
      queries: [['max by (job) (up)', '{{job}}']],
      words: { '0': ['down', colors.bad], '1': ['up', colors.healthy] },
    }),
  )
  .withPanel(
    rows({
      title: 'Cost by service',
      description:
        'Series, and how long it takes to read them. Above a thousand series a service is blocked for more than 10 ms each time.',
      span: widths.third,
      height: 8,
      columns: [
        { title: 'Service', label: 'job' },
        {
          title: 'Series',
          expr: 'max by (job) (scrape_samples_post_metric_relabeling)',
          steps: [colors.neutral, [1000, colors.degraded], [5000, colors.bad]],
        },
        { title: 'Scrape', expr: 'max by (job) (scrape_duration_seconds)', unit: 's' },
      ],
      sort: 'Series',
    }),
  )
  .withPanel(
    graph({
      title: 'Samples stored',
      description:
        'Samples per second that Prometheus writes. A sample takes one to two bytes on disk, so 1,000/s are about 4 GB a month.',
      unit: 'cps',
      queries: [['sum by (type) (rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))', '{{type}}']],
    }),
  )
  .withPanel(
    graph({
      title: 'Spans stored',
      description: 'Spans per second that Tempo received, and those that it discarded.',
      unit: 'cps',
      queries: [
        ['sum (rate(tempo_distributor_spans_received_total[$__rate_interval]))', 'received'],
        ['sum by (reason) (rate(tempo_discarded_spans_total[$__rate_interval]))', 'discarded: {{reason}}'],
      ],
      lineColors: { received: colors.rate },
    }),
  )
  .withPanel(
    graph({
      title: 'CPU of the stack',
      description: 'Cores that observing takes.',
      unit: 'none',
      queries: [
        [
          'sum by (job) (rate(process_cpu_seconds_total{job=~"prometheus|alertmanager|tempo|slow-event-recorder|pager|sentinel"}[$__rate_interval]))',
          '{{job}}',
        ],
        ['sum by (job) (rate(otelcol_process_cpu_seconds_total[$__rate_interval]))', '{{job}}'],
      ],
      stacked: true,
    }),
  )
  .withPanel(
    graph({
      title: 'Memory of the stack',
      description: 'Memory that observing takes.',
      unit: 'bytes',
      queries: [
        [
          'max by (job) (process_resident_memory_bytes{job=~"prometheus|alertmanager|tempo|slow-event-recorder|pager|sentinel"})',
          '{{job}}',
        ],
        ['max by (job) (otelcol_process_memory_rss_bytes)', '{{job}}'],
      ],
      stacked: true,
    }),
  );
