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

const ANSWERS_WITHIN_MS = 15_000;

async function ask(who: string, url: string): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new Error(`${who} does not answer`, { cause: error });
  }
}

/**
 * Answers as far as there are any: undefined, and a remark, where there is none. What a test measured itself is not lost because
 * Prometheus or Tempo is away after it.
 */
export function asFarAsKnown(remarks: string[]) {
  return <Answer>(answer: Promise<Answer>): Promise<Answer | undefined> =>
    answer.catch((error: Error) => {
      const remark = `Not all is in this report: ${error.message}`;
      if (!remarks.includes(remark)) remarks.push(remark);
      return undefined;
    });
}

/** One series over time; empty when Prometheus has none. */
export async function curve(prometheus: string, query: string, { from, to }: Range): Promise<Curve> {
  const step = Math.max(5, Math.ceil((to - from) / 1000 / 200));
  const asked = new URLSearchParams({ query, start: `${from / 1000}`, end: `${to / 1000}`, step: `${step}` });
  const { status, text } = await ask('Prometheus', `${prometheus}/api/v1/query_range?${asked}`);
  if (status !== 200) throw new Error(`Prometheus answered ${status} to ${query}`);
  const [series] = (JSON.parse(text) as RangeAnswer).data.result;
  return (series?.values ?? []).map(([at, value]) => [at, Number(value)] as const);
}

/** A trace as it is linked to: JSON of Tempo's. */
const traceUrl = (tempo: string, trace: string): string => `${tempo}/api/traces/${trace}`;

interface Trace {
  readonly batches: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly { readonly attributes?: readonly { readonly key: string }[] }[];
    }[];
  }[];
}

/**
 * How many SQL statements a trace has, once Tempo has the trace; undefined when it has not within `wait` milliseconds: it was not
 * sampled, or got lost.
 */
export async function statementCount(tempo: string, trace: string, wait: number): Promise<number | undefined> {
  const end = Date.now() + wait;
  for (;;) {
    const { status, text } = await ask('Tempo', traceUrl(tempo, trace));
    if (status === 200) {
      const { batches } = JSON.parse(text) as Trace;
      const spans = batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
      return spans.filter(({ attributes }) => attributes?.some(({ key }) => key === 'db.system.name')).length;
    }
    if (Date.now() >= end) return undefined;
    await sleep(500);
  }
}

/** Where a trace is; undefined when Tempo did not keep it. */
export async function keptUrl(tempo: string, trace: string): Promise<string | undefined> {
  return (await statementCount(tempo, trace, 15_000)) === undefined ? undefined : traceUrl(tempo, trace);
}
