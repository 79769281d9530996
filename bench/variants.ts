import { ascending, quantile } from '../k6/statistics.ts';
import type { Cores } from './cores.ts';
import { openLoop } from './open-loop.ts';
import type { Plan } from './plan.ts';
import { type Server, startServer, VARIANTS, type VariantName } from './process-under-test.ts';
import type { Progress } from './progress.ts';
import { saturate } from './saturate.ts';
import { median, paired, significant } from './statistics.ts';

export interface VariantResult {
  readonly variant: VariantName;
  /** Requests a second at saturation, as a share of bare, and the quartiles of that share over the rounds. */
  readonly throughput: number;
  readonly throughputRatio: number;
  readonly throughputRatioLow: number;
  readonly throughputRatioHigh: number;
  /** Microseconds of CPU per request at saturation, what is added to bare, and that as a share of what `auto` adds. */
  readonly cpu: number;
  readonly cpuAdded: number;
  readonly shareOfAuto: number;
  /** Share of its core that the server used at saturation. */
  readonly busy: number;
  /** Microseconds at a fixed rate, and as a ratio to bare. */
  readonly p50: number;
  readonly p50Ratio: number;
  readonly p99: number;
  readonly p99Ratio: number;
  /** MB of an idle process, after a garbage collection; what is added to bare; and after the load. */
  readonly idleRss: number;
  readonly idleRssAdded: number;
  readonly loadedRss: number;
  /** Milliseconds until it listens. */
  readonly start: number;
}

export interface VariantsOptions {
  readonly plan: Plan;
  readonly cores: Cores | undefined;
  readonly collector: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: Progress;
}

const PATH = '/api/orders/42';
const STARTED_SECONDS = 1.5;
const MB = 1e6;

/** Seconds that it will take. */
export const variantsSeconds = ({ starts, idle, warmUp, rounds, settle, saturated, fixed }: Plan): number =>
  VARIANTS.length * ((starts + 1) * (STARTED_SECONDS + idle) + warmUp + rounds * (settle + saturated + fixed + 0.5));

interface Row {
  readonly throughput: number;
  readonly cpu: number;
  readonly busy: number;
  readonly p50: number;
  readonly p99: number;
}

/** All variants side by side on one core, one loaded at a time: windows interleaved, order reversed each round, ratios paired. */
export async function benchmarkVariants(options: VariantsOptions): Promise<VariantResult[]> {
  const { plan, cores, collector, environment, progress } = options;
  const threads = cores?.loadThreads ?? 1;
  const start = (variant: VariantName) => startServer({ variant, collector, cores: cores?.server, environment });
  const idleOf = async (server: Server) => {
    await new Promise((resolve) => setTimeout(resolve, plan.idle * 1000));
    await server.ask('collect');
    return (await server.ask('collect')).rss / MB;
  };

  const starts = new Map(VARIANTS.map((variant) => [variant, { ms: [] as number[], rss: [] as number[] }]));
  // The first start of each fills the compile cache and is not counted.
  for (let round = 0; round <= plan.starts; round++) {
    for (const variant of VARIANTS) {
      progress.step(`start-up of ${variant}, ${round} of ${plan.starts}`, STARTED_SECONDS + plan.idle);
      const server = await start(variant);
      const rss = await idleOf(server);
      await server.stop();
      if (round === 0) continue;
      starts.get(variant)!.ms.push(server.startMs);
      starts.get(variant)!.rss.push(rss);
    }
  }

  const servers: { readonly variant: VariantName; readonly server: Server; readonly rows: Row[]; loaded: number }[] =
    [];
  for (const variant of VARIANTS) servers.push({ variant, server: await start(variant), rows: [], loaded: 0 });
  try {
    for (const { variant, server } of servers) {
      progress.step(`warm-up of ${variant}`, plan.warmUp);
      await saturate({ port: server.port, path: PATH, seconds: plan.warmUp, threads });
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const each of round % 2 ? servers.toReversed() : servers) {
        const { variant, server, rows } = each;
        const { port } = server;
        progress.step(
          `load on ${variant}, round ${round + 1} of ${plan.rounds}`,
          plan.settle + plan.saturated + plan.fixed + 0.5,
        );
        await saturate({ port, path: PATH, seconds: plan.settle, threads });
        await server.ask('figures');
        const { requests, perSecond } = await saturate({ port, path: PATH, seconds: plan.saturated, threads });
        const { cpu, elapsed, rss } = await server.ask('figures');
        const atRate = () => openLoop({ port, path: PATH, rate: plan.rate, seconds: plan.fixed, seed: round + 1 });
        let latency = await atRate();
        // A machine that stands still for a second times requests out: that window says nothing of the variant.
        for (let again = 0; latency.errors > 0 && again < 2; again++) latency = await atRate();
        const { errors, p50, p99 } = latency;
        if (errors > 0) throw new Error(`${errors} errors at ${plan.rate} requests a second, three times`);
        each.loaded = rss / MB;
        rows.push({ throughput: perSecond, cpu: cpu / requests, busy: cpu / elapsed, p50, p99 });
      }
    }
  } finally {
    for (const { server } of servers) await server.stop();
  }

  const base = servers[0]!.rows;
  const auto = servers.at(-1)!.rows;
  const autoAdded = paired(auto, base, (row, bare) => row.cpu - bare.cpu);
  const bareRss = median(starts.get('bare')!.rss);
  return servers.map(({ variant, rows, loaded }) => {
    const middle = (key: keyof Row) => significant(median(rows.map((row) => row[key])));
    const ratio = (key: keyof Row) => significant(paired(rows, base, (row, bare) => row[key] / bare[key]));
    const cpuAdded = paired(rows, base, (row, bare) => row.cpu - bare.cpu);
    const shares = ascending(rows.map((row, round) => row.throughput / base[round]!.throughput));
    const { ms, rss } = starts.get(variant)!;
    return {
      variant,
      throughput: Math.round(median(rows.map((row) => row.throughput))),
      throughputRatio: ratio('throughput'),
      throughputRatioLow: significant(quantile(shares, 0.25), 2),
      throughputRatioHigh: significant(quantile(shares, 0.75), 2),
      cpu: middle('cpu'),
      cpuAdded: significant(cpuAdded),
      shareOfAuto: significant(cpuAdded / autoAdded, 2),
      busy: middle('busy'),
      p50: middle('p50'),
      p50Ratio: ratio('p50'),
      p99: middle('p99'),
      p99Ratio: ratio('p99'),
      idleRss: significant(median(rss)),
      idleRssAdded: significant(median(rss) - bareRss),
      loadedRss: significant(loaded),
      start: Math.round(median(ms)),
    };
  });
}
