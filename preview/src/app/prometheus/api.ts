/** Prometheus' HTTP API through the preview's server. */
const BASE = '/api/prometheus/api/v1';
/** Longer queries go as a form: some servers cut addresses at 8 KiB. */
const LONGEST_ADDRESS = 4000;

/** Prometheus' own message for what it refused, or why there was no answer. */
export class PrometheusError extends Error {
  override name = 'PrometheusError';
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export type Sample = readonly [seconds: number, value: string];
export type Labels = Readonly<Record<string, string>>;
export interface Series {
  readonly metric: Labels;
  readonly value?: Sample;
  readonly values?: readonly Sample[];
}
export type QueryResult =
  | { readonly resultType: 'matrix'; readonly result: readonly Series[] }
  | { readonly resultType: 'vector'; readonly result: readonly Series[] }
  | { readonly resultType: 'scalar'; readonly result: Sample }
  | { readonly resultType: 'string'; readonly result: Sample };
export interface ExemplarSeries {
  readonly seriesLabels: Labels;
  readonly exemplars: readonly { readonly labels: Labels; readonly value: string; readonly timestamp: number }[];
}
export interface AlertingRule {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly state?: 'firing' | 'pending' | 'inactive';
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly alerts?: readonly {
    readonly labels: Labels;
    readonly annotations: Labels;
    readonly state: 'firing' | 'pending';
    readonly activeAt: string;
    readonly value: string;
  }[];
}

interface Body {
  readonly status?: string;
  readonly data?: unknown;
  readonly errorType?: string;
  readonly error?: string;
}

/**
 * Asks one path of the API and resolves with its `data`.
 * @throws {PrometheusError}
 */
export async function prometheus<Data>(
  path: string,
  parameters: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Data> {
  const query = new URLSearchParams(parameters).toString();
  const long = query.length > LONGEST_ADDRESS;
  const address = `${BASE}/${path}${long || query === '' ? '' : `?${query}`}`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  let body: Body;
  try {
    const response = await fetch(address, {
      ...(long && { method: 'POST', body: query, headers }),
      ...(signal && { signal }),
    });
    body = (await response.json()) as Body;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new PrometheusError(
      'unavailable',
      "The preview's server does not answer. It is asked again at the next refresh.",
    );
  }
  if (body.status === 'success') return body.data as Data;
  throw new PrometheusError(body.errorType ?? 'error', body.error ?? 'Prometheus gave no reason.');
}

/** A sample's text as a number. */
export function sampleNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}
