import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type AnyValue = { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };
interface KeyValue {
  key: string;
  value: AnyValue;
}

export interface ReceivedSpan {
  readonly service: unknown;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface ReceivedLog {
  readonly eventName: string;
  readonly timeUnixNano: string;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A plain HTTP server in the Collector's place, which keeps every byte that it gets. */
export interface OtlpSink {
  readonly url: string;
  readonly bodies: string[];
  /** What it answers. */
  status: number;
  spans(): ReceivedSpan[];
  slowEvents(): ReceivedLog[];
  close(): Promise<void>;
}

const plain = (attributes: readonly KeyValue[] = []) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.doubleValue ??
        value.boolValue ??
        (value.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );

interface Group {
  readonly resource: { readonly attributes: KeyValue[] };
  readonly scopeSpans?: { readonly spans: (Omit<ReceivedSpan, 'attributes'> & { attributes: KeyValue[] })[] }[];
  readonly scopeLogs?: { readonly logRecords: (Omit<ReceivedLog, 'attributes'> & { attributes: KeyValue[] })[] }[];
}

export async function otlpSink(): Promise<OtlpSink> {
  const bodies: string[] = [];
  const accepted: { resourceSpans?: Group[]; resourceLogs?: Group[] }[] = [];
  const sink = { status: 200 };
  const server: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      bodies.push(text);
      if (sink.status === 200) accepted.push(JSON.parse(text));
      response.writeHead(sink.status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(sink, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    spans: () =>
      accepted.flatMap(({ resourceSpans = [] }) =>
        resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
          scopeSpans.flatMap(({ spans }) =>
            spans.map((span) => ({
              ...span,
              service: plain(resource.attributes)['service.name'],
              attributes: plain(span.attributes),
            })),
          ),
        ),
      ),
    slowEvents: () =>
      accepted.flatMap(({ resourceLogs = [] }) =>
        resourceLogs.flatMap(({ scopeLogs = [] }) =>
          scopeLogs.flatMap(({ logRecords }) =>
            logRecords.map((log) => ({ ...log, attributes: plain(log.attributes) })),
          ),
        ),
      ),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
