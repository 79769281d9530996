import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';

/** `open` passes requests on; `closed` lets them wait without an answer; `mute` passes them on and withholds the answer. */
export type GateState = 'open' | 'closed' | 'mute';

/** Stands between the recorder and Prometheus, to stop the world at a chosen moment. */
export class Gate {
  state: GateState = 'open';
  /** Bodies of the writes that arrived, in order. */
  readonly writes: string[] = [];
  /** Statuses that Prometheus answered to writes. */
  readonly statuses: number[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string) {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      if (request.method === 'POST') this.writes.push(body);
      if (this.state === 'closed') return;
      const answer = await fetch(`${target}${request.url}`, {
        method: request.method ?? 'GET',
        headers: { 'content-type': request.headers['content-type'] ?? '' },
        ...(request.method === 'POST' ? { body } : {}),
      }).catch(() => undefined);
      if (!answer) return void response.destroy();
      const text = await answer.text();
      if (request.method === 'POST') this.statuses.push(answer.status);
      if (this.state !== 'mute') response.writeHead(answer.status).end(text);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async before(target: string): Promise<Gate> {
    const gate = new Gate(target);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Lets requests through again, and breaks those that wait. */
  open(): void {
    this.state = 'open';
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
