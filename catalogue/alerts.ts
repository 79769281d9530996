/**
 * What a person is told, and how soon. `page` wakes somebody: the clinic is away, or a page could be missed. `ticket` is for
 * working hours. `none` reaches nobody.
 *
 * Each alert has a runbook `runbooks/<name>.md` and tests in `prometheus/tests/<group>.test.yml`.
 */
export interface Alert {
  readonly name: string;
  readonly severity: 'page' | 'ticket' | 'none';
  /** PromQL, whole: it can be pasted. */
  readonly expr: string;
  readonly for?: string;
  readonly keepFiringFor?: string;
  /** One sentence, the same each time. */
  readonly summary: string;
  /** What fired; a template over `$labels` and `$value`. */
  readonly description: string;
  /** The value as the page shows it; a template. `humanize` of it when left out. */
  readonly value?: string;
  /** What the value is compared with, as the page shows it. */
  readonly limit: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly interval: string;
  readonly records?: readonly { readonly record: string; readonly expr: string }[];
  readonly alerts: readonly Alert[];
}

export const alertGroups: readonly AlertGroup[] = [
  {
    name: 'slow-events',
    // How long a page takes is mostly how long it waits for the next evaluation.
    interval: '1s',
    records: [
      {
        record: 'slow_event:count1h',
        expr: 'sum by (metric) (count_over_time(slow_event_duration_milliseconds[1h]))',
      },
    ],
    alerts: [
      {
        name: 'SlowEvents',
        severity: 'page',
        // One sample is one event, so the count is exact. The subquery sees an hour that held six for less than an interval; as
        // it looks at whole seconds only, it alone would see the sixth event half a second later than the first line does.
        expr: `sum by (metric) (count_over_time(slow_event_duration_milliseconds[1h])) > 5
or
max_over_time((sum by (metric) (count_over_time(slow_event_duration_milliseconds[1h])))[20s:1s]) > 5`,
        keepFiringFor: '5m',
        summary: 'More than five slow events of one metric within an hour.',
        description: '{{ $labels.metric }}: {{ $value }} slow events within one hour.',
        value: '{{ $value }}',
        limit: '5',
      },
    ],
  },
  {
    name: 'slow-event-integrity',
    interval: '15s',
    alerts: [
      {
        name: 'SlowEventRecorderAbsent',
        severity: 'page',
        expr: 'absent(slow_event_outbox_depth{job="slow-event-recorder"})',
        for: '1m',
        summary: 'The slow-event recorder is away.',
        description: 'No metrics of the slow-event recorder arrive. Slow events wait in the Collector and do not page.',
        limit: 'present',
      },
      {
        name: 'SlowEventDeliveryStuck',
        severity: 'page',
        expr: `sum by (job) (
    min_over_time(otelcol_exporter_queue_size{exporter="otlp_http/recorder"}[1m]) > 0
  unless on (instance)
    increase(otelcol_exporter_sent_log_records_total{exporter="otlp_http/recorder"}[1m]) > 0
)
or
sum by (job) (increase(otelcol_receiver_refused_log_records_total[1m])) > 0
or
sum by (job) (increase(otelcol_receiver_failed_log_records_total[1m])) > 0`,
        for: '2m',
        summary: 'Slow events do not get from the Collector to the recorder.',
        description: 'Slow events wait in the Collector, or it refuses them, and none arrives at the recorder.',
        limit: '0',
      },
      {
        name: 'SlowEventOutboxStuck',
        severity: 'page',
        expr: 'max by (replica) (slow_event_outbox_oldest_seconds) > 60',
        for: '1m',
        summary: 'Slow events do not get from the recorder to Prometheus.',
        description: 'A slow event has waited {{ $value | humanize }} s for Prometheus replica {{ $labels.replica }}.',
        limit: '60 s',
      },
      {
        name: 'SlowEventsLost',
        severity: 'page',
        // A counter that appears with its first loss has no increase yet: the second branch reads it as it is.
        expr: `sum by (job) (increase(otelcol_exporter_send_failed_log_records_total{exporter="otlp_http/recorder"}[1h])) > 5
or
sum by (job) (
    otelcol_exporter_send_failed_log_records_total{exporter="otlp_http/recorder"}
  unless
    otelcol_exporter_send_failed_log_records_total{exporter="otlp_http/recorder"} offset 1h
) > 5
or
sum by (job) (increase(telemetry_items_total{kind="slow_event", outcome=~"dropped|refused"}[1h])) > 5`,
        summary: 'So many slow events were lost that a page may have been missed.',
        description: '{{ $labels.job }} lost {{ $value | humanize }} slow events within an hour.',
        limit: '5',
      },
      {
        name: 'SlowEventsRejected',
        severity: 'ticket',
        expr: 'sum by (reason) (increase(slow_event_rejected_total{reason!="not_slow"}[1h])) > 5',
        summary: 'The recorder rejects slow events that it cannot use.',
        description: '{{ $value | humanize }} slow events were rejected within an hour, reason {{ $labels.reason }}.',
        limit: '5',
      },
      {
        name: 'SlowEventPointsRefused',
        severity: 'ticket',
        expr: 'sum by (replica) (increase(slow_event_points_refused_total[1h])) > 0',
        summary: 'Prometheus refused points of slow events for good.',
        description:
          'Prometheus replica {{ $labels.replica }} refused {{ $value | humanize }} points within an hour; its count is too low.',
        limit: '0',
      },
      {
        name: 'SlowEventCountMismatch',
        severity: 'ticket',
        // The ledger is scraped and the count is not: it must lie within what was counted lately.
        expr: `max by (metric) (slow_event_ledger_samples)
  > (max_over_time(slow_event:count1h[2m]) or max by (metric) (slow_event_ledger_samples) * 0)
or
max by (metric) (slow_event_ledger_samples) < min_over_time(slow_event:count1h[2m])`,
        for: '5m',
        summary: 'Prometheus and the recorder count different numbers of slow events.',
        description:
          '{{ $labels.metric }}: the recorder holds {{ $value | humanize }} points of the last hour; Prometheus counts another number.',
        limit: 'slow_event:count1h',
      },
    ],
  },
  {
    name: 'telemetry',
    interval: '15s',
    alerts: [
      {
        name: 'ClinicApiDown',
        severity: 'page',
        expr: `sum by (job) (up{job="clinic-api"}) == 0
or
absent(up{job="clinic-api"})`,
        for: '1m',
        summary: 'The clinic is down.',
        description: 'No instance of clinic-api answers: clinicians cannot open charts.',
        limit: '1',
      },
      {
        name: 'CollectorDown',
        severity: 'page',
        expr: `sum by (job) (up{job="collector"}) == 0
or
absent(up{job="collector"})`,
        for: '1m',
        summary: 'The Collector is down.',
        description:
          'No slow event, trace or metric of the clinic arrives. Slow events wait in the memory of the services.',
        limit: '1',
      },
      {
        name: 'TempoDown',
        severity: 'ticket',
        expr: `sum by (job) (up{job="tempo"}) == 0
or
absent(up{job="tempo"})`,
        for: '5m',
        summary: 'Tempo is down.',
        description: 'Traces wait in the Collector; pages arrive without a trace to look at.',
        limit: '1',
      },
      {
        name: 'CollectorQueueFilling',
        severity: 'ticket',
        expr: 'max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity) > 0.5',
        for: '5m',
        summary: 'A queue of the Collector fills up.',
        description:
          'The queue of {{ $labels.exporter }} is {{ $value | humanizePercentage }} full; when it is full, data is refused.',
        value: '{{ $value | humanizePercentage }}',
        limit: '50%',
      },
      {
        name: 'CollectorExportFailing',
        severity: 'ticket',
        expr: `sum by (exporter) (increase(otelcol_exporter_send_failed_spans_total[15m])) > 0
or
sum by (exporter) (increase(otelcol_exporter_send_failed_metric_points_total[15m])) > 0
or
sum by (exporter) (otelcol_exporter_send_failed_spans_total unless otelcol_exporter_send_failed_spans_total offset 15m) > 0
or
sum by (exporter) (
  otelcol_exporter_send_failed_metric_points_total unless otelcol_exporter_send_failed_metric_points_total offset 15m
) > 0`,
        summary: 'The Collector drops spans or metrics that their receiver refuses.',
        description: '{{ $labels.exporter }} dropped {{ $value | humanize }} items within a quarter of an hour.',
        limit: '0',
      },
      {
        name: 'CollectorRefusing',
        severity: 'ticket',
        expr: `sum by (receiver) (increase(otelcol_receiver_refused_spans_total[5m])) > 0
or
sum by (receiver) (increase(otelcol_receiver_failed_spans_total[5m])) > 0
or
sum by (receiver) (increase(otelcol_receiver_refused_metric_points_total[5m])) > 0
or
sum by (receiver) (increase(otelcol_receiver_failed_metric_points_total[5m])) > 0`,
        for: '5m',
        summary: 'The Collector refuses spans or metrics.',
        description: 'Receiver {{ $labels.receiver }} refused {{ $value | humanize }} items within five minutes.',
        limit: '0',
      },
      {
        name: 'UnlistedTelemetryDropped',
        severity: 'ticket',
        expr: `sum by (filter) (increase(otelcol_processor_filter_spans_filtered_total[1h])) > 0
or
sum by (filter) (increase(otelcol_processor_filter_logs_filtered_total[1h])) > 0
or
sum by (filter) (increase(otelcol_processor_filter_datapoints_filtered_total[1h])) > 0`,
        summary: 'A service sends telemetry that the catalogue does not list.',
        description:
          '{{ $labels.filter }} dropped {{ $value | humanize }} items within an hour. They could have held a patient.',
        limit: '0',
      },
      {
        name: 'BrowserTelemetryLost',
        severity: 'ticket',
        expr: `(
  sum by (job) (increase(browser_telemetry_items_total{outcome=~"lost|refused"}[1h]))
/
  sum by (job) (increase(browser_telemetry_items_total[1h]))
) > 0.05
and
sum by (job) (increase(browser_telemetry_items_total{outcome=~"lost|refused"}[1h])) > 20`,
        for: '10m',
        summary: 'Browsers lose telemetry, or have it refused.',
        description: '{{ $value | humanizePercentage }} of what browsers measured did not arrive within an hour.',
        value: '{{ $value | humanizePercentage }}',
        limit: '5%',
      },
    ],
  },
  {
    name: 'alerting',
    interval: '15s',
    alerts: [
      {
        name: 'Watchdog',
        severity: 'none',
        expr: 'vector(1)',
        summary: 'The alerting chain works.',
        description: 'Fires always. When it no longer arrives, nothing else would either.',
        limit: '1',
      },
      {
        name: 'RuleEvaluationFailing',
        severity: 'page',
        expr: `sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[5m])) > 0
or
sum by (rule_group) (increase(prometheus_rule_group_iterations_missed_total{rule_group=~".*;slow-events"}[5m])) > 60`,
        summary: 'Prometheus cannot evaluate its rules.',
        description: 'Rules of {{ $labels.rule_group }} fail or are skipped: what they watch does not page.',
        limit: '0',
      },
      {
        name: 'AlertmanagerDown',
        severity: 'page',
        expr: `sum by (job) (up{job="alertmanager"}) == 0
or
absent(up{job="alertmanager"})`,
        for: '1m',
        summary: 'Alertmanager is down.',
        description: 'No alert is delivered until an Alertmanager is back.',
        limit: '1',
      },
      {
        name: 'AlertDeliveryFailing',
        severity: 'page',
        expr: `sum by (job) (increase(alertmanager_notifications_failed_total[2m])) > 0
or
sum by (job) (increase(prometheus_notifications_dropped_total[2m])) > 0`,
        for: '3m',
        summary: 'Alerts are not delivered.',
        description: '{{ $labels.job }} failed to deliver {{ $value | humanize }} notifications within two minutes.',
        limit: '0',
      },
      {
        name: 'PagerDown',
        severity: 'page',
        expr: `sum by (job) (up{job="pager"}) == 0
or
absent(up{job="pager"})`,
        for: '1m',
        summary: 'The on-call inbox is down.',
        description: 'Pages wait in Alertmanager until the pager is back.',
        limit: '1',
      },
    ],
  },
];

/** Where runbooks are read; the pager serves them. */
export const RUNBOOK_BASE = 'http://localhost:8087/runbooks';
