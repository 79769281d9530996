/** Every metric that our services expose. What is not listed here does not get past the Collector. */
export interface Signal {
  /** Name on `/metrics`, which is the name in PromQL (histograms: without `_bucket`, `_count`, `_sum`). */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** UCUM. */
  readonly unit: 's' | 'ms' | 'By' | '1';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** Seconds. Holds every limit of limits.ts, so that "over the limit" can be read exactly: `_count - _bucket{le=limit}`. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 3, 5, 10] as const;

export const signals = {
  httpServerRequestDuration: {
    name: 'http_server_request_duration_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['http_request_method', 'http_route', 'http_response_status_code'],
    help: 'Duration of requests served.',
    buckets: DURATION_BUCKETS,
  },
  operationDuration: {
    name: 'operation_duration_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['metric', 'source'],
    help: 'Duration of timed operations, by metric and by where it was measured.',
    buckets: DURATION_BUCKETS,
  },
  webVital: {
    name: 'web_vital_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['name', 'page'],
    help: 'Web vitals that are durations (LCP, INP, FCP, TTFB), by page route.',
    buckets: [0.1, 0.2, 0.5, 0.8, 1, 1.8, 2.5, 3, 4, 8],
  },
  webVitalLayoutShift: {
    name: 'web_vital_layout_shift',
    type: 'histogram',
    unit: '1',
    labels: ['page'],
    help: 'Cumulative layout shift, by page route.',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1],
  },
  browserErrors: {
    name: 'browser_errors_total',
    type: 'counter',
    unit: '1',
    labels: ['error_type', 'page'],
    help: 'Uncaught errors in the browser.',
  },
  browserBatches: {
    name: 'browser_telemetry_batches_total',
    type: 'counter',
    unit: '1',
    labels: ['outcome'],
    help: 'Batches from browsers, by outcome: accepted, repeated, refused.',
  },
  browserItems: {
    name: 'browser_telemetry_items_total',
    type: 'counter',
    unit: '1',
    labels: ['outcome'],
    help: 'Items from browsers, by outcome: accepted, refused, lost (the browser says so).',
  },
  telemetryItems: {
    name: 'telemetry_items_total',
    type: 'counter',
    unit: '1',
    labels: ['kind', 'outcome'],
    help: 'What the telemetry of a service itself did, by kind and outcome.',
  },
  telemetryQueue: {
    name: 'telemetry_queue_items',
    type: 'gauge',
    unit: '1',
    labels: ['kind'],
    help: 'Items that wait to be sent to the Collector.',
  },
  databaseConnections: {
    name: 'db_client_connection_count',
    type: 'gauge',
    unit: '1',
    labels: ['state'],
    help: 'Connections of the pool: idle, used; and requests that wait for one: pending.',
  },
  slowEvents: {
    name: 'slow_events_total',
    type: 'counter',
    unit: '1',
    labels: ['metric'],
    help: 'Slow events stored by the recorder, each once.',
  },
  slowEventDuplicates: {
    name: 'slow_event_duplicates_total',
    type: 'counter',
    unit: '1',
    labels: [],
    help: 'Slow events that arrived again and were not stored again.',
  },
  slowEventRejected: {
    name: 'slow_event_rejected_total',
    type: 'counter',
    unit: '1',
    labels: ['reason'],
    help: 'Slow events that were not stored, by what was wrong with them.',
  },
  slowEventUnsampled: {
    name: 'slow_event_unsampled_total',
    type: 'counter',
    unit: '1',
    labels: ['reason'],
    help: 'Stored slow events without a point in Prometheus: burst (ten others are within ten seconds), expired (older than the window).',
  },
  slowEventLimitDisagreements: {
    name: 'slow_event_limit_disagreements_total',
    type: 'counter',
    unit: '1',
    labels: [],
    help: 'Slow events whose source used another limit than the catalogue, which decides.',
  },
  slowEventStorageErrors: {
    name: 'slow_event_storage_errors_total',
    type: 'counter',
    unit: '1',
    labels: [],
    help: 'Operations that the database refused: a full disk, a lock, a file that cannot be written.',
  },
  slowEventOutboxDepth: {
    name: 'slow_event_outbox_depth',
    type: 'gauge',
    unit: '1',
    labels: ['replica'],
    help: 'Points that a Prometheus replica has not accepted yet.',
  },
  slowEventOutboxOldest: {
    name: 'slow_event_outbox_oldest_seconds',
    type: 'gauge',
    unit: 's',
    labels: ['replica'],
    help: 'How long the oldest point has waited for a Prometheus replica; 0 when none waits.',
  },
  slowEventPointsRefused: {
    name: 'slow_event_points_refused_total',
    type: 'counter',
    unit: '1',
    labels: ['replica'],
    help: 'Points that a Prometheus replica refused for good.',
  },
  slowEventRefills: {
    name: 'slow_event_refills_total',
    type: 'counter',
    unit: '1',
    labels: ['replica'],
    help: 'Times that points were written again because a replica had lost them.',
  },
  slowEventLedger: {
    name: 'slow_event_ledger_samples',
    type: 'gauge',
    unit: '1',
    labels: ['metric'],
    help: 'Points of the last hour according to the recorder; Prometheus must count the same.',
  },
  pagerNotifications: {
    name: 'pager_notifications_total',
    type: 'counter',
    unit: '1',
    labels: ['outcome'],
    help: 'Alerts delivered to the inbox, by outcome: new, repeated, resolved, refused.',
  },
  pagerPagesOpen: {
    name: 'pager_pages_open',
    type: 'gauge',
    unit: '1',
    labels: ['state'],
    help: 'Pages that still fire, by state: unacknowledged, acknowledged.',
  },
  pagerTimeToPage: {
    name: 'pager_time_to_page_seconds',
    type: 'histogram',
    unit: 's',
    labels: [],
    help: 'From the moment a rule fired to the page in the inbox.',
    buckets: [0.1, 0.25, 0.5, 1, 1.5, 2, 4, 8, 15, 30, 60],
  },
  pagerWatchdogAge: {
    name: 'pager_watchdog_age_seconds',
    type: 'gauge',
    unit: 's',
    labels: [],
    help: 'Since the last sign of life of the alerting chain.',
  },
} as const satisfies Record<string, Signal>;

/** One sample per slow event, written by the recorder straight to Prometheus: `slow_event.duration` in ms. */
export const SLOW_EVENT_POINT = {
  otlp: 'slow_event.duration',
  unit: 'ms',
  promql: 'slow_event_duration_milliseconds',
  labels: ['metric'],
} as const;

/** What prom-client reports about a Node process, without its series by type of handle, whose values are not a closed set. */
export const NODE_SIGNALS = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_min_seconds',
  'nodejs_eventloop_lag_max_seconds',
  'nodejs_eventloop_lag_mean_seconds',
  'nodejs_eventloop_lag_stddev_seconds',
  'nodejs_eventloop_lag_p50_seconds',
  'nodejs_eventloop_lag_p90_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_external_memory_bytes',
  'nodejs_gc_duration_seconds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_heap_space_size_total_bytes',
  'nodejs_heap_space_size_used_bytes',
  'nodejs_heap_space_size_available_bytes',
  'nodejs_version_info',
  'process_cpu_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_user_seconds_total',
  'process_heap_bytes',
  'process_max_fds',
  'process_open_fds',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'process_virtual_memory_bytes',
] as const;

/** What the Collector's scraper says about a scrape. */
export const SCRAPE_SIGNALS = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const;
