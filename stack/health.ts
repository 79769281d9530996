import { get } from 'node:http';
import { connect } from 'node:net';
import type { HealthCheck } from './compose.ts';

const ANSWER_WITHIN_MS = 5_000;
const NO_ANSWER = `no answer within ${ANSWER_WITHIN_MS / 1_000} s`;

/** What one run of a health check found; `answer` says in words what came back. */
export interface Health {
  healthy: boolean;
  answer: string;
}

/** Runs a health check once. Never rejects. */
export async function askHealth(check: HealthCheck): Promise<Health> {
  if (check.kind === 'postgres') return askPostgres(check);
  const all = await Promise.all(check.urls.map(ask));
  return all.find(({ healthy }) => !healthy) ?? all[0]!;
}

/** Whom a health check asks. */
export function askedOf(check: HealthCheck): string {
  return check.kind === 'http' ? check.urls.join(' and ') : `PostgreSQL on port ${check.port}`;
}

function ask(url: string): Promise<Health> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: ANSWER_WITHIN_MS }, (response) => {
      response.resume();
      resolve({ healthy: response.statusCode === 200, answer: `HTTP ${response.statusCode}` });
    });
    request.on('timeout', () => request.destroy(new Error(NO_ANSWER)));
    request.on('error', (error) => resolve({ healthy: false, answer: error.message }));
  });
}

/**
 * What `pg_isready` does, which not every installation has: begins a session and leaves once asked to authenticate. A
 * server that still starts, or already stops, answers with an error instead.
 */
function askPostgres({ port, user }: { port: number; user: string }): Promise<Health> {
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
      const healthy = answer[0] === AUTHENTICATION;
      resolve({ healthy, answer: healthy ? 'asks to sign in' : 'takes no connections' });
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error(NO_ANSWER)));
    socket.once('error', (error) => resolve({ healthy: false, answer: error.message }));
    socket.once('close', () => resolve({ healthy: false, answer: 'the connection was closed without an answer' }));
  });
}
