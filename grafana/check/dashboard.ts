import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Target {
  readonly refId: string;
  readonly expr?: string;
  readonly query?: string;
  readonly range?: boolean;
  readonly instant?: boolean;
  readonly datasource?: { readonly type: string; readonly uid: string };
}

interface Link {
  readonly title?: string;
  readonly url?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly panels?: readonly Panel[];
  readonly links?: readonly Link[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly noValue?: string };
    readonly overrides?: readonly {
      readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
    }[];
  };
  readonly transformations?: readonly { readonly id: string }[];
  readonly targets?: readonly Target[];
  readonly datasource?: { readonly type: string; readonly uid: string };
}

/** What is looked at of Grafana's classic schema. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
  readonly links?: readonly Link[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
}

/** Every panel of a dashboard, those of folded rows too, without the rows. */
export const panelsOf = ({ panels }: Dashboard): readonly Panel[] =>
  panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).filter(({ type }) => type !== 'row');

/** Every address that a dashboard leads to. */
export function linksOf(dashboard: Dashboard): readonly { readonly panel: string; readonly url: string }[] {
  const inOverrides = (panel: Panel) =>
    (panel.fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.flatMap(({ id, value }) => (id === 'links' ? (value as readonly Link[]) : [])),
    );
  return [
    ...(dashboard.links ?? []).map(({ url }) => ({ panel: '(head)', url })),
    ...panelsOf(dashboard).flatMap((panel) =>
      [...(panel.links ?? []), ...inOverrides(panel)].map(({ url }) => ({ panel: panel.title, url })),
    ),
  ].flatMap(({ panel, url }) => (url ? [{ panel, url }] : []));
}

/** Those of a folder. */
export const readDashboards = (folder: string): readonly Dashboard[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard);

/** Something that is wrong with a dashboard, for a person. */
export interface Finding {
  readonly dashboard: string;
  /** Or `$name` of a variable, or the name of an annotation. */
  readonly panel: string;
  readonly query?: string;
  readonly problem: string;
  readonly remedy: string;
}

export const findingText = ({ dashboard, panel, query, problem, remedy }: Finding): string =>
  [
    `${dashboard}: ${panel}`,
    `  ${problem}`,
    ...(query ? [`  ${query.replaceAll(/\s+/g, ' ')}`] : []),
    `  → ${remedy}`,
  ].join('\n');
