import { frame, row } from './frame.ts';
import { graph, number, rows, states } from './panel.ts';
import { colors, widths } from './tokens.ts';

/** A state set as one number per check, so that it can be drawn. */
export const STATE = `max by (check) (health_check_state{state="healthy"} * 1)
+ max by (check) (health_check_state{state="degraded"} * 2)
+ max by (check) (health_check_state{state="down"} * 3)`;

export const STATE_WORDS = {
  '0': ['unknown', colors.unknown],
  '1': ['healthy', colors.healthy],
  '2': ['degraded', colors.degraded],
  '3': ['down', colors.bad],
} as const;

export const health = frame({
  uid: 'health',
  title: 'System health',
  description: 'Whether the clinic can do its work: what sentinel found when it asked each part, every 30 seconds.',
})
  .withRow(row('Now'))
  .withPanel(
    number({
      title: 'E-mail delivery',
      description: 'Share of mail that was delivered. At least 95 % is healthy, at least 90 % degraded, less is down.',
      unit: 'percentunit',
      span: widths.third,
      decimals: 1,
      queries: [['min (email_delivery_ratio)', 'delivered']],
      steps: [colors.bad, [0.9, colors.degraded], [0.95, colors.healthy]],
      empty: 'Too few mails to say.',
    }),
  )
  .withPanel(
    number({
      title: 'Checks that are down',
      description: 'How many parts of the system do not work.',
      unit: 'short',
      span: widths.third,
      queries: [['sum (health_check_state{state="down"})', 'down']],
      steps: [colors.healthy, [1, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Checks that say nothing',
      description: 'How many parts could not be judged.',
      unit: 'short',
      span: widths.third,
      queries: [['sum (health_check_state{state="unknown"})', 'unknown']],
      steps: [colors.healthy, [1, colors.degraded]],
    }),
  )
  .withPanel(
    rows({
      title: 'Checks',
      description:
        'State, latency and age of every check. Unknown means that there was too little to say; it is not healthy. The reason is on the page of sentinel.',
      span: widths.half,
      height: 14,
      link: { title: 'What each check says', url: 'http://localhost:8086' },
      columns: [
        { title: 'Check', label: 'check' },
        { title: 'State', expr: STATE, words: STATE_WORDS, width: 110 },
        { title: 'Latency', expr: 'max by (check) (health_check_latency_seconds)', unit: 's', width: 110 },
        {
          title: 'Last checked',
          expr: 'time() - max by (check) (health_check_last_checked_timestamp_seconds)',
          unit: 's',
          decimals: 0,
          steps: [colors.neutral, [90, colors.degraded], [300, colors.bad]],
          width: 120,
        },
        {
          title: 'Changes, 1 h',
          expr: 'max by (check) (increase(health_check_transitions_total[1h]))',
          decimals: 0,
          steps: [colors.neutral, [4, colors.degraded], [10, colors.bad]],
          width: 120,
        },
      ],
      sort: 'State',
    }),
  )
  .withPanel(
    graph({
      title: 'Mail by state',
      height: 14,
      description: 'Mail of the outbox that sentinel looks at, by what became of it.',
      unit: 'short',
      span: widths.half,
      queries: [['max by (state) (email_outbox_items)', '{{state}}']],
      stacked: true,
      lineColors: {
        delivered: colors.healthy,
        sent: colors.typical,
        queued: colors.neutral,
        deferred: colors.degraded,
        bounced: colors.bad,
      },
    }),
  )
  .withRow(row('History'))
  .withPanel(
    states({
      title: 'States',
      description: 'What each check found over time.',
      unit: 'none',
      height: 12,
      queries: [[STATE, '{{check}}']],
      words: STATE_WORDS,
    }),
  )
  .withPanel(
    graph({
      title: 'Latency',
      description: 'How long each check took.',
      unit: 's',
      span: widths.half,
      queries: [['max by (check) (health_check_latency_seconds)', '{{check}}']],
    }),
  )
  .withPanel(
    graph({
      title: 'Delivery rate',
      description: 'Share of mail that was delivered; below the dashed line of 95 % it is no longer healthy.',
      unit: 'percentunit',
      span: widths.half,
      queries: [['min (email_delivery_ratio)', 'delivered']],
      limit: 0.95,
      max: 1,
      empty: 'Too few mails to say.',
    }),
  );
