import type { Cores } from './cores.ts';
import { openLoop } from './open-loop.ts';
import type { Plan } from './plan.ts';
import { type Sink, startServer } from './process-under-test.ts';
import type { Progress } from './progress.ts';
import { saturate } from './saturate.ts';
import { median, significant } from './statistics.ts';

export interface GrowthOptions {
  readonly plan: Plan;
  readonly cores: Cores | undefined;
  readonly sink: Sink;
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: Progress;
}

const PATH = '/api/orders/42';
const collectorOf = ({ port }: Sink) => `http://127.0.0.1:${port}`;

export interface SlowEventResult {
  readonly count: number;
  /** Microseconds of CPU for each, its delivery included. */
  readonly cpu: number;
  /** Milliseconds until the last of them was taken. */
  readonly delivered: number;
}

export const slowEventsSeconds = 8;

/** What one slow event costs, from the call to the Collector's answer. */
export async function benchmarkSlowEvents({ plan, cores, sink, environment, progress }: GrowthOptions) {
  progress.step(`${plan.slowEvents} slow events`, slowEventsSeconds);
  const server = await startServer({
    variant: 'lean',
    collector: collectorOf(sink),
    cores: cores?.server,
    environment,
  });
  try {
    const costs: SlowEventResult[] = [];
    for (let round = 0; round < 4; round++) {
      const before = (await sink.ask('counts')).slowEvents;
      await server.ask('collect');
      const from = performance.now();
      await server.ask({ slow: plan.slowEvents });
      // The answer to the question above starts a new count, so what is asked for here is the rest.
      while ((await sink.ask('counts')).slowEvents - before < plan.slowEvents) {
        if (performance.now() - from > 30_000) throw new Error('slow events did not arrive within 30 s');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const delivered = performance.now() - from;
      costs.push({ count: plan.slowEvents, cpu: (await server.ask('total')).cpu / plan.slowEvents, delivered });
    }
    const warm = costs.slice(1);
    return {
      count: plan.slowEvents,
      cpu: significant(median(warm.map(({ cpu }) => cpu))),
      delivered: Math.round(median(warm.map(({ delivered }) => delivered))),
    };
  } finally {
    await server.stop();
  }
}

export interface SeriesResult {
  /** Histogram series with twelve buckets each. */
  readonly series: number;
  /** Milliseconds that one scrape keeps the event loop. */
  readonly scrape: number;
  /** KB of text. */
  readonly size: number;
  /** Microseconds of CPU per request while it is not scraped. */
  readonly cpu: number;
  /** MB. */
  readonly rss: number;
}

export const seriesSeconds = ({ series }: Plan): number => series.length * 6;

/** What it costs to have many series. */
export async function benchmarkSeries({ plan, cores, sink, environment, progress }: GrowthOptions) {
  const threads = cores?.loadThreads ?? 1;
  const server = await startServer({
    variant: 'lean',
    collector: collectorOf(sink),
    cores: cores?.server,
    environment,
  });
  const results: SeriesResult[] = [];
  try {
    await saturate({ port: server.port, path: PATH, seconds: Math.min(10, plan.warmUp), threads });
    for (const series of plan.series) {
      progress.step(`${series} series`, 6);
      await server.ask({ series });
      const scrapes: number[] = [];
      let size = 0;
      for (let round = 0; round < 7; round++) {
        const { scrape } = await server.ask('scrape');
        scrapes.push(scrape!.ms);
        size = scrape!.bytes;
      }
      await server.ask('figures');
      const { requests } = await saturate({
        port: server.port,
        path: PATH,
        seconds: Math.min(2, plan.saturated),
        threads,
      });
      const { cpu } = await server.ask('figures');
      const { rss } = await server.ask('collect');
      results.push({
        series,
        scrape: significant(median(scrapes)),
        size: Math.round(size / 1000),
        cpu: significant(cpu / requests),
        rss: significant(rss / 1e6),
      });
    }
  } finally {
    await server.stop();
  }
  return results;
}

export interface SpansResult {
  /** Spans a second. */
  readonly rate: number;
  /** Microseconds of CPU per request when every request is a span, and when none is. */
  readonly cpu: number;
  readonly cpuWithout: number;
  /** Spans that were made and that arrived. */
  readonly recorded: number;
  readonly dropped: number;
}

export const spansSeconds = ({ spans, spansSeconds: each, spansRounds }: Plan): number =>
  12 + spans.length * spansRounds * 2 * (each + 0.5);

/** What it costs to send many spans. */
export async function benchmarkSpans({ plan, cores, sink, environment, progress }: GrowthOptions) {
  const start = (RATIO: string) =>
    startServer({
      variant: 'lean',
      collector: collectorOf(sink),
      cores: cores?.server,
      environment: { ...environment, RATIO, KEEP_SLOW: 'false' },
    });
  const [all, none] = [await start('1'), await start('0')];
  const results: SpansResult[] = [];
  try {
    progress.step('warm-up with every request a span', 12);
    for (const { port } of [all, none]) {
      await saturate({ port, path: PATH, seconds: Math.min(6, plan.warmUp), threads: cores?.loadThreads ?? 1 });
    }
    for (const rate of plan.spans) {
      const costs: { readonly all: number; readonly none: number }[] = [];
      const spans = async () => {
        const { recorded = 0, dropped = 0 } = (await all.ask('counters')).counters ?? {};
        return { recorded, dropped };
      };
      await new Promise((resolve) => setTimeout(resolve, 1500)); // what waits is sent
      const before = await spans();
      for (let round = 0; round < plan.spansRounds; round++) {
        progress.step(`${rate} spans a second, round ${round + 1}`, 2 * (plan.spansSeconds + 0.5));
        const cost = async (server: typeof all) => {
          await server.ask('figures');
          const { count } = await openLoop({ port: server.port, path: PATH, rate, seconds: plan.spansSeconds });
          return (await server.ask('figures')).cpu / count;
        };
        costs.push({ all: await cost(all), none: await cost(none) });
      }
      const after = await spans();
      results.push({
        rate,
        cpu: significant(median(costs.map((cost) => cost.all))),
        cpuWithout: significant(median(costs.map((cost) => cost.none))),
        recorded: after.recorded - before.recorded,
        dropped: after.dropped - before.dropped,
      });
    }
  } finally {
    await all.stop();
    await none.stop();
  }
  return results;
}
