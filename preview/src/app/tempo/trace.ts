import { attributeText, type TempoAttribute, tempo } from './api.ts';

interface TempoSpan {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: string | number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly TempoAttribute[];
  readonly events?: readonly {
    readonly name?: string;
    readonly timeUnixNano: string;
    readonly attributes?: readonly TempoAttribute[];
  }[];
  readonly status?: { readonly code?: string | number; readonly message?: string };
}
interface TempoBatch {
  readonly resource?: { readonly attributes?: readonly TempoAttribute[] };
  readonly scopeSpans?: readonly {
    readonly scope?: { readonly name?: string };
    readonly spans: readonly TempoSpan[];
  }[];
}
export interface TempoTrace {
  readonly batches: readonly TempoBatch[];
}

export type Attributes = readonly (readonly [name: string, value: string])[];

export interface Span {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly kind: string;
  /** After the trace's first span, in ms. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Duration without that of its children, in ms. */
  readonly selfMs: number;
  readonly failed: boolean;
  readonly attributes: Attributes;
  readonly resource: Attributes;
  readonly events: readonly { readonly name: string; readonly atMs: number; readonly attributes: Attributes }[];
  /** 0 for a root. */
  readonly depth: number;
  readonly children: number;
  /** Its parent is named but did not arrive. */
  readonly orphan: boolean;
}

export interface Trace {
  readonly id: string;
  /** Of the first span, in ms since 1970. */
  readonly start: number;
  readonly durationMs: number;
  /** In the order of a waterfall: each parent before its children, those by start. */
  readonly spans: readonly Span[];
  readonly services: readonly string[];
  /** Where most time went that no child explains. */
  readonly slowest: Span | undefined;
}

/** Ids arrive as base64 from Tempo's JSON and as hex elsewhere. */
function hex(id: string | undefined): string {
  if (!id) return '';
  if (/^([0-9a-f]{16}|[0-9a-f]{32})$/i.test(id)) return id.toLowerCase();
  return [...atob(id)].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

const attributes = (list: readonly TempoAttribute[] = []): Attributes =>
  list.map((one) => [one.key, attributeText(one)] as const).sort(([a], [b]) => a.localeCompare(b));

/** Nanoseconds since 1970 do not fit a number: what is subtracted first, does. */
const milliseconds = (nanoseconds: bigint) => Number(nanoseconds) / 1e6;

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];
const kindOf = (kind: string | number | undefined) =>
  typeof kind === 'number' ? (KINDS[kind] ?? '') : (kind ?? '').replace('SPAN_KIND_', '').toLowerCase();

/** Length of what intervals cover together, in ms. */
function covered(intervals: readonly (readonly [from: number, to: number])[]): number {
  let [sum, end] = [0, -Infinity];
  for (const [from, to] of [...intervals].sort(([a], [b]) => a - b)) {
    if (to > end) sum += to - Math.max(from, end);
    end = Math.max(end, to);
  }
  return sum;
}

/** What Tempo answers for one trace, as a waterfall. */
export function toTrace(id: string, { batches }: TempoTrace): Trace {
  const raw = batches.flatMap(({ resource, scopeSpans = [] }) => {
    const about = attributes(resource?.attributes);
    const service = about.find(([name]) => name === 'service.name')?.[1] ?? 'unknown';
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        span,
        about,
        service,
        id: hex(span.spanId),
        parent: hex(span.parentSpanId),
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
      })),
    );
  });
  type Raw = (typeof raw)[number];
  const first = raw.reduce<bigint | undefined>(
    (min, { start }) => (min === undefined || start < min ? start : min),
    undefined,
  );
  if (first === undefined) return { id, start: 0, durationMs: 0, spans: [], services: [], slowest: undefined };
  const last = raw.reduce((max, { end }) => (end > max ? end : max), first);

  const known = new Set(raw.map((one) => one.id));
  const childrenOf = Map.groupBy(raw, ({ parent }) => (known.has(parent) ? parent : ''));
  const spans: Span[] = [];
  const seen = new Set<string>();
  const byStart = (a: Raw, b: Raw) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
  const visit = (one: Raw, depth: number) => {
    // The same span may arrive twice, and a broken sender may make a circle.
    if (seen.has(one.id)) return;
    seen.add(one.id);
    const children = (childrenOf.get(one.id) ?? []).sort(byStart);
    const [startMs, endMs] = [milliseconds(one.start - first), milliseconds(one.end - first)];
    const inside = children.map(({ start, end }) => {
      const from = Math.max(startMs, milliseconds(start - first));
      return [from, Math.max(from, Math.min(endMs, milliseconds(end - first)))] as const;
    });
    const { span } = one;
    spans.push({
      id: one.id,
      name: span.name,
      service: one.service,
      kind: kindOf(span.kind),
      startMs,
      durationMs: endMs - startMs,
      selfMs: Math.max(0, endMs - startMs - covered(inside)),
      failed: span.status?.code === 2 || span.status?.code === 'STATUS_CODE_ERROR',
      attributes: attributes(span.attributes),
      resource: one.about,
      events: (span.events ?? []).map((event) => ({
        name: event.name ?? '',
        atMs: milliseconds(BigInt(event.timeUnixNano) - first),
        attributes: attributes(event.attributes),
      })),
      depth,
      children: children.length,
      orphan: one.parent !== '' && !known.has(one.parent),
    });
    for (const child of children) visit(child, depth + 1);
  };
  for (const root of (childrenOf.get('') ?? []).sort(byStart)) visit(root, 0);
  for (const one of raw) visit(one, 0);

  return {
    id,
    start: milliseconds(first),
    durationMs: milliseconds(last - first),
    spans,
    services: [...new Set(spans.map(({ service }) => service))],
    slowest: spans.reduce<Span | undefined>(
      (slow, span) => (!slow || span.selfMs > slow.selfMs ? span : slow),
      undefined,
    ),
  };
}

/** @throws {TempoError} */
export async function fetchTrace(id: string, signal?: AbortSignal): Promise<Trace> {
  return toTrace(id, await tempo<TempoTrace>(`traces/${id}`, {}, signal));
}
