/** What can be told of a dashboard without asking any server. */
import { alertGroups } from '@clinic/catalogue/alerts';
import { ENGINE_SIGNALS } from '@clinic/catalogue/engines';
import { LABEL_VALUES } from '@clinic/catalogue/labels';
import { NODE_SIGNALS, SCRAPE_SIGNALS, type Signal, SLOW_EVENT_POINT, signals } from '@clinic/catalogue/signals';
import { matchersIn, namesIn, renamedIn, withoutVariables } from '../src/promql.ts';
import { type Dashboard, type Finding, linksOf, type Panel, panelsOf } from './dashboard.ts';

/** Those that grafana/src makes; both viewers draw them. */
const PANEL_TYPES = ['timeseries', 'stat', 'bargauge', 'table', 'state-timeline'];
/** Of those that Grafana publishes; it skips one that it does not know in silence. */
const TRANSFORMATIONS = ['merge', 'organize', 'filterFieldsByName', 'sortBy', 'reduce', 'calculateField'];
const UNITS = ['s', 'ms', 'm', 'd', 'bytes', 'percentunit', 'short', 'none', 'reqps', 'ops', 'cps'];
/** What the services of the stack serve to a person: the pager, sentinel and the recorder. */
const PLACES = /^http:\/\/localhost:(8085|8086|8087)(\/|$)/;
/** Characters of a title in a column of the grid, with the icons beside it. */
const CHARACTERS_PER_COLUMN = 5;

const records = alertGroups.flatMap(({ records = [] }) => records);
const alertNames = new Set(alertGroups.flatMap(({ alerts }) => alerts.map(({ name }) => name)));

/** Labels of every metric by its name in PromQL; those of a recorded one follow from its expression. */
export const labelsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ...Object.values<Signal>(signals).flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === 'histogram'
      ? [
          [`${name}_bucket`, [...labels, 'le']],
          [`${name}_count`, labels],
          [`${name}_sum`, labels],
        ]
      : [[name, labels]],
  ),
  ...[...NODE_SIGNALS, ...SCRAPE_SIGNALS].map((name): [string, readonly string[]] => [
    name,
    ['kind', 'space', 'version'],
  ]),
  // prom-client's summary of what the garbage collector did.
  ...['_sum', '_count', '_bucket'].map((end): [string, readonly string[]] => [
    `nodejs_gc_duration_seconds${end}`,
    ['kind'],
  ]),
  ...Object.values(ENGINE_SIGNALS).flatMap((metrics) => Object.entries<readonly string[]>(metrics)),
  [SLOW_EVENT_POINT.promql, SLOW_EVENT_POINT.labels],
  ...records.map(({ record, expr }): [string, readonly string[]] => [record, namesIn(expr).labels]),
  ...['ALERTS', 'ALERTS_FOR_STATE'].map((name): [string, readonly string[]] => [
    name,
    ['alertname', 'alertstate', 'severity', 'metric'],
  ]),
]);

type Problem = readonly [problem: string, remedy: string];

const isOurs = new Set<string>(
  Object.values<Signal>(signals).flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  ),
);

/** A value that the catalogue's list for its label does not hold: nothing would ever match it. */
function unknownValues(expr: string): Problem[] {
  return matchersIn(expr).flatMap(({ metric, label, operator, value }): Problem[] => {
    const allowed: readonly string[] | RegExp | undefined = Object.hasOwn(LABEL_VALUES, label)
      ? LABEL_VALUES[label as keyof typeof LABEL_VALUES]
      : undefined;
    if (!isOurs.has(metric) || !Array.isArray(allowed)) return [];
    const matches = operator.endsWith('~')
      ? allowed.some((one: string) => new RegExp(`^(?:${value})$`).test(one))
      : allowed.includes(value);
    return matches
      ? []
      : [[`${metric} never has ${label}="${value}"`, `Write a value that catalogue/labels.ts lists for ${label}.`]];
  });
}

/** What is wrong with a PromQL expression of a dashboard. */
export function expressionProblems(expr: string): readonly Problem[] {
  const plain = withoutVariables(expr);
  const { metrics, labels, errors } = namesIn(plain);
  const known = new Set([
    'job',
    'instance',
    ...renamedIn(expr),
    ...metrics.flatMap((metric) => labelsOf.get(metric) ?? []),
  ]);
  return [
    ...errors.map(
      (at): Problem => [`it is not PromQL at character ${at + 1}`, 'Ask it in Explore, which marks the place.'],
    ),
    ...metrics
      .filter((metric) => !labelsOf.has(metric))
      .map(
        (metric): Problem => [
          `the metric ${metric} is not in the catalogue`,
          'Was it renamed? Name one of catalogue/signals.ts or catalogue/engines.ts.',
        ],
      ),
    ...labels
      .filter((label) => !known.has(label))
      .map(
        (label): Problem => [
          `none of its metrics has the label ${label}`,
          'Look at the labels of the metric in the catalogue.',
        ],
      ),
    ...(/\b(?:rate|irate)\([^[]*\[(?!\$__rate_interval|\d)/.test(expr)
      ? [['a rate without $__rate_interval or a fixed window', 'Write [$__rate_interval].'] as const]
      : []),
    ...unknownValues(plain),
  ];
}

/** The unit that follows from the name of what is plotted, unless it is divided, multiplied or counted. */
export function unitOf(query: string): string | undefined {
  const expr = query.replaceAll(/"[^"]*"/g, '""');
  if (/[*/]|\bcount\b|changes\(/.test(expr)) return undefined;
  const [, word] = /_(seconds|bytes|milliseconds|ratio)(?:_bucket)?\b(?=[{)\s[]|$)/.exec(expr) ?? [];
  if (/rate\(|increase\(/.test(expr) && !/histogram_quantile/.test(expr)) return undefined;
  return (
    word && ({ seconds: 's', bytes: 'bytes', milliseconds: 'ms', ratio: 'percentunit' } as const)[word as 'seconds']
  );
}

function panelProblems(panel: Panel): readonly Problem[] {
  const { title, description, type, targets = [], fieldConfig, transformations = [], gridPos } = panel;
  const unit = fieldConfig?.defaults.unit;
  const problems: Problem[] = [];
  if (!/^\S.{2,45}$/.test(title)) problems.push(['it has no title of 3 to 46 characters', 'Say what it shows.']);
  if (title.length > gridPos.w * CHARACTERS_PER_COLUMN)
    problems.push([`its title does not fit into ${gridPos.w} columns`, 'Shorten it, or widen the panel.']);
  if (!description || !/\S.*\S/s.test(description))
    problems.push(['it has no description', 'Say what it shows and what to make of it.']);
  if (!PANEL_TYPES.includes(type))
    problems.push([`its type ${type} is not drawn by both viewers`, `Choose one of ${PANEL_TYPES.join(', ')}.`]);
  for (const { id } of transformations)
    if (!TRANSFORMATIONS.includes(id))
      problems.push([`the transformation ${id} is unknown`, `Choose one of ${TRANSFORMATIONS.join(', ')}.`]);
  if (type === 'text') return problems;
  if (description && !description.endsWith('.'))
    problems.push(['its description is no sentence', 'End it with a full stop.']);
  if (targets.length === 0) problems.push(['it asks nothing', 'Give it a query, or make it a text.']);
  if (unit === undefined || !UNITS.includes(unit))
    problems.push([`its unit ${unit ?? ''} is not one of ours`, `Choose one of ${UNITS.join(', ')}.`]);
  if (type !== 'table')
    for (const { expr = '' } of targets) {
      const wanted = unitOf(expr);
      if (wanted && wanted !== unit)
        problems.push([`its unit is ${unit}, and it plots ${wanted}: ${expr}`, 'Mend the unit, or convert the value.']);
    }
  return problems;
}

function linkProblems(dashboard: Dashboard, uids: ReadonlySet<string>): readonly Finding[] {
  const remedy = 'Name a dashboard by its uid, a runbook by its alert, or a service of the stack.';
  return linksOf(dashboard).flatMap(({ panel, url }) => {
    const uid = /^\/d\/([\w-]+)/.exec(url)?.[1];
    const runbook = /\/runbooks\/(\w+)$/.exec(url)?.[1];
    const leads =
      uid !== undefined ? uids.has(uid) : PLACES.test(url) && (runbook === undefined || alertNames.has(runbook));
    return leads ? [] : [{ dashboard: dashboard.uid, panel, problem: `the link ${url} leads nowhere`, remedy }];
  });
}

/** Everything that is wrong with dashboards and can be told from them and the catalogue alone. */
export function structureFindings(dashboards: readonly Dashboard[]): readonly Finding[] {
  const uids = new Set(dashboards.map(({ uid }) => uid));
  return dashboards.flatMap((dashboard) => {
    const { uid } = dashboard;
    const ofPanels = panelsOf(dashboard).flatMap((panel) => [
      ...panelProblems(panel).map(([problem, remedy]) => ({ dashboard: uid, panel: panel.title, problem, remedy })),
      ...(panel.targets ?? []).flatMap(({ expr }) =>
        (expr === undefined ? [] : expressionProblems(expr)).map(([problem, remedy]) => ({
          ...{ dashboard: uid, panel: panel.title, problem, remedy },
          query: expr ?? '',
        })),
      ),
    ]);
    const ofAnnotations = dashboard.annotations.list.flatMap(({ name, expr }) =>
      expressionProblems(expr).map(([problem, remedy]) => ({
        dashboard: uid,
        panel: name,
        query: expr,
        problem,
        remedy,
      })),
    );
    return [...ofPanels, ...ofAnnotations, ...linkProblems(dashboard, uids)];
  });
}
