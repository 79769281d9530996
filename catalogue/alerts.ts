/**
 * What a person is told, and how soon. `page` wakes somebody: the clinic is away, or a page could be missed. `ticket` is for
 * working hours. `none` reaches nobody.
 *
 * Each alert has a runbook `runbooks/<name>.md` and tests in `prometheus/tests/<group>.test.yml`.
 */
export interface Alert {
  readonly name: string;
  readonly severity: 'page' | 'ticket' | 'none';
  /** Uid of the dashboard to look at first; grafana/dashboards/<uid>.json. */
  readonly dashboard: string;
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
        dashboard: 'slow-events',
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
        dashboard: 'slow-events',
        expr: 'absent(slow_event_outbox_depth{job="slow-event-recorder"})',
        for: '1m',
        summary: 'The slow-event recorder is away.',
        description: 'No metrics of the slow-event recorder arrive. Slow events wait in the Collector and do not page.',
        limit: 'present',
      },
      {
        name: 'SlowEventDeliveryStuck',
        severity: 'page',
        dashboard: 'telemetry',
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
        dashboard: 'slow-events',
        expr: 'max by (replica) (slow_event_outbox_oldest_seconds) > 60',
        for: '1m',
        summary: 'Slow events do not get from the recorder to Prometheus.',
        description: 'A slow event has waited {{ $value | humanize }} s for Prometheus replica {{ $labels.replica }}.',
        limit: '60 s',
      },
      {
        name: 'SlowEventsLost',
        severity: 'page',
        dashboard: 'telemetry',
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
        dashboard: 'slow-events',
        expr: 'sum by (reason) (increase(slow_event_rejected_total{reason!="not_slow"}[1h])) > 5',
        summary: 'The recorder rejects slow events that it cannot use.',
        description: '{{ $value | humanize }} slow events were rejected within an hour, reason {{ $labels.reason }}.',
        limit: '5',
      },
      {
        name: 'SlowEventPointsRefused',
        severity: 'ticket',
        dashboard: 'slow-events',
        expr: 'sum by (replica) (increase(slow_event_points_refused_total[1h])) > 0',
        summary: 'Prometheus refused points of slow events for good.',
        description:
          'Prometheus replica {{ $labels.replica }} refused {{ $value | humanize }} points within an hour; its count is too low.',
        limit: '0',
      },
      {
        name: 'SlowEventCountMismatch',
        severity: 'ticket',
        dashboard: 'slow-events',
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
        dashboard: 'services',
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
        dashboard: 'telemetry',
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
        dashboard: 'telemetry',
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
        dashboard: 'telemetry',
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
        dashboard: 'telemetry',
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
        dashboard: 'telemetry',
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
        dashboard: 'telemetry',
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
        dashboard: 'telemetry',
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
        dashboard: 'on-call',
        expr: 'vector(1)',
        summary: 'The alerting chain works.',
        description: 'Fires always. When it no longer arrives, nothing else would either.',
        limit: '1',
      },
      {
        name: 'RuleEvaluationFailing',
        severity: 'page',
        dashboard: 'on-call',
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
        dashboard: 'on-call',
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
        dashboard: 'on-call',
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
        dashboard: 'on-call',
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
  {
    name: 'health',
    interval: '30s',
    alerts: [
      {
        name: 'HealthCheckDown',
        severity: 'page',
        dashboard: 'health',
        // Tempo is for the morning: see TempoDown.
        expr: 'max by (check) (health_check_state{state="down", check!="tempo"}) == 1',
        for: '2m',
        summary: 'Something that the clinic needs does not work.',
        description: '{{ $labels.check }} has been down for two minutes.',
        limit: '0',
      },
      {
        name: 'HealthCheckDegraded',
        severity: 'ticket',
        dashboard: 'health',
        expr: 'max by (check) (health_check_state{state="degraded"}) == 1',
        for: '10m',
        summary: 'Something that the clinic needs works, but not as it should.',
        description: '{{ $labels.check }} has been degraded for ten minutes.',
        limit: '0',
      },
      {
        name: 'HealthCheckUnknown',
        severity: 'ticket',
        dashboard: 'health',
        // A practice that sends few mails says nothing of their delivery for a weekend.
        expr: `max by (check) (health_check_state{state="unknown", check!="email"}) == 1
or
max by (check) (min_over_time(health_check_state{state="unknown", check="email"}[3d])) == 1
  and max by (check) (health_check_state{check="email", state="unknown"} offset 3d) == 1`,
        for: '15m',
        summary: 'Nobody knows whether something that the clinic needs works.',
        description: 'The state of {{ $labels.check }} has been unknown for too long.',
        limit: '0',
      },
      {
        name: 'HealthCheckFlapping',
        severity: 'ticket',
        dashboard: 'health',
        expr: 'max by (check) (increase(health_check_transitions_total[15m])) > 4',
        for: '1m',
        summary: 'Something that the clinic needs comes and goes.',
        description: '{{ $labels.check }} changed its state {{ $value | humanize }} times within a quarter of an hour.',
        limit: '4',
      },
      {
        name: 'HealthCheckSilent',
        severity: 'page',
        dashboard: 'health',
        expr: `time() - max by (check) (health_check_last_checked_timestamp_seconds) > 120
or
absent(health_check_last_checked_timestamp_seconds)`,
        for: '3m',
        summary: 'Sentinel does not look whether the clinic works.',
        description: 'A health check was not made for minutes, or sentinel is away: what is down now would not page.',
        limit: '120 s',
      },
    ],
  },
  {
    name: 'backup',
    interval: '1m',
    alerts: [
      {
        name: 'RecoveryPointAtRisk',
        severity: 'page',
        dashboard: 'backup',
        expr: `max(recovery_point_seconds) > max(recovery_target_seconds{objective="rpo"})
or
absent(recovery_point_seconds)`,
        for: '5m',
        summary: 'What is written now is in no backup.',
        description: 'The newest change in a backup is {{ $value | humanizeDuration }} old, or nobody knows.',
        value: '{{ $value | humanizeDuration }}',
        limit: '5m',
      },
      {
        name: 'BackupOverdue',
        severity: 'ticket',
        dashboard: 'backup',
        expr: `time() - max by (kind) (backup_last_success_timestamp_seconds{kind="base"}) > 129600
or
time() - max by (kind) (backup_last_success_timestamp_seconds{kind="documents"}) > 1800
or
time() - max by (kind) (backup_last_success_timestamp_seconds{kind="offsite"}) > 3600
or
absent(backup_last_success_timestamp_seconds{kind="base"})
or
absent(backup_last_success_timestamp_seconds{kind="documents"})
or
absent(backup_last_success_timestamp_seconds{kind="offsite"})`,
        for: '30m',
        summary: 'A backup is overdue.',
        description: 'The newest backup of kind {{ $labels.kind }} is too old, or there is none.',
        limit: '36 h base, 30 min documents, 1 h offsite',
      },
      {
        name: 'BackupFailing',
        severity: 'ticket',
        dashboard: 'backup',
        // WAL is tried twice a minute: a database that restarts is no failure.
        expr: `sum by (kind, reason) (increase(backup_failures_total{kind!="wal"}[1h])) > 0
or
sum by (kind, reason) (increase(backup_failures_total{kind="wal"}[1h])) > 30`,
        summary: 'Backups fail.',
        description:
          'Backups of kind {{ $labels.kind }} failed {{ $value | humanize }} times within an hour: {{ $labels.reason }}.',
        limit: '0',
      },
      {
        name: 'BackupSizeChanged',
        severity: 'ticket',
        dashboard: 'backup',
        expr: `abs(
  max by (kind) (backup_size_bytes{kind="base"})
/
  max by (kind) (quantile_over_time(0.5, backup_size_bytes{kind="base"}[7d])) - 1
) > 0.3`,
        for: '10m',
        summary: 'A base backup has another size than those of the week before.',
        description:
          'The newest base backup differs by {{ $value | humanizePercentage }} from the median of seven days.',
        value: '{{ $value | humanizePercentage }}',
        limit: '30%',
      },
      {
        name: 'BackupUnverified',
        severity: 'ticket',
        dashboard: 'backup',
        expr: `time() - max(backup_verify_last_success_timestamp_seconds) > 129600
or
absent(backup_verify_last_success_timestamp_seconds)`,
        for: '1h',
        summary: 'Nobody knows whether the newest backup is whole.',
        description: 'No backup has been found whole, byte by byte, for a day and a half.',
        limit: '36 h',
      },
      {
        name: 'BackupBroken',
        severity: 'page',
        dashboard: 'backup',
        expr: 'sum by (check) (increase(restore_drill_failures_total[6h])) > 0',
        summary: 'The newest backup cannot be restored as it should be.',
        description: 'The newest backup failed the check {{ $labels.check }}.',
        limit: '0',
      },
      {
        name: 'RestoreDrillOverdue',
        severity: 'ticket',
        dashboard: 'backup',
        expr: `time() - max(restore_drill_last_success_timestamp_seconds) > 259200
or
absent(restore_drill_last_success_timestamp_seconds)`,
        for: '1h',
        summary: 'No backup was restored for days.',
        description: 'No backup has been restored and looked at, with every check passed, for three days.',
        limit: '3 days',
      },
      {
        name: 'RecoveryTimeNearTarget',
        severity: 'ticket',
        dashboard: 'backup',
        expr: 'max(recovery_time_seconds) / max(recovery_target_seconds{objective="rto"}) > 0.8',
        summary: 'A restore takes nearly as long as it may.',
        description:
          'The last drill took {{ $value | humanizePercentage }} of the time within which the clinic must be back.',
        value: '{{ $value | humanizePercentage }}',
        limit: '80%',
      },
      {
        name: 'TableIntegrityBroken',
        severity: 'page',
        dashboard: 'backup',
        expr: 'max by (check) (integrity_violations) > 0',
        summary: 'Records are gone, or are not what they were.',
        description: 'The check {{ $labels.check }} of the database in use found {{ $value | humanize }} things wrong.',
        limit: '0',
      },
      {
        name: 'IntegrityUnchecked',
        severity: 'ticket',
        dashboard: 'backup',
        expr: `time() - max by (check) (integrity_check_last_success_timestamp_seconds) > 7200
or
absent(integrity_check_last_success_timestamp_seconds)`,
        for: '1h',
        summary: 'Nobody looks whether records are gone or changed.',
        description: 'A check of the tables in use has not run to its end for two hours.',
        limit: '2 h',
      },
    ],
  },
  {
    name: 'security',
    interval: '1m',
    alerts: [
      {
        name: 'ChartAccessUnexplained',
        severity: 'ticket',
        dashboard: 'security',
        expr: 'max by (job) (chart_access_unexplained_ratio) > 0.05',
        for: '1h',
        summary: 'Many charts are opened without a reason that the data of the clinic give.',
        description: '{{ $value | humanizePercentage }} of what was opened within seven days is unexplained.',
        value: '{{ $value | humanizePercentage }}',
        limit: '5%',
      },
      {
        name: 'AccessReviewOverdue',
        severity: 'ticket',
        dashboard: 'security',
        expr: 'max by (job) (access_review_oldest_age_seconds) > 7 * 86400',
        for: '10m',
        summary: 'An access to a chart waits for its weekly review.',
        description: 'The oldest access that nobody has reviewed is {{ $value | humanizeDuration }} old.',
        value: '{{ $value | humanizeDuration }}',
        limit: '7d',
      },
      {
        name: 'AccessPatternFlagged',
        severity: 'ticket',
        dashboard: 'security',
        expr: 'sum by (pattern) (increase(access_flags_total[1h])) > 0',
        summary: 'What somebody opens does not look like work.',
        description: 'The accesses of a member of the practice show the pattern {{ $labels.pattern }}.',
        limit: '0',
      },
      {
        name: 'SignInAttack',
        severity: 'page',
        dashboard: 'security',
        expr: 'sum by (pattern) (increase(sign_in_attacks_total[15m])) > 0',
        keepFiringFor: '30m',
        summary: 'Somebody tries passwords of others.',
        description: 'The attempts to sign in show the pattern {{ $labels.pattern }}.',
        limit: '0',
      },
      {
        name: 'SignInAfterFailures',
        severity: 'ticket',
        dashboard: 'security',
        expr: 'max by (job) (sign_in_success_after_failures) > 2',
        summary: 'Several accounts were signed in to after many failures.',
        description: '{{ $value | humanize }} sign-ins of the last hour worked after three failures or more.',
        limit: '2',
      },
      {
        name: 'SecondFactorMissing',
        severity: 'ticket',
        dashboard: 'security',
        expr: 'max by (job) (privileged_accounts_without_second_factor) > 0',
        for: '1h',
        summary: 'An administrator has no second factor.',
        description: '{{ $value | humanize }} active administrators have no second factor.',
        limit: '0',
      },
      {
        name: 'AuditCoverageIncomplete',
        severity: 'page',
        dashboard: 'security',
        // What is served is held against what is recorded as well: a read leaves nothing in a table.
        expr: `min by (job) (audit_coverage_ratio) < 1
or
(
    sum by (job) (increase(audit_events_total{outcome="allowed"}[15m]))
  /
    sum by (job) (
      increase(http_server_request_duration_seconds_count{http_route=~"/api/(clients|appointments|clinical-notes|documents|users).*",http_response_status_code=~"2.."}[15m])
    )
) < 0.9
and
sum by (job) (
  increase(http_server_request_duration_seconds_count{http_route=~"/api/(clients|appointments|clinical-notes|documents|users).*",http_response_status_code=~"2.."}[15m])
) > 20`,
        for: '5m',
        summary: 'Something was done that the audit log does not hold.',
        description: 'The audit log holds {{ $value | humanizePercentage }} of what was done.',
        value: '{{ $value | humanizePercentage }}',
        limit: '100%',
      },
      {
        name: 'AuditChainBroken',
        severity: 'page',
        dashboard: 'security',
        expr: 'max by (kind) (audit_chain_breaks) > 0',
        summary: 'The audit log was changed.',
        description: 'The audit log is {{ $labels.kind }} in {{ $value | humanize }} places.',
        limit: '0',
      },
      {
        name: 'AuditChainUnverified',
        severity: 'ticket',
        dashboard: 'security',
        expr: `time() - max by (job) (audit_chain_last_verified_timestamp_seconds) > 36 * 3600
or
absent(audit_chain_last_verified_timestamp_seconds)`,
        for: '30m',
        summary: 'The whole audit log was not found in order for a day and a half.',
        description: 'The nightly walk over the audit log did not run, or did not end well.',
        limit: '36h',
      },
      {
        name: 'SecurityAuditStalled',
        severity: 'page',
        dashboard: 'security',
        expr: `time() - max by (job) (audit_followed_timestamp_seconds) > 600
or
absent(audit_followed_timestamp_seconds)`,
        for: '10m',
        summary: 'Nobody watches sign-ins and accesses.',
        description:
          'Sentinel does not follow the audit log: attacks, unexplained accesses and a changed log go unnoticed.',
        limit: '10m',
      },
      {
        name: 'VulnerabilityOverdue',
        severity: 'ticket',
        dashboard: 'security',
        expr: `max by (job) (vulnerability_oldest_age_seconds{severity="critical"}) > 7 * 86400
or
max by (job) (vulnerability_oldest_age_seconds{severity="high"}) > 30 * 86400
or
max by (job) (vulnerability_oldest_age_seconds{severity="medium"}) > 90 * 86400
or
max by (job) (vulnerability_oldest_age_seconds{severity="low"}) > 180 * 86400`,
        for: '1h',
        summary: 'A known vulnerability was not fixed in time, and there is a fix.',
        description: 'The oldest that is overdue has been known for {{ $value | humanizeDuration }}.',
        value: '{{ $value | humanizeDuration }}',
        limit: '7d critical, 30d high, 90d medium, 180d low',
      },
      {
        name: 'VulnerabilityScanStale',
        severity: 'ticket',
        dashboard: 'security',
        expr: `time() - max by (scanner) (vulnerability_scan_last_success_timestamp_seconds) > 8 * 86400
or
absent(vulnerability_scan_last_success_timestamp_seconds{scanner="npm"})
or
absent(vulnerability_scan_last_success_timestamp_seconds{scanner="debian"})
or
absent(vulnerability_scan_last_success_timestamp_seconds{scanner="images"})`,
        for: '6h',
        summary: 'Nobody looks for known vulnerabilities.',
        description: 'Scanner {{ $labels.scanner }} has not been answered for more than a week, or never.',
        limit: '8d',
      },
      {
        name: 'ConfigurationUnsafe',
        severity: 'ticket',
        dashboard: 'security',
        expr: `sum by (job) (configuration_findings{severity=~"critical|high"}) > 0
or
absent(configuration_findings)`,
        for: '30m',
        summary: 'The configuration that runs is not safe, or was not looked at.',
        description:
          '{{ $value | humanize }} findings of high or critical severity, or none was looked for; npm run ops:security-audit tells.',
        limit: '0',
      },
    ],
  },
  {
    name: 'privacy',
    interval: '1m',
    alerts: [
      {
        name: 'PatientDataInTelemetry',
        severity: 'page',
        dashboard: 'telemetry',
        expr: 'max by (place) (canary_findings) > 0',
        summary: "A patient's data is in telemetry.",
        description: 'Words of the synthetic patient were found in {{ $labels.place }}, {{ $value | humanize }} times.',
        limit: '0',
      },
      {
        name: 'CanaryScanStale',
        severity: 'ticket',
        dashboard: 'telemetry',
        expr: `time() - max by (job) (canary_scan_last_success_timestamp_seconds) > 3 * 3600
or
absent(canary_scan_last_success_timestamp_seconds)`,
        for: '2h',
        summary: "Nobody knows whether a patient's data is in telemetry.",
        description: 'Prometheus and Tempo were not both searched for the synthetic patient for hours, or never.',
        limit: '3h',
      },
    ],
  },
];

/** Where dashboards are read. */
export const DASHBOARD_BASE = 'http://localhost:3000/d';

/** Where runbooks are read; the pager serves them. */
export const RUNBOOK_BASE = 'http://localhost:8087/runbooks';
