const BASE = '/api/tempo/api';

/** Tempo's own message for what it refused, or why there was no answer. */
export class TempoError extends Error {
  override name = 'TempoError';
}

interface TempoValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values?: readonly TempoValue[] };
}
export interface TempoAttribute {
  readonly key: string;
  readonly value: TempoValue;
}

export function attributeText({ value }: TempoAttribute): string {
  if (value.arrayValue)
    return (value.arrayValue.values ?? []).map((one) => attributeText({ key: '', value: one })).join(', ');
  return String(value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue ?? '');
}

export interface FoundSpan {
  readonly spanID: string;
  readonly name?: string;
  readonly startTimeUnixNano: string;
  readonly durationNanos?: string;
  readonly attributes?: readonly TempoAttribute[];
}
export interface FoundTrace {
  readonly traceID: string;
  readonly rootServiceName?: string;
  readonly rootTraceName?: string;
  readonly startTimeUnixNano: string;
  readonly durationMs?: number;
  readonly spanSets?: readonly { readonly spans?: readonly FoundSpan[]; readonly matched?: number }[];
  /** What Tempo before 2.3 answers instead. */
  readonly spanSet?: { readonly spans?: readonly FoundSpan[]; readonly matched?: number };
}

export const spansOfFound = ({ spanSets, spanSet }: FoundTrace): readonly FoundSpan[] =>
  (spanSets ?? (spanSet ? [spanSet] : [])).flatMap(({ spans }) => spans ?? []);

/**
 * Asks one path of Tempo's API.
 * @throws {TempoError}
 */
export async function tempo<Answer>(
  path: string,
  parameters: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const query = new URLSearchParams(parameters).toString();
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${BASE}/${path}${query && `?${query}`}`, {
      headers: { accept: 'application/json' },
      ...(signal && { signal }),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new TempoError("The preview's server does not answer.");
  }
  if (response.ok) return JSON.parse(text) as Answer;
  if (response.status === 404 && path.startsWith('traces/')) {
    throw new TempoError('Tempo has no trace with this id. It keeps traces for a week; a new one takes some seconds.');
  }
  throw new TempoError(reason(text) || `Tempo answered ${response.status}.`);
}

/** Of the preview as JSON, of Tempo as text. */
function reason(text: string): string {
  try {
    return (JSON.parse(text) as { error?: string }).error ?? text;
  } catch {
    return text.trim();
  }
}

export interface Search {
  /** TraceQL. */
  readonly query: string;
  /** Both in ms. */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/** Traces by TraceQL, newest first. */
export async function searchTraces({ query, from, to, limit }: Search, signal?: AbortSignal): Promise<FoundTrace[]> {
  const parameters = {
    q: query,
    limit: String(limit),
    start: String(Math.floor(from / 1000)),
    end: String(Math.ceil(to / 1000)),
  };
  const { traces = [] } = await tempo<{ traces?: FoundTrace[] }>('search', parameters, signal);
  return (
    traces
      // A search leaves zeros at the beginning of an id out; everything else writes them.
      .map((trace) => ({ ...trace, traceID: trace.traceID.padStart(32, '0') }))
      .sort((a, b) => Number(b.startTimeUnixNano) - Number(a.startTimeUnixNano))
  );
}
