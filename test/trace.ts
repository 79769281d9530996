import { eventually } from './eventually.ts';

interface TempoTrace {
  readonly batches: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly TempoSpan[] }[];
  }[];
}
interface TempoSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}
export type Span = TempoSpan & { readonly service: string };

/** The id of the trace that a link of the inbox leads to. */
export const traceIdIn = (link: string): string => /\b[0-9a-f]{32}\b/.exec(decodeURIComponent(link))?.[0] ?? '';

async function spansOf(tempo: string, traceId: string): Promise<Span[]> {
  const response = await fetch(`${tempo}/api/traces/${traceId}`, { headers: { accept: 'application/json' } });
  const { batches } = (await response.json()) as TempoTrace;
  return batches.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service })));
  });
}

/** The spans of a slow page load, each the child of the one before; undefined where the chain is broken. */
export async function pageLoadChain(
  tempo: string,
  traceId: string,
): Promise<Record<'load' | 'call' | 'served' | 'sql', Span | undefined>> {
  const spans = await eventually(
    async () => {
      const found = await spansOf(tempo, traceId);
      return found.some(({ name }) => name === 'page_load') && found.some(({ name }) => name.startsWith('SELECT'))
        ? found
        : undefined;
    },
    { within: 20_000, what: `the trace ${traceId} in Tempo` },
  );
  const find = (service: string, name: string, parent?: Span) =>
    spans.find(
      (span) => span.service === service && span.name === name && (!parent || span.parentSpanId === parent.spanId),
    );
  const load = find('clinic-web', 'page_load');
  const call = load && find('clinic-web', 'GET /api/clients/:id', load);
  const served = call && find('clinic-api', 'GET /api/clients/:id', call);
  const sql = served && find('clinic-api', 'SELECT clients', served);
  return { load, call, served, sql };
}
