import { LIMITS, limitOf, METRICS, TOLERATED_SLOW_EVENTS } from '@clinic/catalogue/limits';
import { baselinePanels } from './baselines.ts';
import { frame, row } from './frame.ts';
import { graph, type Query, rows, type Steps, traces } from './panel.ts';
import { colors, widths } from './tokens.ts';

const seconds = (metric: string) => limitOf(metric) / 1000;

const durations = (selector: string): readonly Query[] => [
  [
    `sum (rate(operation_duration_seconds_sum{${selector}}[$__rate_interval]))
/
(sum (rate(operation_duration_seconds_count{${selector}}[$__rate_interval])) > 0)`,
    'average',
  ],
  ...[50, 95, 99].map(
    (q): Query => [
      `histogram_quantile(${q / 100}, sum by (le) (rate(operation_duration_seconds_bucket{${selector}}[$__rate_interval]))) >= 0`,
      `p${q}`,
    ],
  ),
];
const lineColors = {
  average: colors.healthy,
  p50: colors.typical,
  p95: colors.high,
  p99: colors.highest,
};

/** Colours of a count of slow events within an hour. */
export const SLOW_EVENT_STEPS: Steps = [colors.healthy, [1, colors.degraded], [TOLERATED_SLOW_EVENTS + 1, colors.bad]];

/** Slow events within the last hour, 0 for a metric that had none. */
export const countOfHour =
  'slow_event:count1h{metric=~"$metric"} or sum by (metric) (slow_events_total{metric=~"$metric"}) * 0';

/** Slow events since then, each counted once. The recorder's count survives restarts; without an older value all are new. */
export const exceeded = (window: string) =>
  `clamp_min(
  sum by (metric) (
    slow_events_total{metric=~"$metric"} - (slow_events_total{metric=~"$metric"} offset ${window} or slow_events_total{metric=~"$metric"} * 0)
  ),
0)`;

const TITLES = {
  page_load: 'Page loads',
  api_call: 'API calls',
  database_query: 'Database queries',
  render: 'Rendering',
} as const satisfies Record<keyof typeof LIMITS, string>;

/** Upper bounds of "good", https://web.dev/articles/vitals; of the 75th percentile of visits. */
const VITALS = [
  ['LCP', 'Largest contentful paint', 2.5],
  ['INP', 'Interaction to next paint', 0.2],
  ['FCP', 'First contentful paint', 1.8],
  ['TTFB', 'Time to first byte', 0.8],
] as const;

const others = METRICS.filter((metric) => !Object.hasOwn(LIMITS, metric));

const builder = frame({
  uid: 'performance',
  title: 'Performance',
  description: 'How long what people wait for takes, against its limits.',
  variables: [
    { name: 'metric', title: 'Metric', metric: 'operation_duration_seconds_count', label: 'metric' },
    { name: 'route', title: 'Route', metric: 'http_server_request_duration_seconds_count', label: 'http_route' },
    { name: 'page', title: 'Page', metric: 'web_vital_seconds_count', label: 'page' },
  ],
})
  .withRow(row('Against the limits'))
  .withPanel(
    rows({
      title: 'Slow events',
      description:
        'How often each metric took longer than its limit. Each event is counted once, exactly; more than five within an hour page on-call.',
      span: widths.full,
      columns: [
        { title: 'Metric', label: 'metric', width: 180 },
        {
          title: 'Last hour',
          expr: countOfHour,
          steps: SLOW_EVENT_STEPS,
        },
        { title: 'Last 24 hours', expr: exceeded('24h') },
        { title: 'Last 7 days', expr: exceeded('7d') },
        {
          title: 'Average',
          expr: `sum by (metric) (rate(operation_duration_seconds_sum{metric=~"$metric"}[1h]))
/
(sum by (metric) (rate(operation_duration_seconds_count{metric=~"$metric"}[1h])) > 0)`,
          unit: 's',
        },
        {
          title: 'p95, last hour',
          expr: 'histogram_quantile(0.95, sum by (le, metric) (rate(operation_duration_seconds_bucket{metric=~"$metric"}[1h])) > 0)',
          unit: 's',
        },
      ],
      sort: 'Last hour',
    }),
  );

for (const [metric, title] of Object.entries(TITLES)) {
  builder.withPanel(
    graph({
      title,
      description: `Duration of ${title.toLowerCase()}; the dashed line is the limit of ${limitOf(metric)} ms. A point leads to the trace of one of them.`,
      unit: 's',
      span: widths.quarter,
      queries: durations(`metric="${metric}"`),
      limit: seconds(metric),
      lineColors,
      exemplars: true,
      empty: 'None was timed within this time.',
    }),
  );
}

builder
  .withPanel(
    graph({
      title: 'What people do, p95',
      description: `Sign-ins, searches, bookings, notes and uploads; the dashed line is their limit of ${limitOf('other')} ms.`,
      unit: 's',
      span: widths.half,
      queries: [
        [
          `histogram_quantile(0.95, sum by (le, metric) (rate(operation_duration_seconds_bucket{metric=~"${others.join('|')}"}[$__rate_interval]))) >= 0`,
          '{{metric}}',
        ],
      ],
      limit: seconds('other'),
      exemplars: true,
      empty: 'Nobody signed in, searched or wrote within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Timed operations',
      description: 'How many of each metric are timed per second, and where.',
      unit: 'ops',
      span: widths.half,
      queries: [
        [
          'sum by (metric, source) (rate(operation_duration_seconds_count{metric=~"$metric"}[$__rate_interval])) > 0',
          '{{metric}} ({{source}})',
        ],
      ],
      stacked: true,
      empty: 'Nothing was timed within this time.',
    }),
  )
  .withRow(row('By route and page'))
  .withPanel(
    graph({
      title: 'Duration by route, p95',
      manySeries: true,
      description: 'Requests served, by route template. A point leads to the trace of one request.',
      unit: 's',
      span: widths.half,
      queries: [
        [
          'histogram_quantile(0.95, sum by (le, http_request_method, http_route) (rate(http_server_request_duration_seconds_bucket{http_route=~"$route"}[$__rate_interval]))) > 0',
          '{{http_request_method}} {{http_route}}',
        ],
      ],
      limit: seconds('api_call'),
      exemplars: true,
      empty: 'No request was served within this time.',
    }),
  )
  .withPanel(
    rows({
      title: 'Routes',
      height: 8,
      description: 'Requests, failures and duration of each route over the time shown.',
      span: widths.half,
      columns: [
        { title: 'Route', label: 'http_route' },
        { title: 'Method', label: 'http_request_method', width: 80 },
        {
          title: 'Requests',
          expr: 'sum by (http_request_method, http_route) (increase(http_server_request_duration_seconds_count{http_route=~"$route"}[$__range])) >= 1',
          decimals: 0,
          width: 90,
        },
        {
          title: 'Failed',
          expr: `(
  sum by (http_request_method, http_route) (increase(http_server_request_duration_seconds_count{http_route=~"$route", http_response_status_code=~"5.."}[$__range]))
  or
  sum by (http_request_method, http_route) (increase(http_server_request_duration_seconds_count{http_route=~"$route"}[$__range])) * 0
)
/
(sum by (http_request_method, http_route) (increase(http_server_request_duration_seconds_count{http_route=~"$route"}[$__range])) >= 1)`,
          unit: 'percentunit',
          steps: [colors.neutral, [0.01, colors.degraded], [0.05, colors.bad]],
          width: 80,
        },
        {
          title: 'p95',
          expr: 'histogram_quantile(0.95, sum by (le, http_request_method, http_route) (increase(http_server_request_duration_seconds_bucket{http_route=~"$route"}[$__range]))) >= 0',
          unit: 's',
          steps: [colors.neutral, [seconds('api_call'), colors.bad]],
          width: 90,
        },
      ],
      sort: 'p95',
      empty: 'No request was served within this time.',
    }),
  )
  .withRow(row('Web vitals'));

for (const [name, title, good] of VITALS) {
  builder.withPanel(
    graph({
      title: `${title}, p75`,
      description: `${name} by page, of three visits in four. Good is up to ${good} s, the dashed line.`,
      unit: 's',
      span: widths.quarter,
      queries: [
        [
          `histogram_quantile(0.75, sum by (le, page) (rate(web_vital_seconds_bucket{name="${name}", page=~"$page"}[$__rate_interval]))) > 0`,
          '{{page}}',
        ],
      ],
      limit: good,
      empty: 'No browser reported it within this time.',
    }),
  );
}

builder
  .withPanel(
    graph({
      title: 'Layout shift, p75',
      description:
        'How much pages move while they load (CLS), of three visits in four. Good is up to 0.1, the dashed line.',
      unit: 'none',
      span: widths.half,
      queries: [
        [
          'histogram_quantile(0.75, sum by (le, page) (rate(web_vital_layout_shift_bucket{page=~"$page"}[$__rate_interval]))) >= 0',
          '{{page}}',
        ],
      ],
      limit: 0.1,
      empty: 'No browser reported it within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Errors in browsers',
      points: true,
      description: 'Uncaught errors per minute, by type and page.',
      unit: 'short',
      span: widths.half,
      queries: [
        [
          'sum by (error_type, page) (rate(browser_errors_total{page=~"$page"}[$__rate_interval])) * 60 > 0',
          '{{error_type}} on {{page}}',
        ],
      ],
      empty: 'No error within this time.',
    }),
  );

builder.withRow(row('Baselines'));
for (const panel of baselinePanels) builder.withPanel(panel);

export const performance = builder
  .withRow(row('Traces'))
  .withPanel(
    traces({
      title: 'Slow page loads',
      description: `Traces of page loads over ${LIMITS.page_load} ms.`,
      span: widths.half,
      query: `{ name = "page_load" && duration > ${LIMITS.page_load}ms }`,
      empty: 'No page load was that slow within this time.',
    }),
  )
  .withPanel(
    traces({
      title: 'Slow requests and queries',
      description: `Traces with a request over ${LIMITS.api_call} ms, or a query over ${LIMITS.database_query} ms.`,
      span: widths.half,
      query: `{ (kind = server && duration > ${LIMITS.api_call}ms) || (span.db.system.name = "postgresql" && duration > ${LIMITS.database_query}ms) }`,
      empty: 'No request or query was that slow within this time.',
    }),
  );
