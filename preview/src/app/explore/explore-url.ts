/** What Explore shows; its whole state is in the address, in the form of Grafana's. */
export interface ExploreState {
  readonly kind: 'prometheus' | 'tempo';
  /** PromQL, TraceQL or a trace id. */
  readonly query: string;
  readonly from: string;
  readonly to: string;
}

const DEFAULT: ExploreState = { kind: 'prometheus', query: '', from: 'now-1h', to: 'now' };

interface Pane {
  readonly datasource?: string;
  readonly queries?: readonly {
    readonly expr?: string;
    readonly query?: string;
    readonly datasource?: { readonly type?: string; readonly uid?: string };
  }[];
  readonly range?: { readonly from?: string; readonly to?: string };
}

export function exploreUrl({ kind, query, from, to }: ExploreState): string {
  const datasource = { type: kind, uid: kind };
  const asked = kind === 'tempo' ? { queryType: 'traceql', query } : { expr: query };
  const pane = { datasource: kind, queries: [{ refId: 'A', datasource, ...asked }], range: { from, to } };
  return `/explore?${new URLSearchParams({ schemaVersion: '1', panes: JSON.stringify({ a: pane }) })}`;
}

/** Reads an address of Explore, the preview's or Grafana's; what cannot be read is left at its default. */
export function readExploreUrl(search: string): ExploreState {
  const panes = new URLSearchParams(search).get('panes');
  if (!panes) return DEFAULT;
  try {
    const pane = Object.values(JSON.parse(panes) as Record<string, Pane>)[0];
    const query = pane?.queries?.[0];
    const source = query?.datasource?.type ?? query?.datasource?.uid ?? pane?.datasource;
    const kind =
      source === 'tempo' || (query?.expr === undefined && query?.query !== undefined) ? 'tempo' : 'prometheus';
    return {
      kind,
      query: (kind === 'tempo' ? query?.query : query?.expr) ?? '',
      from: String(pane?.range?.from ?? DEFAULT.from),
      to: String(pane?.range?.to ?? DEFAULT.to),
    };
  } catch {
    return DEFAULT;
  }
}
