import { alertGroups } from '@clinic/catalogue/alerts';
import { describe, expect, test } from 'vitest';
import { ruleFiles } from '../../prometheus/src/rules.ts';
import type { Dashboard } from '../check/dashboard.ts';
import { dashboardFiles } from './dashboards.ts';

const dashboards = new Map(
  Object.values(dashboardFiles)
    .map((text) => JSON.parse(text) as Dashboard)
    .map((dashboard) => [dashboard.uid, dashboard]),
);
const links = Object.values(ruleFiles).flatMap((text) =>
  [...text.matchAll(/dashboard_url: (\S+.*)$/gm)].map(([, url]) => url!),
);

test('every alert leads to a dashboard', () => {
  expect(links).toHaveLength(alertGroups.flatMap(({ alerts }) => alerts).length);
});

describe.each([...new Set(links)])('%s', (link) => {
  const url = new URL(link);
  const dashboard = dashboards.get(url.pathname.replace('/d/', ''));
  test('is one that exists, and its variables too', () => {
    expect(dashboard).toBeDefined();
    const names = dashboard!.templating.list.map(({ name }) => `var-${name}`);
    const chosen = [...url.searchParams.keys()].filter((key) => key.startsWith('var-'));
    expect(chosen.filter((key) => !names.includes(key))).toEqual([]);
  });
});
