import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';

/** What came back: the HTTP status or 0 when no answer came, a `Retry-After` in milliseconds, and how many records were refused in a 2xx. */
export interface Answer {
  readonly status: number;
  readonly retryAfter?: number;
  readonly refused?: number;
}

/** Sends one OTLP/JSON request. */
export type Send = (body: string) => Promise<Answer>;

export type AttributeValue = string | number | boolean;

const anyValue = (value: AttributeValue) =>
  typeof value === 'string'
    ? { stringValue: value }
    : typeof value === 'boolean'
      ? { boolValue: value }
      : Number.isInteger(value)
        ? { intValue: String(value) }
        : { doubleValue: value };

/** OTLP/JSON key values. A number without a fraction becomes an integer. */
export const otlpAttributes = (attributes: Readonly<Record<string, AttributeValue>>) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));

/** Text before and after comma-separated records that makes them a request. */
export function otlpEnvelope(
  signal: 'spans' | 'logRecords',
  resource: Readonly<Record<string, string>>,
  scope: string,
): readonly [string, string] {
  const [outer, inner] = signal === 'spans' ? ['resourceSpans', 'scopeSpans'] : ['resourceLogs', 'scopeLogs'];
  const attributes = JSON.stringify(otlpAttributes(resource));
  return [
    `{"${outer}":[{"resource":{"attributes":${attributes}},"${inner}":[{"scope":{"name":"${scope}"},"${signal}":[`,
    ']}]}]}',
  ];
}

function refusedRecords(body: string): number {
  if (!body.includes('partialSuccess')) return 0;
  try {
    const { partialSuccess } = JSON.parse(body) as {
      partialSuccess?: { rejectedLogRecords?: string | number; rejectedSpans?: string | number };
    };
    return Number(partialSuccess?.rejectedLogRecords ?? partialSuccess?.rejectedSpans ?? 0) || 0;
  } catch {
    return 0;
  }
}

/** Nothing that happens in it is traced: the profile `full` would see the sending of spans, and send spans of it. */
const UNTRACED = suppressTracing(ROOT_CONTEXT);

/** POSTs over one kept connection. Not by `fetch`: the outgoing instrumentation would see its own requests. */
export function otlpSender(url: string, timeout = 5000): Send {
  const tls = url.startsWith('https:');
  const agent = new (tls ? TlsAgent : Agent)({ keepAlive: true, maxSockets: 1 });
  const open = tls ? httpsRequest : httpRequest;
  return (body) =>
    new Promise((resolve) => {
      const lost = () => resolve({ status: 0 });
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const answered = (incoming: IncomingMessage) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          if (text.length < 4096) text += chunk;
        });
        incoming.on('error', lost);
        incoming.on('end', () => {
          const seconds = Number(incoming.headers['retry-after']);
          resolve({
            status: incoming.statusCode ?? 0,
            refused: refusedRecords(text),
            ...(seconds > 0 ? { retryAfter: seconds * 1000 } : {}),
          });
        });
      };
      const outgoing = context.with(UNTRACED, () => open(url, { method: 'POST', agent, timeout, headers }, answered));
      outgoing.on('timeout', () => outgoing.destroy());
      outgoing.on('error', lost);
      outgoing.end(body);
    });
}
