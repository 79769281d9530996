import type { BACKUP_FAILURES } from '@clinic/catalogue/vocabulary';
import { DatabaseBusy } from './fingerprint.ts';
import { HeavyJobFailed } from './heavy.ts';
import { ProgramFailed } from './program.ts';

export type BackupFailure = (typeof BACKUP_FAILURES)[number];

const SYSTEM: Readonly<Record<string, BackupFailure>> = {
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
  ECONNREFUSED: 'database_unreachable',
  ECONNRESET: 'interrupted',
};

const SAID: readonly [RegExp, BackupFailure][] = [
  [/No space left on device/, 'disk_full'],
  [/checksum (verification failed|mismatch|error)/i, 'page_checksum'],
  [
    /password authentication failed|no pg_hba.conf entry|permission denied|must be superuser or replication/i,
    'refused',
  ],
  [/could not connect|Connection refused|the database system is (starting up|shutting down)/, 'database_unreachable'],
  [
    /server closed the connection|terminating connection|could not receive data|connection to server was lost|SSL SYSCALL/,
    'interrupted',
  ],
  [/requested WAL segment .* has already been removed/, 'slot_lost'],
];

/** Why a backup failed, as one of the listed words. */
export function failureOf(error: unknown): BackupFailure {
  if (error instanceof HeavyJobFailed) return error.reason;
  if (error instanceof DatabaseBusy) return 'busy';
  if (error instanceof ProgramFailed) return SAID.find(([pattern]) => pattern.test(error.output))?.[1] ?? 'other';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (SYSTEM[code]) return SYSTEM[code];
  if (/^(08|57)/.test(code) || (error instanceof Error && /Connection terminated|timeout/i.test(error.message)))
    return 'interrupted';
  return /^28/.test(code) ? 'refused' : 'other';
}
