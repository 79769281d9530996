/**
 * The Collector goes away under load and comes back. Two equal servers on one core, asked in turn: one loses its Collector,
 * the other keeps its own; so what else the machine does shows in both. A process of its own, beside the warm-up.
 * Environment: PLAN, CORES, CACHE.
 */

import { openLoop } from './open-loop.ts';
import type { Plan } from './plan.ts';
import { startServer, startSink } from './process-under-test.ts';
import { median, significant } from './statistics.ts';

export interface OutageResult {
  /** Seconds that it was away. */
  readonly away: number;
  /** Latency of the server without a Collector against the other one, in microseconds, per phase. */
  readonly phases: readonly {
    readonly phase: 'before' | 'away' | 'after';
    readonly p50: number;
    readonly p50Ratio: number;
    readonly p99: number;
    readonly p99Ratio: number;
    /** MB, at its highest. */
    readonly rss: number;
  }[];
  readonly slowEvents: { readonly made: number; readonly arrived: number };
  readonly spans: { readonly recorded: number; readonly delivered: number; readonly dropped: number };
}

interface Row {
  readonly p50: number;
  readonly p99: number;
  readonly other50: number;
  readonly other99: number;
  readonly rss: number;
}

const PATH = '/api/orders/42';
const RATE = 150;
const WINDOW = 2;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const plan = JSON.parse(process.env.PLAN!) as Plan['outage'];
const cores = process.env.CORES || undefined;
const environment = { NODE_COMPILE_CACHE: process.env.CACHE ?? '', RATIO: '0.1' };

let sink = await startSink(cores);
const otherSink = await startSink(cores);
const url = ({ port }: typeof sink) => `http://127.0.0.1:${port}`;
const server = await startServer({ variant: 'lean', collector: url(sink), cores, environment });
const other = await startServer({ variant: 'lean', collector: url(otherSink), cores, environment });
process.send?.({ started: Date.now() });

let made = 0;
let arrived = 0;
async function phase(seconds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (let from = performance.now(); performance.now() - from < seconds * 1000; ) {
    const window = { path: PATH, rate: RATE, seconds: WINDOW / 2, connections: 8, seed: rows.length + 1 };
    const measure = async (each: typeof server) => {
      const result = await openLoop({ port: each.port, ...window });
      if (result.errors > 0) throw new Error(`${result.errors} errors`);
      const { rss } = await each.ask({ slow: 3 });
      return { ...result, rss };
    };
    const [first, second] = rows.length % 2 ? [other, server] : [server, other];
    const one = await measure(first);
    const two = await measure(second);
    const [own, twin] = first === server ? [one, two] : [two, one];
    made += 3;
    rows.push({ p50: own.p50, p99: own.p99, other50: twin.p50, other99: twin.p99, rss: own.rss });
  }
  return rows;
}
const summary = (name: 'before' | 'away' | 'after', rows: readonly Row[]): OutageResult['phases'][number] => ({
  phase: name,
  p50: Math.round(median(rows.map(({ p50 }) => p50))),
  p50Ratio: significant(median(rows.map(({ p50, other50 }) => p50 / other50))),
  p99: Math.round(median(rows.map(({ p99 }) => p99))),
  p99Ratio: significant(median(rows.map(({ p99, other99 }) => p99 / other99))),
  rss: significant(Math.max(...rows.map(({ rss }) => rss)) / 1e6),
});

await phase(plan.warmUp);
const before = await phase(plan.before);
arrived += (await sink.ask('counts')).slowEvents;
const { port } = sink;
await sink.stop();
const away = await phase(plan.away);
sink = await startSink(cores, port);
const after = await phase(plan.after);
for (let tries = 0; tries < 300 && arrived + (await sink.ask('counts')).slowEvents < made; tries++) await pause(100);
arrived += (await sink.ask('counts')).slowEvents;
await pause(1500);
const { recorded = 0, delivered = 0, dropped = 0 } = (await server.ask('counters')).counters ?? {};
const result: OutageResult = {
  away: plan.away,
  phases: [summary('before', before), summary('away', away), summary('after', after)],
  slowEvents: { made, arrived },
  spans: { recorded, delivered, dropped },
};
process.send?.(result);
for (const each of [server, other, sink, otherSink]) await each.stop();
process.disconnect?.();
