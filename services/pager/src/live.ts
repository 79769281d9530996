import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerProblem } from './problem.ts';

export interface LiveOptions {
  /** The whole state, for a stream that begins or has missed more than is remembered. */
  readonly snapshot: () => unknown;
  readonly maxStreams?: number;
  readonly heartbeatMs?: number;
  /** How many events a stream that was cut may have missed and still resume. */
  readonly remembered?: number;
}

/** Server-sent events: `state` with everything, then what changed. */
export interface Live {
  publish(event: string, data: unknown): void;
  /** Answers a request with the stream; 503 when there are too many. */
  open(request: IncomingMessage, response: ServerResponse): void;
  readonly streams: number;
  close(): void;
}

/** Bytes that may wait for a client that does not read, before it is cut off. */
const MAX_WAITING = 1 << 20;

export function liveEvents({ snapshot, maxStreams = 100, heartbeatMs = 15_000, remembered = 200 }: LiveOptions): Live {
  // Ids of another run of this process must not be taken for ids of this one.
  const run = randomUUID();
  const streams = new Set<ServerResponse>();
  const recent: { readonly number: number; readonly text: string }[] = [];
  let number = 0;

  const frame = (event: string, data: unknown) =>
    `id: ${run}.${number}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

  function send(stream: ServerResponse, text: string): void {
    if (stream.writableLength > MAX_WAITING) stream.destroy();
    else stream.write(text);
  }

  function missedSince(lastEventId: string): string[] | undefined {
    const at = lastEventId.startsWith(`${run}.`) ? Number(lastEventId.slice(run.length + 1)) : Number.NaN;
    if (!Number.isInteger(at) || at > number || at < number - recent.length) return undefined;
    return recent.filter((event) => event.number > at).map(({ text }) => text);
  }

  // The comment keeps proxies from closing the stream; the event lets a page notice that it hears nothing.
  const heartbeat = setInterval(() => {
    for (const stream of streams) send(stream, ': heartbeat\nevent: heartbeat\ndata: {}\n\n');
  }, heartbeatMs);
  heartbeat.unref();

  return {
    publish: (event, data) => {
      number += 1;
      const text = frame(event, data);
      recent.push({ number, text });
      if (recent.length > remembered) recent.shift();
      for (const stream of streams) send(stream, text);
    },
    open: (request, response) => {
      if (streams.size >= maxStreams) {
        answerProblem(response, {
          status: 503,
          title: 'Too many open inboxes',
          detail: `${maxStreams} inboxes are open. Close one, or read GET /api/pages.`,
          headers: { 'retry-after': '30' },
        });
        return;
      }
      request.socket.setKeepAlive(true, 30_000);
      request.socket.setNoDelay(true);
      const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'close' };
      response.writeHead(200, headers);
      const missed = missedSince(String(request.headers['last-event-id'] ?? ''));
      response.write(`retry: 2000\n\n${missed ? missed.join('') : frame('state', snapshot())}`);
      streams.add(response);
      const forget = () => streams.delete(response);
      response.once('close', forget);
      response.once('error', forget);
    },
    get streams() {
      return streams.size;
    },
    close: () => {
      clearInterval(heartbeat);
      for (const stream of streams) stream.end();
      streams.clear();
    },
  };
}
