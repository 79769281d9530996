/** Prometheus rule files, from the catalogue: one per group, `prometheus/rules/<group>.yml`. */
import { type Alert, type AlertGroup, alertGroups, DASHBOARD_BASE, RUNBOOK_BASE } from '@clinic/catalogue/alerts';
import { stringify } from 'yaml';

const rule = ({
  name,
  severity,
  dashboard,
  expr,
  for: wait,
  keepFiringFor,
  summary,
  description,
  value = '{{ $value | humanize }}',
  limit,
}: Alert) => ({
  alert: name,
  expr,
  ...(wait && { for: wait }),
  ...(keepFiringFor && { keep_firing_for: keepFiringFor }),
  labels: { severity },
  annotations: {
    ...{ summary, description, value, limit },
    runbook_url: `${RUNBOOK_BASE}/${name}`,
    dashboard_url: `${DASHBOARD_BASE}/${dashboard}?from=now-1h&to=now${expr.includes('by (metric)') ? '&var-metric={{ $labels.metric }}' : ''}`,
  },
});

const ruleFile = ({ name, interval, records = [], alerts }: AlertGroup) =>
  `# Generated from catalogue/alerts.ts by prometheus/src/rules.ts. Do not edit; run: npm run build\n${stringify(
    { groups: [{ name, interval, rules: [...records, ...alerts.map(rule)] }] },
    { lineWidth: 0 },
  )}`;

/** Path from the repository's root to content. */
export const ruleFiles: Readonly<Record<string, string>> = Object.fromEntries(
  alertGroups.map((group) => [`prometheus/rules/${group.name}.yml`, ruleFile(group)]),
);
