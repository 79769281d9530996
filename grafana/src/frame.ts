import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { colors } from './tokens.ts';

const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };

/** A variable whose values are those of a label; several may be chosen, all by default. */
export interface LabelVariable {
  readonly name: string;
  readonly title: string;
  readonly metric: string;
  readonly label: string;
}

export interface FrameOptions {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables?: readonly LabelVariable[];
  /** How far back it looks at first. */
  readonly from?: string;
}

/** Marks every graph where a query has a value. The SDK's builder does not know the fields of Prometheus' annotations. */
const annotation = (
  name: string,
  iconColor: string,
  expr: string,
  titleFormat: string,
  textFormat: string,
): Builder<dashboard.AnnotationQuery> => {
  const query = {
    ...{ name, iconColor, expr, titleFormat, textFormat, datasource: PROMETHEUS },
    ...{ enable: true, hide: false, step: '60s', target: { refId: 'Anno', expr } },
  };
  return { build: () => query as unknown as dashboard.AnnotationQuery };
};

/** What all dashboards share: data source, variables, links to the others, and what happened meanwhile. */
export function frame({ uid, title, description, variables = [], from = 'now-1h' }: FrameOptions) {
  const builder = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['clinic'])
    .readonly()
    .timezone('browser')
    .refresh('1m')
    .time({ from, to: 'now' })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(
      new dashboard.DatasourceVariableBuilder('datasource')
        .label('Data source')
        .type('prometheus')
        .current({ text: 'Prometheus', value: 'prometheus' }),
    )
    .link(
      new dashboard.DashboardLinkBuilder('Dashboards')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['clinic'])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(false),
    )
    .link(
      new dashboard.DashboardLinkBuilder('On-call inbox')
        .type(dashboard.DashboardLinkType.Link)
        .url('http://localhost:8087')
        .targetBlank(true),
    );
  for (const { name, title: label, metric, label: from } of variables) {
    builder.withVariable(
      new dashboard.QueryVariableBuilder(name)
        .label(label)
        .query(`label_values(${metric}, ${from})`)
        .datasource(PROMETHEUS)
        .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
        .sort(dashboard.VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue('.+')
        .current({ text: ['All'], value: ['$__all'] }),
    );
  }
  return builder
    .annotation(
      annotation(
        'Pages',
        colors.bad,
        'max by (alertname) (ALERTS{alertstate="firing", severity="page"})',
        '{{alertname}}',
        'pages on-call',
      ),
    )
    .annotation(
      annotation(
        'Starts',
        colors.typical,
        'time() - max by (job) (process_start_time_seconds{job=~"clinic-api|sentinel|pager|slow-event-recorder"}) < 300',
        '{{job}}',
        'started anew: a deployment, or a crash',
      ),
    )
    .annotation(
      annotation(
        'Load tests',
        colors.high,
        'max by (scenario) (load_test_running) == 1',
        '{{scenario}}',
        'a load test is under way',
      ),
    )
    .annotation(
      annotation(
        'Drills',
        colors.healthy,
        'time() - max (restore_drill_last_success_timestamp_seconds) < 300',
        'Restore drill',
        'a backup was restored and passed every check',
      ),
    );
}

export const row = (title: string) => new dashboard.RowBuilder(title).collapsed(false);
