/** What the parts of the clinic did during a step, on average. */
export interface Usage {
  /** Requests under way. */
  readonly users: number;
  /** Share of the time in which clinic-api's main thread ran or was ready to: 1 is an event loop that never rests. */
  readonly eventLoop: number;
  /** Processors of clinic-api in all: hashing runs beside the event loop. */
  readonly api: number;
  /** Processors that PostgreSQL had, and that it would have had alone. */
  readonly database: number;
  readonly databaseWanted: number;
  readonly processors: number;
  /** Of all processors, the share that anybody used. */
  readonly machine: number;
  /** Connections of the pool in use, and requests that wait for one. */
  readonly used: number;
  readonly pending: number;
  /** Of the sessions of the clinic that are in a transaction: working, waiting for a lock, waiting for a disk, waiting for the clinic. */
  readonly working: number;
  readonly locked: number;
  readonly reading: number;
  readonly waiting: number;
}

export const RESOURCES = {
  event_loop: "clinic-api's event loop",
  pool: "the clinic's pool of connections",
  database_cpu: "the database's processors",
  database_locks: 'locks in the database',
  database_disk: "the database's disk",
} as const;
export type Resource = keyof typeof RESOURCES;

export interface Named {
  /** Undefined when nothing was used up: then the load was too small, or the bottleneck is something else. */
  readonly resource: Resource | undefined;
  readonly why: string;
}

/** An event loop that is busy so much answers late, whatever else happens. */
const FULL_LOOP = 0.95;
/** One that is busy so much does when those who hold connections wait for it. */
const BUSY_LOOP = 0.85;
const WAITING_FOR_IT = 0.65;
/** Of the processors that the clinic's own process leaves. */
const BUSY_DATABASE = 0.8;
/** So many of the connections in use wait for the same thing. */
const MOST = 0.5;
/** Of the machine: with so much of it used by others, what was measured is less than it could be. */
const DISTURBED = 0.2;

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

/** Share of the machine that others used; undefined when it is too little to matter. */
export function disturbance({ machine, api, database, processors }: Usage): number | undefined {
  // The generator of the load itself takes about as much as the clinic.
  const others = machine - (2 * api + database) / processors;
  return others > DISTURBED ? others : undefined;
}

/**
 * Names what the clinic ran out of, from a step beyond the knee. In the order in which one hides the other: an event loop that never
 * rests makes everything else wait; connections that are all in use are the bottleneck only if what they wait for is not.
 */
export function saturated(usage: Usage): Named {
  const { eventLoop, api, databaseWanted, processors, used, pending, working, locked, reading, waiting } = usage;
  const busy = working + locked + reading + waiting;
  const share = (count: number) => (busy === 0 ? 0 : count / busy);
  const left = processors - api;
  const database: Named = {
    resource: 'database_cpu',
    why: `it wanted ${databaseWanted.toFixed(1)} of the ${left.toFixed(1)} processors that the clinic left; ${percent(share(working))} of the sessions under way computed`,
  };
  // The event loop cannot want more than one processor; sessions of the database can want more than there are.
  if (databaseWanted >= left) return database;
  if (eventLoop >= FULL_LOOP || (eventLoop >= BUSY_LOOP && share(waiting) >= WAITING_FOR_IT)) {
    return {
      resource: 'event_loop',
      why: `its thread was busy ${percent(eventLoop)} of the time; ${percent(share(waiting))} of the sessions under way waited for it`,
    };
  }
  if (share(locked) >= MOST) {
    return { resource: 'database_locks', why: `${percent(share(locked))} of the sessions under way waited for a lock` };
  }
  if (share(reading) >= MOST) {
    return {
      resource: 'database_disk',
      why: `${percent(share(reading))} of the sessions under way waited for the disk`,
    };
  }
  if (databaseWanted >= BUSY_DATABASE * left) return database;
  if (pending >= 1) {
    return {
      resource: 'pool',
      why: `${pending.toFixed(0)} requests waited for one of ${used.toFixed(0)} connections, while the event loop was busy ${percent(eventLoop)} and the database wanted ${databaseWanted.toFixed(1)} of ${processors} processors`,
    };
  }
  if (eventLoop >= BUSY_LOOP) {
    return { resource: 'event_loop', why: `its thread was busy ${percent(eventLoop)} of the time` };
  }
  return { resource: undefined, why: 'nothing was used up' };
}
