import { limitOf, TOLERATED_SLOW_EVENTS } from '@clinic/catalogue/limits';
import { frame, row } from './frame.ts';
import { STATE, STATE_WORDS } from './health.ts';
import { FIRING_FOR, RUNBOOK } from './on-call.ts';
import { bars, graph, number, rows, states } from './panel.ts';
import { SLOW_EVENT_STEPS } from './performance.ts';
import { colors, widths } from './tokens.ts';

const to = (uid: string, title: string) => ({ title, url: `/d/${uid}` });

export const home = frame({
  uid: 'home',
  title: 'Home',
  description: 'Is anything wrong, and where?',
})
  .withRow(row('Is anything wrong'))
  .withPanel(
    number({
      title: 'Pages',
      description: 'Alerts that fire and wake somebody.',
      unit: 'short',
      span: widths.sixth,
      queries: [['count (ALERTS{alertstate="firing", severity="page"}) or vector(0)', 'firing']],
      steps: [colors.healthy, [1, colors.bad]],
      link: to('on-call', 'On-call'),
    }),
  )
  .withPanel(
    number({
      title: 'Tickets',
      description: 'Alerts that fire and can wait for working hours.',
      unit: 'short',
      span: widths.sixth,
      queries: [['count (ALERTS{alertstate="firing", severity="ticket"}) or vector(0)', 'firing']],
      steps: [colors.healthy, [1, colors.degraded]],
      link: to('on-call', 'On-call'),
    }),
  )
  .withPanel(
    number({
      title: 'Health',
      description: 'The worst that sentinel found when it asked every part of the system.',
      unit: 'none',
      span: widths.sixth,
      queries: [[`max (${STATE})`, 'worst']],
      words: STATE_WORDS,
      link: to('health', 'System health'),
      empty: 'Sentinel has not reported yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Most slow events',
      description: `Of one metric within the last hour. More than ${TOLERATED_SLOW_EVENTS} page on-call.`,
      unit: 'short',
      span: widths.sixth,
      queries: [['max (slow_event:count1h) or vector(0)', 'events']],
      steps: SLOW_EVENT_STEPS,
      link: to('slow-events', 'Slow events'),
    }),
  )
  .withPanel(
    number({
      title: 'Last restore',
      description: 'Since a backup was last restored and compared with what was backed up.',
      unit: 's',
      span: widths.sixth,
      decimals: 0,
      queries: [['time() - max (restore_drill_last_success_timestamp_seconds > 0)', 'age']],
      steps: [colors.healthy, [7 * 86_400, colors.degraded], [8 * 86_400, colors.bad]],
      link: to('backup', 'Backup'),
      empty: 'No restore drill succeeded yet.',
    }),
  )
  .withPanel(
    number({
      title: 'To review',
      description: 'Accesses to charts that nothing explains and that nobody has signed off.',
      unit: 'short',
      span: widths.sixth,
      queries: [['max (access_reviews_pending)', 'open']],
      steps: [colors.healthy, [1, colors.degraded], [50, colors.bad]],
      link: to('security', 'Security'),
      empty: 'Sentinel has not reported yet.',
    }),
  )
  .withRow(row('Where'))
  .withPanel(
    rows({
      title: 'Firing now',
      description: 'Every alert that fires, with its runbook.',
      span: widths.third,
      height: 9,
      columns: [
        { title: 'Alert', label: 'alertname', link: RUNBOOK },
        { title: 'Severity', label: 'severity', width: 80 },
        { title: 'Metric', label: 'metric', width: 125 },
        {
          title: 'Firing for',
          expr: FIRING_FOR,
          unit: 's',
          decimals: 0,
          width: 110,
        },
      ],
      sort: 'Firing for',
      empty: 'Nothing fires.',
    }),
  )
  .withPanel(
    states({
      title: 'Checks',
      description: 'What sentinel found over time.',
      unit: 'none',
      span: widths.third,
      height: 9,
      queries: [[STATE, '{{check}}']],
      words: STATE_WORDS,
      link: to('health', 'System health'),
      empty: 'Sentinel has not reported yet.',
    }),
  )
  .withPanel(
    bars({
      title: 'Slow events by metric',
      description: `Within the last hour. More than ${TOLERATED_SLOW_EVENTS} of one metric page on-call.`,
      unit: 'short',
      span: widths.third,
      height: 9,
      queries: [['slow_event:count1h or sum by (metric) (slow_events_total) * 0', '{{metric}}']],
      steps: SLOW_EVENT_STEPS,
      max: 10,
      link: to('slow-events', 'Slow events'),
    }),
  )
  .withRow(row('The clinic'))
  .withPanel(
    graph({
      title: 'Requests',
      description: 'Requests per second that the clinic serves.',
      unit: 'reqps',
      queries: [
        ['sum (rate(http_server_request_duration_seconds_count{job="clinic-api"}[$__rate_interval]))', 'requests'],
      ],
      lineColors: { requests: colors.rate },
      link: to('services', 'Services'),
    }),
  )
  .withPanel(
    graph({
      title: 'Failures',
      description: 'Share of requests that the clinic answered with a 5xx.',
      unit: 'percentunit',
      queries: [
        [
          `(
  sum (rate(http_server_request_duration_seconds_count{job="clinic-api", http_response_status_code=~"5.."}[$__rate_interval]))
  or
  vector(0)
)
/
(sum (rate(http_server_request_duration_seconds_count{job="clinic-api"}[$__rate_interval])) > 0)`,
          'failed',
        ],
      ],
      limit: 0.01,
      lineColors: { failed: colors.errors },
      link: to('services', 'Services'),
      empty: 'No request was served within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Page loads, p95',
      description: 'How long people wait for a page; the dashed line is the limit.',
      unit: 's',
      queries: [
        [
          'histogram_quantile(0.95, sum by (le) (rate(operation_duration_seconds_bucket{metric="page_load"}[$__rate_interval]))) >= 0',
          'p95',
        ],
      ],
      limit: limitOf('page_load') / 1000,
      lineColors: { p95: colors.high },
      exemplars: true,
      link: to('performance', 'Performance'),
      empty: 'No page was loaded within this time.',
    }),
  );
