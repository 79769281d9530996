import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface OpenLoopOptions {
  readonly port: number;
  readonly path: string;
  /** Requests a second, at random moments (Poisson). */
  readonly rate: number;
  readonly seconds: number;
  readonly connections?: number;
  readonly seed?: number;
}

export interface Latencies {
  readonly count: number;
  readonly errors: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Latency at a fixed rate: every request has its moment, whether the server is ready for it or not, and its latency counts
 * from that moment. (Load generators that wait for an answer before they ask again measure less than users see, and
 * autocannon's latencies are whole milliseconds.)
 */
export async function openLoop(options: OpenLoopOptions): Promise<Latencies> {
  const { port, path, rate, seconds, connections = 32, seed = 1 } = options;
  const message = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const idle: Socket[] = [];
  const due = new Map<Socket, number>();
  const waiting: number[] = [];
  const latencies: number[] = [];
  let refused = 0;
  let broken = 0;
  let sent = 0;
  const send = (socket: Socket, at: number) => {
    due.set(socket, at);
    socket.write(message);
  };

  let state = (seed * 2654435761) >>> 0;
  const random = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (state + 1) / 4294967297;
  };

  const sockets = Array.from({ length: connections }, () => connect({ port, host: '127.0.0.1', noDelay: true }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) {
    idle.push(socket);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      if (!text.startsWith('HTTP/1.1 2')) refused++;
      text = '';
      latencies.push((performance.now() - due.get(socket)!) * 1000);
      const next = waiting.shift();
      if (next === undefined) idle.push(socket);
      else send(socket, next);
    });
    socket.on('error', () => broken++);
  }

  let next = performance.now();
  const end = next + seconds * 1000;
  await new Promise<void>((resolve) => {
    const tick = () => {
      const now = performance.now();
      while (next <= now && next < end) {
        sent++;
        const socket = idle.pop();
        if (socket) send(socket, next);
        else waiting.push(next);
        next += (-Math.log(random()) * 1000) / rate;
      }
      if ((next >= end && latencies.length + broken >= sent) || now > end + 5000) resolve();
      else if (next - now > 1.5) setTimeout(tick, 1);
      else setImmediate(tick);
    };
    tick();
  });
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0;
  return {
    count: latencies.length,
    errors: refused + sent - latencies.length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  };
}
