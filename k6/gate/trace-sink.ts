import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenSpan {
  readonly name: string;
  /** Whether it is a call of the database. */
  readonly database: boolean;
  readonly ms: number;
}

/** Takes the place of the Collector, and keeps of every trace which spans it has and how long they took. */
export interface TraceSink {
  readonly url: string;
  /** The spans of a trace. Resolves once the span that serves the request has arrived, after which there are no more; rejects after 15 s. */
  complete(traceId: string): Promise<readonly SeenSpan[]>;
  /** Forgets all. */
  clear(): void;
  close(): Promise<void>;
}

interface Sent {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string }[];
}
interface Envelope {
  readonly resourceSpans?: readonly { readonly scopeSpans?: readonly { readonly spans?: readonly Sent[] }[] }[];
}

const SERVER = 2;
const ARRIVES_WITHIN_MS = 15_000;

export async function openTraceSink(): Promise<TraceSink> {
  const traces = new Map<string, SeenSpan[]>();
  const served = new Set<string>();
  const keep = ({ resourceSpans = [] }: Envelope) => {
    for (const { scopeSpans = [] } of resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
        const { traceId, name, kind, startTimeUnixNano: from, endTimeUnixNano: to, attributes } = span;
        const seen = traces.get(traceId) ?? [];
        const database = attributes.some(({ key }) => key.startsWith('db.'));
        seen.push({ name, database, ms: Number(BigInt(to) - BigInt(from)) / 1e6 });
        traces.set(traceId, seen);
        if (kind === SERVER) served.add(traceId);
      }
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') keep(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async complete(traceId) {
      const deadline = performance.now() + ARRIVES_WITHIN_MS;
      while (!served.has(traceId)) {
        if (performance.now() > deadline) throw new Error('The clinic sent no trace of a request within 15 s.');
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      return traces.get(traceId)!;
    },
    clear() {
      traces.clear();
      served.clear();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
