import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

export interface Exchange {
  readonly method: string;
  readonly url: string;
  /** As they came: name, value, name, value. */
  readonly headers: readonly string[];
  /** Without its content encoding. */
  readonly body: Buffer;
  readonly status: number;
  readonly answerHeaders: readonly string[];
  readonly answer: Buffer;
}

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

function decoded(bytes: Buffer, { 'content-encoding': encoding = 'identity' }: IncomingHttpHeaders): Buffer {
  if (encoding === 'identity' || bytes.length === 0) return bytes;
  const decode = DECODERS[encoding];
  // What cannot be read is kept as it came: whoever scans it still sees it.
  if (!decode) return bytes;
  try {
    return decode(bytes);
  } catch {
    return bytes;
  }
}

/** Stands between a sender and a receiver and keeps what passes, both ways. Without a receiver it takes everything. */
export class Tap {
  readonly exchanges: Exchange[] = [];
  /** `http://127.0.0.1:<port>` of the receiver; may be set later than the tap is started. */
  target: string | undefined;
  /** While set, requests for this path are answered with 503. */
  failing: string | undefined;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target?: string): Promise<Tap> {
    const server = createServer();
    const tap = new Tap(server);
    tap.target = target;
    server.on('request', (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const body = Buffer.concat(chunks);
        const keep = (status: number, answerHeaders: readonly string[], answer: Buffer) =>
          tap.exchanges.push({
            method: incoming.method ?? '',
            url: incoming.url ?? '',
            headers: incoming.rawHeaders,
            body: decoded(body, incoming.headers),
            status,
            answerHeaders,
            answer,
          });
        const fails = incoming.url === tap.failing;
        if (fails || !tap.target) {
          const status = fails ? 503 : 200;
          keep(status, [], Buffer.alloc(0));
          outgoing.writeHead(status, { 'content-type': 'application/json' }).end('{}');
          return;
        }
        const { hostname, port } = new URL(tap.target);
        const { method, url: path, headers } = incoming;
        const onward = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('end', () => {
            const whole = Buffer.concat(parts);
            keep(answer.statusCode ?? 0, answer.rawHeaders, decoded(whole, answer.headers));
            outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders).end(whole);
          });
          answer.on('error', () => outgoing.destroy());
        });
        onward.on('error', () => outgoing.destroy());
        onward.end(body);
      });
      incoming.on('error', () => outgoing.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return tap;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Everything that was sent through it, towards the receiver. */
  get sent(): Buffer {
    return Buffer.concat(
      this.exchanges.flatMap(({ method, url, headers, body }) => [
        Buffer.from(`\n${method} ${url}\n${headers.join('\n')}\n`),
        body,
      ]),
    );
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}
