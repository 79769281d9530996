import { Socket } from 'node:net';
import pg from 'pg';
import { type ConnectionOptions, connectionOf } from '../database.ts';

/** Runs `work` on a connection of its own, which ends at once when `signal` is aborted. */
export async function onOneConnection<Result>(
  options: ConnectionOptions,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const socket = new Socket();
  const cut = () => socket.destroy(new Error('aborted'));
  const client = new pg.Client({ ...connectionOf(options), application_name: 'sentinel', stream: () => socket });
  client.on('error', () => {});
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    return await work(client);
  } finally {
    signal.removeEventListener('abort', cut);
    client.end().catch(() => {});
  }
}
