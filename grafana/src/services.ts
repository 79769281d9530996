import { frame, row } from './frame.ts';
import { graph, states } from './panel.ts';
import { colors, widths } from './tokens.ts';

export const services = frame({
  uid: 'services',
  title: 'Services',
  description: 'Rate, errors, duration and saturation of every service.',
  variables: [{ name: 'service', title: 'Service', metric: 'up', label: 'job' }],
})
  .withRow(row('Availability'))
  .withPanel(
    states({
      title: 'Services up',
      description: 'Whether the metrics of each service could be read.',
      unit: 'none',
      queries: [['max by (job) (up{job=~"$service"})', '{{job}}']],
      words: { '0': ['down', colors.bad], '1': ['up', colors.healthy] },
    }),
  )
  .withRow(row('Rate, errors, duration'))
  .withPanel(
    graph({
      title: 'Requests',
      description: 'Requests served per second, by class of the answer.',
      unit: 'reqps',
      queries: [
        [
          'sum by (code) (label_replace(rate(http_server_request_duration_seconds_count{job=~"$service"}[$__rate_interval]), "code", "${1}xx", "http_response_status_code", "(.).*")) > 0',
          '{{code}}',
        ],
      ],
      stacked: true,
      lineColors: { '2xx': colors.healthy, '3xx': colors.typical, '4xx': colors.degraded, '5xx': colors.bad },
      empty: 'No request was served within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Error ratio',
      description: 'Share of requests answered with a 5xx, by service.',
      unit: 'percentunit',
      queries: [
        [
          `(
  sum by (job) (rate(http_server_request_duration_seconds_count{job=~"$service", http_response_status_code=~"5.."}[$__rate_interval]))
  or
  sum by (job) (rate(http_server_request_duration_seconds_count{job=~"$service"}[$__rate_interval])) * 0
)
/
(sum by (job) (rate(http_server_request_duration_seconds_count{job=~"$service"}[$__rate_interval])) > 0)`,
          '{{job}}',
        ],
      ],
      limit: 0.01,
      empty: 'No request was served within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Duration',
      description: 'Of requests served, all routes together. A point leads to the trace of one request.',
      unit: 's',
      queries: [50, 95, 99].map((q) => [
        `histogram_quantile(${q / 100}, sum by (le) (rate(http_server_request_duration_seconds_bucket{job=~"$service"}[$__rate_interval]))) >= 0`,
        `p${q}`,
      ]),
      lineColors: { p50: colors.typical, p95: colors.high, p99: colors.highest },
      exemplars: true,
      empty: 'No request was served within this time.',
    }),
  )
  .withRow(row('Saturation'))
  .withPanel(
    graph({
      title: 'Event loop delay, p99',
      description: 'How long a Node process keeps what is due waiting. Above 100 ms people notice.',
      unit: 's',
      queries: [['max by (job) (nodejs_eventloop_lag_p99_seconds{job=~"$service"})', '{{job}}']],
      limit: 0.1,
    }),
  )
  .withPanel(
    graph({
      title: 'CPU',
      description: 'Processor time used, in cores.',
      unit: 'none',
      queries: [
        ['sum by (job) (rate(process_cpu_seconds_total{job=~"$service"}[$__rate_interval]))', '{{job}}'],
        ['sum by (job) (rate(otelcol_process_cpu_seconds_total{job=~"$service"}[$__rate_interval]))', '{{job}}'],
      ],
    }),
  )
  .withPanel(
    graph({
      title: 'Memory',
      description: 'Memory that each process holds (resident set).',
      unit: 'bytes',
      queries: [
        ['max by (job) (process_resident_memory_bytes{job=~"$service"})', '{{job}}'],
        ['max by (job) (otelcol_process_memory_rss_bytes{job=~"$service"})', '{{job}}'],
      ],
    }),
  )
  .withPanel(
    graph({
      title: 'Database connections',
      description: 'Of the pool: in use, idle; and requests that wait for one, of which there should be none.',
      unit: 'short',
      queries: [['sum by (state) (db_client_connection_count{job=~"$service"})', '{{state}}']],
      lineColors: { used: colors.typical, idle: colors.healthy, pending: colors.bad },
      empty: 'The service has no pool of connections.',
    }),
  )
  .withPanel(
    graph({
      title: 'Heap',
      description: 'JavaScript heap in use. A line that only ever rises is a leak.',
      unit: 'bytes',
      queries: [['max by (job) (nodejs_heap_size_used_bytes{job=~"$service"})', '{{job}}']],
    }),
  )
  .withPanel(
    graph({
      title: 'Garbage collection',
      description: 'Share of the time that Node spends on it.',
      unit: 'percentunit',
      queries: [['sum by (job) (rate(nodejs_gc_duration_seconds_sum{job=~"$service"}[$__rate_interval]))', '{{job}}']],
    }),
  )
  .withRow(row('Database'))
  .withPanel(
    graph({
      title: 'Queries',
      description: 'Statements per second that clinic-api sends to PostgreSQL.',
      unit: 'ops',
      span: widths.half,
      queries: [['sum (rate(operation_duration_seconds_count{metric="database_query"}[$__rate_interval]))', 'queries']],
      lineColors: { queries: colors.rate },
    }),
  )
  .withPanel(
    graph({
      title: 'Queries for each request',
      description: 'A step up after a deployment is most often a query inside a loop.',
      unit: 'short',
      span: widths.half,
      queries: [
        [
          `sum (rate(operation_duration_seconds_count{metric="database_query"}[$__rate_interval]))
/
(sum (rate(http_server_request_duration_seconds_count{http_route=~"/auth|/api/.*"}[$__rate_interval])) > 0)`,
          'queries',
        ],
      ],
      lineColors: { queries: colors.rate },
      empty: 'No request was served within this time.',
    }),
  );
