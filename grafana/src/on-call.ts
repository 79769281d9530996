import { frame, row } from './frame.ts';
import { bars, graph, number, rows, states } from './panel.ts';
import { colors, widths } from './tokens.ts';

export const RUNBOOK = {
  title: 'Runbook',
  // The pager serves them.
  url: 'http://localhost:8087/runbooks/${__data.fields.Alert}',
} as const;

/** Seconds since each alert that fires began to. */
export const FIRING_FOR =
  'time() - max by (alertname, severity, metric) (ALERTS_FOR_STATE{severity!="none"} and on (alertname) ALERTS{alertstate="firing"})';

export const onCall = frame({
  uid: 'on-call',
  title: 'On-call',
  description: 'What fires, how soon it reached somebody, and which rules are noise.',
  from: 'now-24h',
})
  .withRow(row('Now'))
  .withPanel(
    number({
      title: 'Not acknowledged',
      description: 'Pages and tickets that fire and that nobody has taken.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (pager_pages_open{state="unacknowledged"})', 'open']],
      steps: [colors.healthy, [1, colors.bad]],
      link: { title: 'On-call inbox', url: 'http://localhost:8087' },
    }),
  )
  .withPanel(
    number({
      title: 'Acknowledged',
      description: 'Pages and tickets that fire and that somebody works on.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (pager_pages_open{state="acknowledged"})', 'open']],
      steps: [colors.healthy, [1, colors.degraded]],
    }),
  )
  .withPanel(
    number({
      title: 'New within 12 hours',
      description: 'Pages and tickets of a shift. Two that wake somebody are a lot.',
      unit: 'short',
      span: widths.sixth,
      decimals: 0,
      queries: [['sum (increase(pager_notifications_total{outcome="new"}[12h]))', 'new']],
      steps: [colors.healthy, [3, colors.degraded], [10, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Time to page, p95',
      description: 'From the moment a rule fires to the page in the inbox, over the time shown.',
      unit: 's',
      span: widths.sixth,
      queries: [
        ['histogram_quantile(0.95, sum by (le) (increase(pager_time_to_page_seconds_bucket[$__range])))', 'p95'],
      ],
      steps: [colors.healthy, [4, colors.degraded], [30, colors.bad]],
      empty: 'No page within this time.',
    }),
  )
  .withPanel(
    number({
      title: 'Sign of life',
      description:
        'Since the last sign of life came through Prometheus and Alertmanager. Should it stay away, no page would come either.',
      unit: 's',
      span: widths.sixth,
      queries: [['max (pager_watchdog_age_seconds)', 'age']],
      steps: [colors.healthy, [120, colors.degraded], [300, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Failed deliveries',
      description: 'Notifications that Alertmanager could not deliver within a day.',
      unit: 'short',
      span: widths.sixth,
      decimals: 0,
      queries: [['sum (increase(alertmanager_notifications_failed_total[24h]))', 'failed']],
      steps: [colors.healthy, [1, colors.bad]],
    }),
  )
  .withPanel(
    rows({
      title: 'Firing now',
      description: 'Every alert that fires, with its runbook.',
      span: widths.half,
      columns: [
        { title: 'Alert', label: 'alertname', link: RUNBOOK },
        { title: 'Severity', label: 'severity', width: 90 },
        { title: 'Metric', label: 'metric', width: 130 },
        {
          title: 'Firing for',
          expr: FIRING_FOR,
          unit: 's',
          decimals: 0,
        },
      ],
      sort: 'Firing for',
      empty: 'Nothing fires.',
    }),
  )
  .withPanel(
    states({
      title: 'What fired',
      description: 'When each alert fired.',
      unit: 'none',
      span: widths.half,
      height: 9,
      queries: [['max by (alertname) (ALERTS{alertstate="firing", severity!="none"})', '{{alertname}}']],
      words: { '1': ['firing', colors.bad] },
      empty: 'Nothing fired within this time.',
    }),
  )
  .withRow(row('Burden'))
  .withPanel(
    graph({
      title: 'Pages and tickets in each 12 hours',
      span: 7,
      description: 'How many new ones a shift of twelve hours brought.',
      unit: 'short',
      queries: [['sum (increase(pager_notifications_total{outcome="new"}[12h]))', 'new']],
      lineColors: { new: colors.rate },
    }),
  )
  .withPanel(
    graph({
      title: 'Time to page',
      span: 7,
      points: true,
      description: 'From the moment a rule fires to the page in the inbox.',
      unit: 's',
      queries: [50, 95].map((q) => [
        `histogram_quantile(${q / 100}, sum by (le) (increase(pager_time_to_page_seconds_bucket[1h]))) >= 0`,
        `p${q}`,
      ]),
      limit: 4,
      lineColors: { p50: colors.typical, p95: colors.high },
      empty: 'No page within this time.',
    }),
  )
  .withPanel(
    bars({
      title: 'Noisy rules, 7 days',
      span: 10,
      description:
        'How often each alert began to fire or to wait. Many times a week, and without anybody acting on it: mend the rule.',
      unit: 'short',
      queries: [['topk(8, sum by (alertname) (changes(ALERTS_FOR_STATE{severity!="none"}[7d]) + 1))', '{{alertname}}']],
      steps: [colors.typical, [10, colors.degraded], [30, colors.bad]],
      empty: 'No alert fired or waited within seven days.',
    }),
  )
  .withRow(row('The chain'))
  .withPanel(
    graph({
      title: 'Rule evaluation',
      description: 'How long each group of rules takes. The slow-event rules are due every second.',
      unit: 's',
      span: widths.half,
      queries: [
        [
          'max by (rule_group) (label_replace(prometheus_rule_group_last_duration_seconds, "rule_group", "$1", "rule_group", ".*;(.*)"))',
          '{{rule_group}}',
        ],
      ],
    }),
  )
  .withPanel(
    graph({
      title: 'Notifications',
      description: 'Deliveries of Alertmanager per minute, by receiver, and those that failed.',
      unit: 'short',
      span: widths.half,
      queries: [
        ['sum by (integration) (rate(alertmanager_notifications_total[$__rate_interval])) * 60 > 0', '{{integration}}'],
        [
          'sum by (integration) (rate(alertmanager_notifications_failed_total[$__rate_interval])) * 60 > 0',
          'failed: {{integration}}',
        ],
      ],
      empty: 'Nothing was delivered within this time.',
    }),
  );
