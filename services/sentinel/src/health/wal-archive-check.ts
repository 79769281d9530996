import type { ConnectionOptions } from '../database.ts';
import type { Finding, Probe } from './check.ts';
import { onOneConnection } from './one-connection.ts';

export interface SlotRow {
  readonly active: boolean;
  /** reserved, extended, unreserved or lost. */
  readonly wal_status: string | null;
  readonly behind: number;
}

/** Bytes: two segments. A receiver that follows is less than one behind. */
const BEHIND_LIMIT = 32 * 1024 * 1024;

export function archiveState(slot: SlotRow | undefined): Finding {
  if (!slot) return { state: 'down', message: 'There is no replication slot: the WAL is not received.' };
  if (slot.wal_status === 'lost')
    return { state: 'down', message: 'WAL that was not received is gone; a new base backup is needed.' };
  if (!slot.active) return { state: 'down', message: 'Nobody receives the WAL.' };
  if (slot.wal_status === 'unreserved')
    return { state: 'degraded', message: 'WAL that was not received may go at any moment.' };
  if (slot.behind > BEHIND_LIMIT)
    return { state: 'degraded', message: 'The WAL is received more than two segments late.' };
  return { state: 'healthy', message: 'The WAL is received.' };
}

/** Whether each change reaches the backup: the replication slot of the WAL receiver. */
export function walArchiveProbe({ slot, ...connection }: ConnectionOptions & { readonly slot: string }): Probe {
  return (signal) =>
    onOneConnection(connection, signal, async (client) => {
      const { rows } = await client.query<SlotRow>(
        `SELECT active, wal_status, coalesce(pg_current_wal_lsn() - restart_lsn, 0)::float8 AS behind
         FROM pg_replication_slots WHERE slot_name = $1`,
        [slot],
      );
      return archiveState(rows[0]);
    });
}
