import { dateTimeFormatTimeAgo, type PanelProps } from '@grafana/data';
import { Badge, type BadgeColor } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { type AlertingRule, type Labels, prometheus } from '../prometheus/api.ts';

export interface AlertListOptions {
  readonly maxItems: number;
  /** 1: by name from A; 2: from Z; 3: by state, firing first; 5: the newest first. As Grafana numbers them. */
  readonly sortOrder: number;
  readonly alertName: string;
  readonly alertInstanceLabelFilter: string;
  readonly stateFilter: { readonly firing?: boolean; readonly pending?: boolean; readonly normal?: boolean };
}

interface Item {
  readonly name: string;
  readonly state: 'firing' | 'pending' | 'inactive';
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly since?: string;
}

const URGENCY = { firing: 0, pending: 1, inactive: 2 } as const;
const COLORS: Record<Item['state'], BadgeColor> = { firing: 'red', pending: 'orange', inactive: 'green' };
const WORDS: Record<Item['state'], string> = { firing: 'Firing', pending: 'Pending', inactive: 'Normal' };
const HIDDEN_LABELS = ['alertname', '__name__'];

/** Each alert of each rule; a rule without any is one item in its normal state. */
function itemsOf(rules: readonly AlertingRule[]): Item[] {
  return rules.flatMap((rule): Item[] => {
    const none: Item = {
      name: rule.name,
      state: 'inactive',
      labels: rule.labels ?? {},
      annotations: rule.annotations ?? {},
    };
    if (!rule.alerts || rule.alerts.length === 0) return [none];
    return rule.alerts.map(({ state, labels, annotations, activeAt }) => ({
      name: rule.name,
      state,
      labels,
      annotations,
      since: activeAt,
    }));
  });
}

/** `{severity="page", team=~"a|b"}`: whether labels match. */
export function labelFilter(text: string): (labels: Labels) => boolean {
  const matchers = [...text.matchAll(/([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)];
  return (labels) =>
    matchers.every(([, name = '', operator, value = '']) => {
      const own = labels[name] ?? '';
      const regex = () => new RegExp(`^(?:${value})$`).test(own);
      if (operator === '=') return own === value;
      if (operator === '!=') return own !== value;
      return operator === '=~' ? regex() : !regex();
    });
}

function chosen(rules: readonly AlertingRule[], options: AlertListOptions, replace: (text: string) => string): Item[] {
  const { firing = true, pending = true, normal = false } = options.stateFilter ?? {};
  const wanted = { firing, pending, inactive: normal };
  const matches = labelFilter(replace(options.alertInstanceLabelFilter ?? ''));
  const name = replace(options.alertName ?? '').toLowerCase();
  const byName = (a: Item, b: Item) => a.name.localeCompare(b.name);
  const newest = (a: Item, b: Item) => (b.since ?? '').localeCompare(a.since ?? '');
  const orders: Record<number, (a: Item, b: Item) => number> = {
    1: byName,
    2: (a, b) => byName(b, a),
    4: (a, b) => newest(b, a),
    5: newest,
  };
  const byState = (a: Item, b: Item) => URGENCY[a.state] - URGENCY[b.state] || byName(a, b);
  return itemsOf(rules)
    .filter((item) => wanted[item.state] && matches(item.labels) && item.name.toLowerCase().includes(name))
    .sort(orders[options.sortOrder] ?? byState)
    .slice(0, options.maxItems);
}

/** Alerts as Prometheus has them. Grafana asks its own alerting instead, which shows the same ones. */
export function AlertListPanel({ options, replaceVariables, timeRange }: PanelProps<AlertListOptions>) {
  const [answer, setAnswer] = useState<{ rules: AlertingRule[] } | { error: string }>();
  // A refresh moves the time range.
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks anew at each refresh
  useEffect(() => {
    const abort = new AbortController();
    prometheus<{ groups: { rules: AlertingRule[] }[] }>('rules', { type: 'alert' }, abort.signal).then(
      ({ groups }) => setAnswer({ rules: groups.flatMap(({ rules }) => rules) }),
      (error: Error) => {
        if (!abort.signal.aborted) setAnswer({ error: error.message });
      },
    );
    return () => abort.abort();
  }, [timeRange.to.valueOf()]);

  if (!answer) return null;
  if ('error' in answer) {
    return (
      <div className="panel-error" role="alert">
        {answer.error}
      </div>
    );
  }
  const items = chosen(answer.rules, options, replaceVariables);
  if (items.length === 0) return <div className="nothing-fires">No alerts: nothing fires.</div>;
  return (
    <ul className="alert-list">
      {items.map(({ name, state, labels, annotations, since }) => {
        const shown = Object.entries(labels).filter(([label]) => !HIDDEN_LABELS.includes(label));
        const runbook = annotations.runbook_url;
        return (
          <li key={`${name} ${JSON.stringify(labels)}`}>
            <Badge text={WORDS[state]} color={COLORS[state]} />
            <div className="alert-text">
              <b>{name}</b>{' '}
              {since && <span className="muted">for {dateTimeFormatTimeAgo(since).replace(' ago', '')}</span>}
              {annotations.summary && <div>{annotations.summary}</div>}
              <div className="muted">{shown.map(([label, value]) => `${label}=${value}`).join(' · ')}</div>
            </div>
            {runbook && (
              <a href={runbook} target="_blank" rel="noreferrer">
                Runbook
              </a>
            )}
          </li>
        );
      })}
    </ul>
  );
}
