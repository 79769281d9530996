/** What the stack itself saw of a load test: Prometheus and Tempo. */
import { setTimeout as sleep } from 'node:timers/promises';

/** `[epoch seconds, value]`. */
export type Curve = readonly (readonly [number, number])[];

interface RangeAnswer {
  readonly data: { readonly result: readonly { readonly values: readonly [number, string][] }[] };
}

export interface Range {
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** One series over time; empty when Prometheus has none. */
export async function curve(prometheus: string, query: string, { from, to }: Range): Promise<Curve> {
  const step = Math.max(5, Math.ceil((to - from) / 1000 / 200));
  const asked = new URLSearchParams({ query, start: `${from / 1000}`, end: `${to / 1000}`, step: `${step}` });
  const response = await fetch(`${prometheus}/api/v1/query_range?${asked}`);
  if (!response.ok) throw new Error(`Prometheus answered ${response.status} to ${query}`);
  const [series] = ((await response.json()) as RangeAnswer).data.result;
  return (series?.values ?? []).map(([at, value]) => [at, Number(value)] as const);
}

/** A trace as it is linked to: JSON of Tempo's. */
export const traceUrl = (tempo: string, trace: string): string => `${tempo}/api/traces/${trace}`;

interface Trace {
  readonly batches: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly { readonly attributes?: readonly { readonly key: string }[] }[];
    }[];
  }[];
}

/** How many spans a trace has, and how many of them are SQL statements. */
export interface TraceCounts {
  readonly spans: number;
  readonly sql: number;
}

/** Counts once Tempo has the trace; undefined when it has not within `wait` milliseconds: it was not sampled, or got lost. */
export async function traceCounts(tempo: string, trace: string, wait: number): Promise<TraceCounts | undefined> {
  const end = Date.now() + wait;
  for (;;) {
    const response = await fetch(traceUrl(tempo, trace), { headers: { accept: 'application/json' } });
    if (response.ok) {
      const { batches } = (await response.json()) as Trace;
      const spans = batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
      const sql = spans.filter(({ attributes }) => attributes?.some(({ key }) => key === 'db.system.name')).length;
      return { spans: spans.length, sql };
    }
    await response.body?.cancel();
    if (Date.now() >= end) return undefined;
    await sleep(500);
  }
}
