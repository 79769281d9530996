/** Patterns in what one person opens, against the person's own habit and that of colleagues of the same role. */
import type { ACCESS_PATTERNS } from '@clinic/catalogue/vocabulary';
import { DAY_MS, type Notebook } from './notebook.ts';
import { median, robustZ } from './robust.ts';

/**
 * `volume`: far more charts a day than this person and this role open. `bulk_reading`: charts faster than anybody reads them.
 * `sequential_reading`: chart after chart in the order of the list, fast. `snooping`: charts without a reason, again and again, while
 * colleagues have theirs.
 */
export type Pattern = (typeof ACCESS_PATTERNS)[number];

/** A robust z above this is no habit any more. */
const VOLUME_Z = 6;

const MINUTE_MS = 60_000;

interface DayOfActor {
  readonly actor: number;
  readonly role: string;
  readonly day: number;
  readonly charts: number;
}

export interface Volume {
  readonly actor: number;
  readonly role: string;
  /** Robust z of today's charts; undefined while too little is known. */
  readonly z: number | undefined;
}

/**
 * How far each person's charts of the day of `now` (UTC) lie above what is usual, for them and for their role: the smaller of the two, as one
 * may have a large practice and another a first day. When all colleagues open more today, such as for a recall, that is
 * the measure.
 */
export function volumes(notebook: Notebook, now: number): Volume[] {
  const today = Math.floor(now / DAY_MS);
  const days = notebook.all<DayOfActor>(
    `SELECT actor, role, at / ${DAY_MS} AS day, count(DISTINCT client) AS charts
     FROM accesses WHERE at > ? AND at <= ? GROUP BY actor, role, day`,
    ...[(today - 28) * DAY_MS, now],
  );
  const before = days.filter(({ day }) => day < today);
  const chartsOf = (rows: readonly DayOfActor[]) => rows.map(({ charts }) => charts);
  return days
    .filter(({ day }) => day === today)
    .map(({ actor, role, charts }) => {
      const own = chartsOf(before.filter((row) => row.actor === actor));
      const ofRole = chartsOf(before.filter((row) => row.role === role));
      const peers = days.filter((row) => row.day === today && row.role === role && row.actor !== actor);
      const busy =
        peers.length > 0 && ofRole.length > 0 ? Math.max(1, median(chartsOf(peers)) / Math.max(1, median(ofRole))) : 1;
      const scores = [robustZ(charts / busy, own), robustZ(charts / busy, ofRole)].filter((z) => z !== undefined);
      return { actor, role, z: scores.length > 0 ? Math.min(...scores) : undefined };
    });
}

export interface Found {
  readonly pattern: Pattern;
  readonly actor: number;
}

export interface WatchOptions {
  readonly notebook: Notebook;
  readonly now: number;
  /** As {@link volumes} has them for `now`. */
  readonly volumes: readonly Volume[];
  /** Place of each of these clients in the list of clients, as the clinic shows it. */
  readonly placesOf: (clients: readonly string[]) => Promise<ReadonlyMap<string, number>>;
}

/** What stands out up to `now`. */
export async function patternsAt({ notebook, now, volumes: charts, placesOf }: WatchOptions): Promise<Found[]> {
  const found: Found[] = charts
    .filter(({ z }) => z !== undefined && z > VOLUME_Z)
    .map(({ actor }) => ({ pattern: 'volume', actor }));
  for (const { actor } of notebook.all<{ actor: number }>(
    'SELECT DISTINCT actor FROM accesses WHERE at > ? AND at <= ?',
    ...[now - DAY_MS, now],
  )) {
    const opened = notebook.all<Opened>(
      'SELECT at, client FROM accesses WHERE actor = ? AND at > ? AND at <= ? ORDER BY seq',
      ...[actor, now - DAY_MS, now],
    );
    if (isBulk(opened)) found.push({ pattern: 'bulk_reading', actor });
    if (isFast(opened) && isSequential(opened, await placesOf(opened.map(({ client }) => client))))
      found.push({ pattern: 'sequential_reading', actor });
  }
  return [...found, ...snoopers(notebook, now).map((actor): Found => ({ pattern: 'snooping', actor }))];
}

interface Opened {
  readonly at: number;
  readonly client: string;
}

const BULK_CHARTS = 30;
const BULK_MS = 10 * MINUTE_MS;

/** At least {@link BULK_CHARTS} different charts within {@link BULK_MS}: twenty seconds each, without a pause. */
export function isBulk(opened: readonly Opened[]): boolean {
  const inWindow = new Map<string, number>();
  let first = 0;
  for (const { at, client } of opened) {
    inWindow.set(client, (inWindow.get(client) ?? 0) + 1);
    for (; opened[first]!.at < at - BULK_MS; first++) {
      const left = inWindow.get(opened[first]!.client)! - 1;
      if (left > 0) inWindow.set(opened[first]!.client, left);
      else inWindow.delete(opened[first]!.client);
    }
    if (inWindow.size >= BULK_CHARTS) return true;
  }
  return false;
}

const RUN_CHARTS = 20;
/** Places in the list from one chart to the next: some are skipped. */
const RUN_STEP = 3;
const RUN_MS = 20 * MINUTE_MS;

/**
 * At least {@link RUN_CHARTS} charts one after the other in the order of the list, within {@link RUN_MS}. A recall goes down the list as
 * well, with a call between two charts.
 */
export function isSequential(opened: readonly Opened[], places: ReadonlyMap<string, number>): boolean {
  let run: number[] = [];
  let last: Opened | undefined;
  for (const each of opened) {
    if (last?.client === each.client) continue;
    const step = last ? (places.get(each.client) ?? Number.NaN) - (places.get(last.client) ?? Number.NaN) : Number.NaN;
    if (!(step >= 1 && step <= RUN_STEP)) run = [];
    run.push(each.at);
    if (run.length >= RUN_CHARTS && each.at - run.at(-RUN_CHARTS)! <= RUN_MS) return true;
    last = each;
  }
  return false;
}

/** Whether it was fast enough at all: the places need not be asked for otherwise. */
const isFast = (opened: readonly Opened[]) =>
  opened.some(({ at }, index) => at - (opened[index - RUN_CHARTS + 1]?.at ?? Number.NEGATIVE_INFINITY) <= RUN_MS);

const SNOOP_MS = 7 * DAY_MS;
const SNOOPED_CHARTS = 4;
const SNOOPED_DAYS = 3;
/** Times the share of unexplained charts among colleagues of the same role, which is taken as 2 % at least. */
const SNOOP_FACTOR = 3;
const USUAL_SHARE = 0.02;

interface Share {
  readonly actor: number;
  readonly role: string;
  readonly charts: number;
  readonly unexplained: number;
  /** Days on which one and the same chart was opened without a reason; the largest. */
  readonly days: number;
}

/**
 * Who, within a week, opened one chart without a reason on three days; or four charts or more, and far more often without a reason than
 * colleagues of the same role.
 */
export function snoopers(notebook: Notebook, now: number): number[] {
  const shares = notebook.all<Share>(
    `WITH week AS (SELECT * FROM accesses WHERE at > ? AND at <= ?),
     again AS (SELECT actor, client, count(DISTINCT at / ${DAY_MS}) AS days FROM week
       WHERE explanation = 'unexplained' GROUP BY actor, client)
     SELECT actor, role, count(DISTINCT client) AS charts,
       count(DISTINCT CASE WHEN explanation = 'unexplained' THEN client END) AS unexplained,
       coalesce((SELECT max(days) FROM again WHERE again.actor = week.actor), 0) AS days
     FROM week GROUP BY actor, role`,
    ...[now - SNOOP_MS, now],
  );
  return shares
    .filter((own) => {
      if (own.days >= SNOOPED_DAYS) return true;
      if (own.unexplained < SNOOPED_CHARTS) return false;
      const peers = shares.filter(({ actor, role }) => role === own.role && actor !== own.actor);
      const sum = (key: 'charts' | 'unexplained') => peers.reduce((total, peer) => total + peer[key], 0);
      const usual = Math.max(USUAL_SHARE, sum('unexplained') / Math.max(1, sum('charts')));
      return own.unexplained / own.charts > SNOOP_FACTOR * usual;
    })
    .map(({ actor }) => actor);
}
