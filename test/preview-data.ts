/** Forty minutes of a clinic's requests, with one slow spell in them, for tests of what shows them. Synthetic, and the same each time. */
import { randomBytes } from 'node:crypto';

const SECOND_NS = 1_000_000_000n;
/** As often as the Collector scrapes. */
const STEP_S = 5;
const POINTS = 480;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 3, 5, 10];
const ROUTES = ['/api/clients', '/api/clients/:id', '/api/appointments'] as const;
/** Steps in which requests are slow. */
const SLOW = { from: 270, to: 330 } as const;

export interface PreviewData {
  /** A trace that Tempo holds and that exemplars name; 32 hex characters. */
  readonly traceId: string;
  /** Seconds since 1970 of the first and the last point. */
  readonly from: number;
  readonly to: number;
}

const attribute = (key: string, value: string | number) => ({
  key,
  value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
});

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}

/** How long one of `count` requests takes, in seconds. */
function durationOf(route: number, step: number, index: number): number {
  const slow = step >= SLOW.from && step < SLOW.to && route === 1;
  const base = 0.02 * (route + 1) * (1 + (index % 7));
  return slow ? base + 1.2 : base;
}

function histogramPoints(route: number, traceId: string, to: number) {
  const counts = new Array<number>(BOUNDS.length + 1).fill(0);
  let sum = 0;
  const start = BigInt(to - POINTS * STEP_S) * SECOND_NS;
  return Array.from({ length: POINTS }, (_, step) => {
    const at = BigInt(to - (POINTS - 1 - step) * STEP_S) * SECOND_NS;
    const durations = Array.from({ length: 8 * (route + 1) + Math.round(4 * Math.sin(step / 36)) }, (_, index) =>
      durationOf(route, step, index),
    );
    for (const seconds of durations) {
      const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
      counts[bucket < 0 ? BOUNDS.length : bucket]! += 1;
      sum += seconds;
    }
    return {
      attributes: [
        attribute('http_request_method', 'GET'),
        attribute('http_route', ROUTES[route]!),
        attribute('http_response_status_code', '200'),
      ],
      startTimeUnixNano: String(start),
      timeUnixNano: String(at),
      count: String(counts.reduce((all, one) => all + one, 0)),
      sum,
      bucketCounts: counts.map(String),
      explicitBounds: BOUNDS,
      exemplars:
        step % 24 === 0
          ? [{ timeUnixNano: String(at), asDouble: Math.max(...durations), traceId, spanId: traceId.slice(0, 16) }]
          : [],
    };
  });
}

/** A page that waits for the API, which waits for a slow query. */
function trace(traceId: string, to: number) {
  const begin = BigInt(to - 60) * SECOND_NS;
  const ns = (ms: number) => String(begin + BigInt(ms) * 1_000_000n);
  const id = (index: number) => `${traceId.slice(0, 14)}${String(index).padStart(2, '0')}`;
  const span = (index: number, parent: number | undefined, name: string, from: number, end: number, more: object) => ({
    traceId,
    spanId: id(index),
    ...(parent !== undefined && { parentSpanId: id(parent) }),
    name,
    startTimeUnixNano: ns(from),
    endTimeUnixNano: ns(end),
    ...more,
  });
  const service = (name: string, spans: object[]) => ({
    resource: { attributes: [attribute('service.name', name)] },
    scopeSpans: [{ scope: { name: 'clinic' }, spans }],
  });
  const route = attribute('http.route', '/api/clients/:id');
  const method = attribute('http.request.method', 'GET');
  return {
    resourceSpans: [
      service('clinic-web', [
        span(1, undefined, 'page_load', 0, 1500, { kind: 1 }),
        span(2, 1, 'GET /api/clients/:id', 80, 1420, { kind: 3, attributes: [method] }),
      ]),
      service('clinic-api', [
        span(3, 2, 'GET /api/clients/:id', 100, 1400, { kind: 2, attributes: [route, method] }),
        span(4, 3, 'SELECT clients', 120, 1330, { kind: 3, attributes: [attribute('db.operation.name', 'SELECT')] }),
        span(5, 3, 'INSERT audit_log', 1340, 1390, { kind: 3, status: { code: 2 } }),
      ]),
    ],
  };
}

/**
 * Writes it to Prometheus and Tempo, ending now.
 * @param prometheus its base URL
 * @param tempo base URL of its OTLP port
 */
export async function writePreviewData({
  prometheus,
  tempo,
}: {
  prometheus: string;
  tempo: string;
}): Promise<PreviewData> {
  const to = Math.floor(Date.now() / 1000 / STEP_S) * STEP_S;
  // Tempo's search leaves a zero at the beginning out.
  const traceId = `0${randomBytes(16).toString('hex').slice(1)}`;
  await post(`${tempo}/v1/traces`, trace(traceId, to));
  const up = Array.from({ length: POINTS }, (_, step) => ({
    attributes: [attribute('check', 'database'), attribute('state', 'healthy')],
    timeUnixNano: String(BigInt(to - (POINTS - 1 - step) * STEP_S) * SECOND_NS),
    asDouble: step >= SLOW.from && step < SLOW.to ? 0 : 1,
  }));
  await post(`${prometheus}/api/v1/otlp/v1/metrics`, {
    resourceMetrics: [
      {
        resource: { attributes: [attribute('service.name', 'clinic-api')] },
        scopeMetrics: [
          {
            metrics: [
              {
                name: 'http.server.request.duration',
                unit: 's',
                histogram: {
                  aggregationTemporality: 2,
                  dataPoints: ROUTES.flatMap((_, route) => histogramPoints(route, traceId, to)),
                },
              },
              { name: 'health_check_state', gauge: { dataPoints: up } },
            ],
          },
        ],
      },
    ],
  });
  return { traceId, from: to - (POINTS - 1) * STEP_S, to };
}
