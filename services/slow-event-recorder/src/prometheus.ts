import type { Agent, IncomingMessage } from 'node:http';
import * as plain from 'node:http';
import { SLOW_EVENT_POINT } from '@clinic/catalogue/signals';
import { z } from 'zod';
import type { Point } from './ledger.ts';

/** HTTP status, or 0 when no answer came. */
export interface Answer {
  readonly status: number;
  /** Milliseconds. */
  readonly retryAfter?: number;
}

export interface Prometheus {
  /** POSTs an OTLP/JSON metrics request. Never rejects. */
  write(body: string, signal: AbortSignal): Promise<Answer>;
  /** Points in the hour up to `at` (epoch milliseconds), by metric. Rejects when Prometheus gives no usable answer. */
  countPoints(at: number): Promise<Map<string, number>>;
}

type Http = Pick<typeof plain, 'Agent' | 'request'>;

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 1024 * 1024;

const vector = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(
      z.object({
        metric: z.object({ metric: z.string().optional() }),
        value: z.tuple([z.number(), z.coerce.number()]),
      }),
    ),
  }),
});

/** `node:http` and not `fetch`, which costs 10 MB of memory. */
export function prometheus(url: string): Prometheus {
  const http: Http = url.startsWith('https:') ? process.getBuiltinModule('node:https') : plain;
  const agent = new http.Agent({ keepAlive: true });
  return {
    async write(body, signal) {
      try {
        const { status, retryAfter } = await exchange(`${url}/api/v1/otlp/v1/metrics`, { http, agent, body, signal });
        return { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
      } catch {
        return { status: 0 };
      }
    },
    async countPoints(at) {
      const query = `sum by (metric) (count_over_time(${SLOW_EVENT_POINT.promql}[1h]))`;
      const { status, text } = await exchange(
        `${url}/api/v1/query?query=${encodeURIComponent(query)}&time=${(at / 1000).toFixed(3)}`,
        { http, agent },
      );
      if (status !== 200) throw new Error(`Prometheus answered a query with status ${status}.`);
      const { data } = vector.parse(JSON.parse(text));
      return new Map(data.result.map(({ metric, value }) => [metric.metric ?? '', value[1]]));
    },
  };
}

/**
 * The OTLP/JSON request for these points; the same bytes for the same points, always. A gauge without a start time: with one,
 * Prometheus could add a zero sample, which would count. The resource is the same whichever process sends, so that
 * a point that is sent again meets itself.
 */
export function pointsBody(points: readonly Point[]): string {
  return JSON.stringify({
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'slow-event-recorder' } },
            { key: 'service.instance.id', value: { stringValue: 'recorder' } },
          ],
        },
        scopeMetrics: [
          {
            metrics: [
              {
                name: SLOW_EVENT_POINT.otlp,
                unit: SLOW_EVENT_POINT.unit,
                gauge: {
                  dataPoints: points.map(({ metric, durationMs, sampleAt }) => ({
                    attributes: [{ key: 'metric', value: { stringValue: metric } }],
                    timeUnixNano: `${sampleAt}000000`,
                    asDouble: durationMs,
                  })),
                },
              },
            ],
          },
        ],
      },
    ],
  });
}

interface Exchange {
  readonly http: Http;
  readonly agent: Agent;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

interface Exchanged extends Answer {
  readonly text: string;
}

/** Rejects when the whole answer is not there within TIMEOUT_MS. */
async function exchange(url: string, { http, agent, body, signal }: Exchange): Promise<Exchanged> {
  const content =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } };
  const outgoing = http.request(url, { agent, ...content, ...(signal ? { signal } : {}) });
  const timeout = setTimeout(() => outgoing.destroy(new Error('Prometheus did not answer in time.')), TIMEOUT_MS);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve).on('error', reject).end(body);
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error('Prometheus answered with more than 1 MiB.');
      chunks.push(chunk);
    }
    const retryAfter = milliseconds(response.headers['retry-after']);
    return {
      status: response.statusCode ?? 0,
      text: Buffer.concat(chunks).toString('utf8'),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  } finally {
    clearTimeout(timeout);
  }
}

/** Of `Retry-After`: seconds or a date. */
function milliseconds(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
