/** The baselines beside live data: each bar is the part of its limit that is used, so that all can be read alike. */
import { API_BASELINES, LOAD_BASELINES, PAGE_BASELINES } from '@clinic/catalogue/baselines';
import { bars, graph, type Query, type Steps } from './panel.ts';
import { colors, widths } from './tokens.ts';

const STEPS: Steps = [colors.healthy, [0.8, colors.degraded], [1, colors.bad]];
const EMPTY = 'Nobody used it within this time.';

const api = Object.entries(API_BASELINES).map(([name, ms]): Query => {
  const [method, route] = name.split(' ');
  return [
    `histogram_quantile(0.95, sum by (le) (increase(http_server_request_duration_seconds_bucket{http_request_method="${method}", http_route="${route}"}[$__range]))) / ${ms / 1000} >= 0`,
    `${name}, ${ms} ms`,
  ];
});

const pages = Object.entries(PAGE_BASELINES).map(
  ([page, ms]): Query => [
    `histogram_quantile(0.95, sum by (le) (increase(web_vital_seconds_bucket{name="LCP", page="${page}"}[$__range]))) / ${ms / 1000} >= 0`,
    `${page}, ${ms / 1000} s`,
  ],
);

/** What docker-compose.yml allows the clinic, and what its pool may open. */
export const CLINIC_MEMORY_BYTES = 288 * 2 ** 20;
export const CLINIC_CONNECTIONS = 10;

const room: readonly Query[] = [
  [
    `max(max_over_time(process_resident_memory_bytes{job="clinic-api"}[$__range])) / ${CLINIC_MEMORY_BYTES} / ${LOAD_BASELINES.memory}`,
    `memory, ${LOAD_BASELINES.memory * 100} %`,
  ],
  [
    `max(max_over_time(db_client_connection_count{job="clinic-api", state="used"}[$__range])) / ${CLINIC_CONNECTIONS} / ${LOAD_BASELINES.connections}`,
    `connections, ${LOAD_BASELINES.connections * 100} %`,
  ],
  [
    `max(max_over_time(rate(process_cpu_seconds_total{job="clinic-api"}[1m])[$__range:1m])) / ${LOAD_BASELINES.cpu}`,
    `processor, ${LOAD_BASELINES.cpu * 100} %`,
  ],
  [
    `sum(increase(http_server_request_duration_seconds_count{job="clinic-api", http_response_status_code=~"5.."}[$__range]))
/
sum(increase(http_server_request_duration_seconds_count{job="clinic-api"}[$__range])) / ${LOAD_BASELINES.failures}`,
    `failed requests, ${LOAD_BASELINES.failures * 100} %`,
  ],
];

/** Panels of the row "Baselines" on the Performance dashboard. */
export const baselinePanels = [
  bars({
    title: 'API against its baselines',
    description:
      'p95 of the time shown, load tests included, as a part of the limit behind each name. docs/baselines.md has what was measured under known load.',
    unit: 'percentunit',
    span: 10,
    queries: api,
    steps: STEPS,
    max: 1,
    empty: EMPTY,
  }),
  bars({
    title: 'Pages against their baselines',
    description:
      'p95 of the largest contentful paint in the time shown, as a part of the limit behind each name. It is the nearest to the baseline, which is until the data stands, that browsers report by page.',
    unit: 'percentunit',
    span: 7,
    queries: pages,
    steps: STEPS,
    max: 1,
    empty: EMPTY,
  }),
  bars({
    title: 'Room against its baselines',
    description:
      'The most of the time shown, as a part of the limit behind each name: of the memory that the clinic is allowed, of the connections of its pool, of one core, of its requests.',
    unit: 'percentunit',
    span: 7,
    queries: room,
    steps: STEPS,
    max: 1,
    empty: EMPTY,
  }),
  graph({
    title: 'Load tests, p95 of each step',
    description: 'What load tests measured, as their users saw it. The last value of each stays for five minutes.',
    unit: 's',
    span: widths.half,
    queries: [['max by (scenario, step) (load_test_step_duration_seconds{quantile="0.95"})', '{{step}}, {{scenario}}']],
    empty: 'No load test ended within this time.',
  }),
  graph({
    title: 'Users of load tests',
    description: 'Users that load tests played at each moment.',
    unit: 'short',
    span: widths.half,
    queries: [['max by (scenario) (load_test_users)', '{{scenario}}']],
    empty: 'No load test ran within this time.',
  }),
] as const;
