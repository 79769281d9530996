/** What we promise about losing data, and how often it is proven. Milliseconds, times of day in UTC. */

/** At most this long from "the database is gone" to a clinic that can be signed in to, on the machine that restores. */
export const RECOVERY_TIME_TARGET_MS = 60 * 60_000;
/** At most this much of what was last written is lost with the database's disk. */
export const RECOVERY_POINT_TARGET_MS = 5 * 60_000;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface Rhythm {
  /** Between two due times, which are whole multiples of it since 1970 in UTC, plus `offset`. */
  readonly every: number;
  readonly offset: number;
}

export const RHYTHM = {
  health: { every: 30_000, offset: 0 },
  /** A base backup of the whole cluster, at 01:30. */
  base: { every: DAY, offset: 1.5 * HOUR },
  /** What was written since the base backup, as far as it has arrived. */
  wal: { every: 30_000, offset: 15_000 },
  documents: { every: 5 * MINUTE, offset: 1 * MINUTE },
  offsite: { every: MINUTE, offset: 30_000 },
  /** Manifests and checksums of the newest backup, at 02:30 and 14:30. */
  verify: { every: 12 * HOUR, offset: 2.5 * HOUR },
  /** The newest backup restored and looked at, at 03:30. */
  drill: { every: DAY, offset: 3.5 * HOUR },
  integrity: { every: 15 * MINUTE, offset: 2 * MINUTE },
} as const satisfies Record<string, Rhythm>;

/** Backups older than this are deleted, with the WAL that only they need; the newest one never is. */
export const RETENTION_MS = 14 * DAY;

/** A base backup older than this would mean that the one of today is missing. */
export const BASE_FRESH_MS = 36 * HOUR;

/** A table that lost more rows than this within a day, where nobody may delete one. */
export const MASS_DELETION_ROWS = 10;

/** Of the mails whose fate is known: at least so many must have arrived. */
export const EMAIL_HEALTH = {
  healthy: 0.95,
  degraded: 0.9,
  /** Fewer mails than this say nothing. */
  minimum: 20,
  /** The shortest of these that holds enough mails is looked at. */
  windows: [HOUR, 6 * HOUR, DAY],
  /** A mail that has waited longer than this counts as not delivered. */
  stuckAfter: 15 * MINUTE,
} as const;

/** Share of the database's connections in use, from which on it is degraded. */
export const CONNECTION_USE_LIMIT = 0.85;
