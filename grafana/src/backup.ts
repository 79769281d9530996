import { frame, row } from './frame.ts';
import { graph, number, rows } from './panel.ts';
import { colors, widths } from './tokens.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

const age = (metric: string) => `time() - max (${metric})`;

export const backup = frame({
  uid: 'backup',
  title: 'Backup',
  description:
    'Whether the clinic could be restored: when it was last proven, how long it would take, and what would be lost.',
  from: 'now-7d',
})
  .withRow(row('Three degrees of certainty'))
  .withPanel(
    number({
      title: 'Last base backup',
      description: 'A backup is there and whole. It says nothing about whether it can be read.',
      unit: 's',
      span: widths.sixth,
      decimals: 0,
      queries: [[age('backup_last_success_timestamp_seconds{kind="base"}'), 'age']],
      steps: [colors.healthy, [36 * HOUR, colors.degraded], [48 * HOUR, colors.bad]],
      empty: 'No backup was made yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Last verified',
      description: 'Its manifest and every checksum were compared.',
      unit: 's',
      span: widths.sixth,
      decimals: 0,
      queries: [[age('backup_verify_last_success_timestamp_seconds > 0'), 'age']],
      steps: [colors.healthy, [36 * HOUR, colors.degraded], [48 * HOUR, colors.bad]],
      empty: 'No backup was verified yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Last restored',
      description: 'It was started in isolation, and its content compared row by row with what was backed up.',
      unit: 's',
      span: widths.sixth,
      decimals: 0,
      queries: [[age('restore_drill_last_success_timestamp_seconds > 0'), 'age']],
      steps: [colors.healthy, [7 * DAY, colors.degraded], [8 * DAY, colors.bad]],
      empty: 'No restore drill succeeded yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Last WAL received',
      description: 'What was written since then would be lost with the server.',
      unit: 's',
      span: widths.sixth,
      decimals: 0,
      queries: [[age('backup_last_success_timestamp_seconds{kind="wal"}'), 'age']],
      steps: [colors.healthy, [5 * 60, colors.degraded], [15 * 60, colors.bad]],
      empty: 'No WAL was received yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Recovery time',
      description: 'How long the last restore drill took until the clinic could be used (RTO).',
      unit: 's',
      span: widths.sixth,
      queries: [['max (recovery_time_seconds > 0)', 'measured']],
      empty: 'No restore drill succeeded yet.',
    }),
  )
  .withPanel(
    number({
      title: 'Recovery point',
      description: 'How much time of work would be lost with the server now (RPO).',
      unit: 's',
      span: widths.sixth,
      queries: [['max (recovery_point_seconds)', 'measured']],
      empty: 'No restore drill succeeded yet.',
    }),
  )
  .withPanel(
    rows({
      title: 'Backups by kind',
      description: 'When each kind last succeeded, how long it took and how large it is.',
      span: widths.half,
      columns: [
        { title: 'Kind', label: 'kind' },
        {
          title: 'Age',
          expr: 'time() - max by (kind) (backup_last_success_timestamp_seconds > 0)',
          unit: 's',
          decimals: 0,
        },
        { title: 'Took', expr: 'max by (kind) (backup_duration_seconds)', unit: 's' },
        { title: 'Size', expr: 'max by (kind) (backup_size_bytes)', unit: 'bytes' },
        {
          title: 'Failures, 7 d',
          expr: 'sum by (kind) (increase(backup_failures_total[7d]))',
          decimals: 0,
          steps: [colors.neutral, [1, colors.bad]],
        },
      ],
      sort: 'Age',
      empty: 'No backup was made yet.',
    }),
  )
  .withPanel(
    rows({
      title: 'What the last drill proved',
      description: 'When each check of a restored copy last held.',
      span: widths.half,
      columns: [
        { title: 'Check', label: 'check' },
        {
          title: 'Last held',
          expr: 'time() - max by (check) (restore_drill_check_last_success_timestamp_seconds > 0)',
          unit: 's',
          decimals: 0,
          steps: [colors.healthy, [8 * DAY, colors.bad]],
        },
        {
          title: 'Failures, 30 d',
          expr: 'sum by (check) (increase(restore_drill_failures_total[30d]))',
          decimals: 0,
          steps: [colors.neutral, [1, colors.bad]],
        },
      ],
      sort: 'Last held',
      empty: 'No restore drill succeeded yet.',
    }),
  )
  .withRow(row('Over time'))
  .withPanel(
    graph({
      title: 'Recovery time against its target',
      description: 'In minutes, measured by each drill; the dashed line is what was promised.',
      unit: 'm',
      queries: [
        ['max (recovery_time_seconds) / 60', 'measured'],
        ['max (recovery_target_seconds{objective="rto"}) / 60', 'target'],
      ],
      empty: 'No restore drill succeeded yet.',
      targets: ['target'],
      lineColors: { measured: colors.typical, target: colors.limit },
    }),
  )
  .withPanel(
    graph({
      title: 'Recovery point against its target',
      description: 'In minutes: work that would be lost with the server now; the dashed line is what was promised.',
      unit: 'm',
      queries: [
        ['max (recovery_point_seconds) / 60', 'measured'],
        ['max (recovery_target_seconds{objective="rpo"}) / 60', 'target'],
      ],
      empty: 'No restore drill succeeded yet.',
      targets: ['target'],
      lineColors: { measured: colors.typical, target: colors.limit },
    }),
  )
  .withPanel(
    graph({
      title: 'Size',
      description: 'Of each kind of backup. A sudden fall is a backup of a half-empty database.',
      unit: 'bytes',
      queries: [['max by (kind) (backup_size_bytes)', '{{kind}}']],
      empty: 'No backup was made yet.',
    }),
  )
  .withRow(row('The live database'))
  .withPanel(
    rows({
      title: 'Integrity',
      height: 8,
      description: 'Checks of the running database: mass deletion, records that may never change, checksums of pages.',
      span: widths.half,
      columns: [
        { title: 'Check', label: 'check' },
        {
          title: 'Last held',
          expr: 'time() - max by (check) (integrity_check_last_success_timestamp_seconds > 0)',
          unit: 's',
          decimals: 0,
        },
        {
          title: 'Violations',
          expr: 'max by (check) (integrity_violations)',
          steps: [colors.healthy, [1, colors.bad]],
        },
      ],
      sort: 'Violations',
      empty: 'Integrity was not checked yet.',
    }),
  )
  .withPanel(
    graph({
      title: 'Failures',
      description: 'Backups that failed within a day, by kind and reason.',
      unit: 'short',
      span: widths.half,
      queries: [['sum by (kind, reason) (increase(backup_failures_total[1d])) > 0', '{{kind}}: {{reason}}']],
      empty: 'None within this time.',
    }),
  );
