import { frame, row } from './frame.ts';
import { bars, graph, number, rows } from './panel.ts';
import { colors, widths } from './tokens.ts';

export const security = frame({
  uid: 'security',
  title: 'Security',
  description:
    'Who looked at charts and why, who tried to sign in, and whether what proves it is whole. It names nobody.',
  from: 'now-24h',
})
  .withRow(row('Now'))
  .withPanel(
    number({
      title: 'Unexplained',
      description: 'Share of chart accesses for which the clinic’s own data gives no reason.',
      unit: 'percentunit',
      span: widths.sixth,
      decimals: 1,
      queries: [['max (chart_access_unexplained_ratio)', 'unexplained']],
      steps: [colors.healthy, [0.05, colors.degraded], [0.2, colors.bad]],
      link: { title: 'Review queue', url: 'http://localhost:8086' },
      empty: 'No chart was opened yet.',
    }),
  )
  .withPanel(
    number({
      title: 'To review',
      description: 'Unexplained accesses that nobody has signed off.',
      unit: 'short',
      span: widths.sixth,
      queries: [['max (access_reviews_pending)', 'open']],
      steps: [colors.healthy, [1, colors.degraded], [50, colors.bad]],
      link: { title: 'Review queue', url: 'http://localhost:8086' },
    }),
  )
  .withPanel(
    number({
      title: 'Audit coverage',
      description: 'Share of what was done that the audit log holds. Less than all is a hole.',
      unit: 'percentunit',
      span: widths.sixth,
      decimals: 1,
      queries: [['min (audit_coverage_ratio)', 'covered']],
      steps: [colors.bad, [1, colors.healthy]],
      empty: 'Nothing was done yet that has to be audited.',
    }),
  )
  .withPanel(
    number({
      title: 'Audit chain',
      description: 'Breaks in the chain of the audit log: rows that were changed, removed or rewritten.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (audit_chain_breaks)', 'breaks']],
      steps: [colors.healthy, [1, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Weak admin accounts',
      description: 'Active accounts with special rights that a password alone opens.',
      unit: 'short',
      span: widths.sixth,
      queries: [['max (privileged_accounts_without_second_factor)', 'accounts']],
      steps: [colors.healthy, [1, colors.bad]],
    }),
  )
  .withPanel(
    number({
      title: 'Vulnerable',
      description: 'Known, of severity high or critical, in what runs.',
      unit: 'short',
      span: widths.sixth,
      queries: [['sum (vulnerabilities_open{severity=~"high|critical", scope="production"})', 'open']],
      steps: [colors.healthy, [1, colors.bad]],
      empty: 'No scan has succeeded yet.',
    }),
  )
  .withRow(row('Charts'))
  .withPanel(
    graph({
      title: 'Accesses by explanation',
      description: 'Charts opened per hour, by why. Unexplained ones go to the review queue.',
      unit: 'short',
      span: widths.half,
      queries: [['sum by (explanation) (increase(chart_accesses_total[1h])) > 0', '{{explanation}}']],
      stacked: true,
      lineColors: {
        appointment: colors.healthy,
        treating_clinician: colors.usual,
        note_author: colors.typical,
        message: colors.common,
        billing: colors.rare,
        supervisor: colors.rarest,
        break_glass: colors.high,
        unexplained: colors.bad,
      },
      empty: 'No chart was opened within this time.',
    }),
  )
  .withPanel(
    rows({
      title: 'Accesses by role',
      description: 'Charts opened within a day, by role and what was looked at.',
      span: widths.quarter,
      height: 8,
      columns: [
        { title: 'Role', label: 'role' },
        { title: 'Action', label: 'action' },
        { title: 'Accesses', expr: 'sum by (role, action) (increase(chart_accesses_total[24h])) >= 1', decimals: 0 },
      ],
      sort: 'Accesses',
      empty: 'No chart was opened within a day.',
    }),
  )
  .withPanel(
    bars({
      title: 'Flags, 7 days',
      description: 'Patterns that deserve a look, however they are explained.',
      unit: 'short',
      span: widths.quarter,
      queries: [['sum by (pattern) (increase(access_flags_total[7d]))', '{{pattern}}']],
      steps: [colors.typical, [1, colors.degraded]],
      empty: 'No flag within a week.',
    }),
  )
  .withPanel(
    graph({
      title: 'Volume against habit',
      description:
        'The greatest deviation of a person from their own habit and that of their role, in robust standard deviations. Above six somebody is asked.',
      unit: 'short',
      span: widths.half,
      queries: [['max by (role) (access_volume_deviation)', '{{role}}']],
      limit: 6,
      empty: 'There is no habit to compare with yet.',
    }),
  )
  .withPanel(
    graph({
      title: 'Waiting for review',
      description: 'How many days the oldest unexplained access has waited. A week is the limit.',
      unit: 'd',
      span: widths.half,
      queries: [['max (access_review_oldest_age_seconds) / 86400', 'oldest']],
      limit: 7,
      lineColors: { oldest: colors.typical },
    }),
  )
  .withRow(row('Signing in'))
  .withPanel(
    graph({
      title: 'Attempts',
      description: 'Sign-ins per minute, by what became of them.',
      unit: 'short',
      queries: [['sum by (outcome) (rate(sign_ins_total[$__rate_interval])) * 60 > 0', '{{outcome}}']],
      stacked: true,
      lineColors: {
        accepted: colors.healthy,
        credentials_wrong: colors.bad,
        second_factor_needed: colors.typical,
        second_factor_wrong: colors.high,
        locked: colors.highest,
        throttled: colors.degraded,
      },
      empty: 'Nobody tried to sign in within this time.',
    }),
  )
  .withPanel(
    graph({
      title: 'Accounts tried from one address',
      description:
        'The most accounts that a single address tried within an hour. Many are an attack, or a whole practice behind one router.',
      unit: 'short',
      queries: [['max (sign_in_distinct_accounts_per_source_max)', 'accounts']],
      lineColors: { accounts: colors.typical },
    }),
  )
  .withPanel(
    graph({
      title: 'Accounts that do not exist',
      description: 'Share of attempts with an account that nobody has. People mistype; programs guess.',
      unit: 'percentunit',
      queries: [['max (sign_in_unknown_account_ratio)', 'unknown']],
      lineColors: { unknown: colors.typical },
      empty: 'Nobody tried to sign in within this time.',
    }),
  )
  .withPanel(
    bars({
      title: 'Attacks recognised, 7 days',
      description: 'Patterns of many attempts that are not people’s mistakes.',
      unit: 'short',
      queries: [['sum by (pattern) (increase(sign_in_attacks_total[7d]))', '{{pattern}}']],
      steps: [colors.healthy, [1, colors.bad]],
      empty: 'None within a week.',
    }),
  )
  .withPanel(
    bars({
      title: 'Second factor',
      description: 'Share of active accounts of each role that have one.',
      unit: 'percentunit',
      queries: [['min by (role) (second_factor_coverage_ratio)', '{{role}}']],
      steps: [colors.degraded, [1, colors.healthy]],
      max: 1,
    }),
  )
  .withPanel(
    graph({
      title: 'Success after failures, out of hours',
      description: 'Within an hour: accounts that got in after several failures, and sign-ins outside working hours.',
      unit: 'short',
      queries: [
        ['max (sign_in_success_after_failures)', 'after failures'],
        ['max (sign_in_out_of_hours)', 'out of hours'],
      ],
    }),
  )
  .withRow(row('Evidence and weaknesses'))
  .withPanel(
    graph({
      title: 'Audit log',
      description: 'Events per minute that were written to it, and refusals among them.',
      unit: 'short',
      queries: [['sum by (outcome) (rate(audit_events_total[$__rate_interval])) * 60', '{{outcome}}']],
      lineColors: { allowed: colors.typical, refused: colors.degraded },
      empty: 'Nothing was done within this time.',
    }),
  )
  .withPanel(
    rows({
      title: 'Vulnerabilities',
      description: 'Known ones in what runs, by severity and whether there is a version without them.',
      span: widths.third,
      height: 8,
      columns: [
        { title: 'Severity', label: 'severity' },
        { title: 'Can be mended', label: 'fixable' },
        { title: 'Where', label: 'scope' },
        { title: 'Open', expr: 'sum by (severity, fixable, scope) (vulnerabilities_open) > 0' },
      ],
      sort: 'Open',
      empty: 'None is known, or no scan has succeeded: see the age of the last scan.',
    }),
  )
  .withPanel(
    rows({
      title: 'Scans and configuration',
      description: 'When each scanner last succeeded.',
      span: widths.third,
      height: 8,
      columns: [
        { title: 'Scanner', label: 'scanner' },
        {
          title: 'Last success',
          expr: 'time() - max by (scanner) (vulnerability_scan_last_success_timestamp_seconds > 0)',
          unit: 's',
          decimals: 0,
          steps: [colors.healthy, [8 * 24 * 3600, colors.bad]],
        },
      ],
      sort: 'Last success',
      empty: 'No scan has succeeded yet.',
    }),
  )
  .withPanel(
    bars({
      title: 'Findings of the configuration audit',
      description: 'What npm run ops:security-audit found, by severity.',
      unit: 'short',
      span: widths.half,
      queries: [['sum by (severity) (configuration_findings)', '{{severity}}']],
      steps: [colors.healthy, [1, colors.degraded]],
      empty: 'The configuration was not audited yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Chain last verified',
      description: 'Since every row of the audit log was last compared with its hash.',
      unit: 's',
      span: widths.quarter,
      height: 8,
      decimals: 0,
      queries: [['time() - max (audit_chain_last_verified_timestamp_seconds > 0)', 'age']],
      steps: [colors.healthy, [36 * 3600, colors.degraded], [48 * 3600, colors.bad]],
      empty: 'Not verified yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Events in the chain',
      description: 'How many the audit log holds.',
      unit: 'short',
      span: widths.quarter,
      height: 8,
      queries: [['max (audit_chain_length)', 'events']],
    }),
  );
