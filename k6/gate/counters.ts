import { mean } from '../statistics.ts';
import type { Check } from './check.ts';
import type { Clinic } from './clinic.ts';
import type { Endpoint, Visitor } from './workload.ts';

interface Statement {
  readonly calls: number;
  readonly rows: number;
  /**
   * 8 kB pages of shared buffers that a SELECT read, found there or not. Those of a statement that writes are left out: they depend on
   * when an index splits a page.
   */
  readonly blocks: number;
}

/** What one request did, exactly. */
export interface Counters {
  /** By its normalised text, which holds no values. */
  readonly statements: ReadonlyMap<string, Statement>;
  readonly spans: number;
  /** Of the response's body. */
  readonly bytes: number;
}

/**
 * Each request is measured so often, and of each number the smallest counts: what the clinic does beside requests (the outbox, a
 * session's last use) never falls into every one of the short moments.
 */
const REPEATS = 3;
/** Requests of an endpoint, each about something else. */
export const COUNTED = 6;
/** A third more of few pages is one page of an index that has grown. */
const BLOCKS_FLOOR = 8;
const ROWS_FLOOR = 3;
const GROWTH = 1.2;

/** Numbers of the requests that count, so that those of the warm-up and of the latencies never create the same things. */
const FIRST = 100_000;

async function measureOnce(clinic: Clinic, visitor: Visitor, endpoint: Endpoint, index: number) {
  await clinic.database.query('SELECT pg_stat_statements_reset()');
  const { bytes, traceId } = await visitor.visit(endpoint, index);
  const rows = await clinic.database.query<{ query: string; calls: number; rows: number; blocks: number }>(
    `SELECT query, sum(calls)::int AS calls, sum(rows)::int AS rows, sum(CASE WHEN query ~* '^\\s*SELECT' THEN shared_blks_hit + shared_blks_read ELSE 0 END)::int AS blocks
     FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid WHERE rolname = 'clinic_app' GROUP BY query`,
  );
  return { bytes, traceId, statements: new Map(rows.map(({ query, ...counts }) => [query, counts])) };
}

/** One request, measured {@link REPEATS} times; resolves with what is still to be waited for: its traces arrive a second later. */
async function measure(clinic: Clinic, visitor: Visitor, endpoint: Endpoint, index: number) {
  const runs: Awaited<ReturnType<typeof measureOnce>>[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    // What is created must be something new each time.
    const number = FIRST + index + (endpoint.status === 201 ? repeat * COUNTED : 0);
    runs.push(await measureOnce(clinic, visitor, endpoint, number));
  }
  const statements = new Map<string, Statement>();
  for (const [query, first] of runs[0]!.statements) {
    const all = runs.map((run) => run.statements.get(query) ?? { calls: 0, rows: 0, blocks: 0 });
    const least = (key: keyof Statement) => Math.min(...all.map((one) => one[key]));
    if (least('calls') > 0)
      statements.set(query, { ...first, calls: least('calls'), rows: least('rows'), blocks: least('blocks') });
  }
  return async (): Promise<Counters> => {
    const traces = await Promise.all(runs.map(({ traceId }) => clinic.traces.complete(traceId)));
    return {
      statements,
      bytes: Math.min(...runs.map((run) => run.bytes)),
      spans: Math.min(...traces.map((spans) => spans.length)),
    };
  };
}

/** Counters of every endpoint, one request after the other. */
export async function countRequests(
  clinic: Clinic,
  visitor: Visitor,
  endpoints: readonly Endpoint[],
): Promise<ReadonlyMap<string, readonly Counters[]>> {
  const measured: [string, (() => Promise<Counters>)[]][] = [];
  for (const endpoint of endpoints) {
    const all = [];
    for (let index = 0; index < COUNTED; index++) all.push(await measure(clinic, visitor, endpoint, index));
    measured.push([endpoint.name, all]);
  }
  const counted = new Map<string, Counters[]>();
  for (const [name, all] of measured) counted.set(name, await Promise.all(all.map((counters) => counters())));
  return counted;
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
const total = (counters: Counters, key: keyof Statement) =>
  sum([...counters.statements.values()].map((statement) => statement[key]));
/** Without line breaks, and short enough for a table. */
const shown = (query: string) => {
  const line = query.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
};

interface Growth {
  readonly what: string;
  readonly before: number;
  readonly after: number;
  readonly floor: number;
}

const grew = ({ before, after, floor }: Growth) => after > before * GROWTH && after - before >= floor;
const change = ({ what, before, after }: Growth) =>
  `${what} ${+before.toFixed(1)} → ${+after.toFixed(1)}${before > 0 ? ` (${after >= before ? '+' : '−'}${Math.abs((after / before - 1) * 100).toFixed(0)} %)` : ''}`;

/** The statement whose number grew most, over all requests. */
function grownStatement(
  base: readonly Counters[],
  head: readonly Counters[],
  key: keyof Statement,
): string | undefined {
  const by = (all: readonly Counters[]) => {
    const sums = new Map<string, number>();
    for (const { statements } of all) {
      for (const [query, one] of statements) sums.set(query, (sums.get(query) ?? 0) + one[key]);
    }
    return sums;
  };
  const before = by(base);
  const [most] = [...by(head)]
    .map(([query, after]) => ({ query, more: after - (before.get(query) ?? 0) }))
    .sort((a, b) => b.more - a.more);
  return most && most.more > 0 ? shown(most.query) : undefined;
}

/** T1 of one endpoint: fails at one more statement in any request, or when a sum over all of them grew by over 20 %. */
export function compareCounters(endpoint: string, base: readonly Counters[], head: readonly Counters[]): Check {
  const calls = (all: readonly Counters[]) => all.map((one) => total(one, 'calls'));
  const [before, after] = [calls(base), calls(head)];
  const more = Math.max(...after.map((count, index) => count - (before[index] ?? 0)));
  const growth = (what: string, floor: number, of: (counters: Counters) => number): Growth => ({
    what,
    before: mean(base.map(of)),
    after: mean(head.map(of)),
    floor,
  });
  const rows = growth('rows', ROWS_FLOOR, (one) => total(one, 'rows'));
  const blocks = growth('pages', BLOCKS_FLOOR, (one) => total(one, 'blocks'));
  const spans = growth('spans', 1, (one) => one.spans);
  const bytes = growth('bytes', 1, (one) => one.bytes);
  const statements: Growth = { what: 'statements', before: mean(before), after: mean(after), floor: 0 };
  const grown = [rows, blocks, spans, bytes].filter(grew);
  if (more < 1 && grown.length === 0) {
    const figures = [statements, rows, blocks, spans, bytes].map(({ what, after }) => `${what} ${+after.toFixed(1)}`);
    return { tier: 'T1', subject: endpoint, verdict: 'pass', why: figures.join(', ') };
  }
  const key = more >= 1 ? 'calls' : grown.includes(rows) ? 'rows' : 'blocks';
  return {
    tier: 'T1',
    subject: endpoint,
    verdict: 'fail',
    why: [...(more >= 1 ? [statements] : []), ...grown].map(change).join(', '),
    look: grownStatement(base, head, key),
  };
}

/** T1 of what browsers get: fails when a kind of file grew by over 20 %. */
export function compareBundles(
  base: Readonly<Record<string, number>>,
  head: Readonly<Record<string, number>>,
): Check[] {
  return Object.entries(head).map(([kind, after]) => {
    const growth: Growth = { what: 'gzipped bytes', before: base[kind] ?? 0, after, floor: 1 };
    return { tier: 'T1', subject: `pages: ${kind}`, verdict: grew(growth) ? 'fail' : 'pass', why: change(growth) };
  });
}
