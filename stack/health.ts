import { get } from 'node:http';
import { connect } from 'node:net';
import type { HealthCheck } from './compose.ts';

const ANSWER_WITHIN_MS = 2_000;

/** Runs a health check once. Never rejects. */
export async function isHealthy(check: HealthCheck): Promise<boolean> {
  if (check.kind === 'postgres') return postgresAccepts(check);
  return (await Promise.all(check.urls.map(answersOk))).every(Boolean);
}

function answersOk(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: ANSWER_WITHIN_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/**
 * What `pg_isready` does, which not every installation has: begins a session and leaves once asked to authenticate. A
 * server that still starts, or already stops, answers with an error instead.
 */
function postgresAccepts({ port, user }: { port: number; user: string }): Promise<boolean> {
  const PROTOCOL_3_0 = 196_608;
  const AUTHENTICATION = 'R'.charCodeAt(0);
  const parameters = Buffer.from(`user\0${user}\0\0`);
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(startup.length + parameters.length, 0);
  startup.writeInt32BE(PROTOCOL_3_0, 4);
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_WITHIN_MS }, () => {
      socket.write(Buffer.concat([startup, parameters]));
    });
    socket.once('data', (answer) => {
      resolve(answer[0] === AUTHENTICATION);
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy());
    socket.once('error', () => {});
    socket.once('close', () => resolve(false));
  });
}
