import type { BrowserResult } from './browser.ts';
import type { SeriesResult, SlowEventResult, SpansResult } from './growth.ts';
import type { OutageResult } from './outage.ts';
import type { PreviewResult } from './preview.ts';
import type { VariantName } from './process-under-test.ts';
import type { VariantResult } from './variants.ts';

export interface NodeResult {
  /** ISO 8601. */
  readonly at: string;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly pinned: boolean;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly variants: readonly VariantResult[];
  readonly slowEvents: SlowEventResult;
  readonly series: readonly SeriesResult[];
  readonly spans: readonly SpansResult[];
  readonly outage: OutageResult;
}

const NAMES: Readonly<Record<VariantName, string>> = {
  bare: 'bare Express',
  'prom-client': 'prom-client only, one histogram',
  lean: '**lean** (default)',
  full: 'full',
  auto: 'auto-instrumentations-node, its defaults',
};

type Cell = string | number;
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
const plus = (value: number, digits = 1) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
const times = (value: number) => `${value.toFixed(2)}x`;
const spread = ({ throughputRatio, throughputRatioLow, throughputRatioHigh }: VariantResult) =>
  `${times(throughputRatio)} (${throughputRatioLow} to ${throughputRatioHigh})`;

/** The least share of its core that bare uses when the load generator has more to give than bare can take. */
const SATURATED = 0.9;

/** What `lean` must keep, and whether it does. */
export function goals({
  variants,
}: NodeResult): readonly { readonly goal: string; readonly value: string; readonly met: boolean }[] {
  const lean = variants.find(({ variant }) => variant === 'lean')!;
  return [
    {
      goal: 'lean: at least 0.80x of bare throughput',
      value: spread(lean),
      met: lean.throughputRatio >= 0.8,
    },
    {
      goal: "lean: at most a tenth of the CPU that auto-instrumentation's defaults add",
      value: lean.shareOfAuto.toFixed(3),
      met: lean.shareOfAuto <= 0.1,
    },
    {
      goal: 'lean: at most 25 MB more when idle',
      value: `${plus(lean.idleRssAdded)} MB`,
      met: lean.idleRssAdded <= 25,
    },
  ];
}

function variantTable({ variants }: NodeResult): string {
  const { busy } = variants[0]!;
  const rows = table(
    ['', 'req/s', 'CPU a request', 'added', 'p50', 'p99', 'idle RSS', 'after load', 'start-up'],
    variants.map((row) => [
      NAMES[row.variant],
      row.variant === 'bare' ? times(row.throughputRatio) : spread(row),
      `${row.cpu.toFixed(1)} µs`,
      row.variant === 'bare' ? '' : `${plus(row.cpuAdded)} µs`,
      times(row.p50Ratio),
      times(row.p99Ratio),
      row.variant === 'bare' ? `${row.idleRss.toFixed(0)} MB` : `${plus(row.idleRssAdded)} MB`,
      `${row.loadedRss.toFixed(0)} MB`,
      `${row.start} ms`,
    ]),
  );
  if (busy >= SATURATED) return rows;
  return `${rows}

Bare used only ${(100 * busy).toFixed(0)} % of its core: the load generator was the limit, so the ratios of req/s flatter the others.`;
}

/** The Node part of docs/performance.md. */
export function nodeSection(result: NodeResult): string {
  const { at, node, processor, cores, pinned, warmUpSeconds, rounds, variants, slowEvents, series, spans, outage } =
    result;
  const bare = variants[0]!;
  return `\`npm run perf:bench\`, ${at.slice(0, 10)}: Node ${node}, ${processor}, ${cores} cores${pinned ? '; server and load generator on different ones' : '; not pinned'}. All variants
run at once on one core, one loaded at a time: ${warmUpSeconds} s of warm-up each, then ${rounds} rounds of short windows, their order reversed each round; ratios
are medians of pairs of one round, in brackets their quartiles. 10 % of requests are sampled, traces of slow ones kept. Latency is at a fixed rate, counted from the moment at which the request was due.
Bare: ${bare.throughput} requests a second, p50 ${bare.p50} µs, p99 ${bare.p99} µs.

${variantTable(result)}

${goals(result)
  .map(({ goal, value, met }) => `- ${goal}: **${value}**${met ? '' : ' (missed)'}`)
  .join('\n')}

A slow event costs ${slowEvents.cpu} µs of CPU from the call to the Collector's answer; a burst of ${slowEvents.count} has arrived after ${slowEvents.delivered} ms.

${table(
  ['histogram series', 'one scrape blocks for', 'text', 'CPU a request', 'RSS'],
  series.map((row) => [row.series, `${row.scrape} ms`, `${row.size} KB`, `${row.cpu} µs`, `${row.rss} MB`]),
)}

${table(
  ['spans a second', 'CPU a request', 'without spans', 'spans recorded', 'dropped'],
  spans.map((row) => [row.rate, `${row.cpu} µs`, `${row.cpuWithout} µs`, row.recorded, row.dropped]),
)}

The Collector away for ${outage.away} s under load, against an equal server that keeps its own:

${table(
  ['', 'p50', 'p99', 'RSS at most'],
  outage.phases.map((row) => [
    row.phase,
    `${row.p50} µs, ${times(row.p50Ratio)}`,
    `${row.p99} µs, ${times(row.p99Ratio)}`,
    `${row.rss} MB`,
  ]),
)}

Slow events: ${outage.slowEvents.made} made, ${outage.slowEvents.arrived} arrived. Spans: ${outage.spans.recorded} recorded, ${outage.spans.delivered} delivered, ${outage.spans.dropped} dropped and counted.`;
}

/** The costs in instrumentation/README.md. */
export function costSection(result: NodeResult): string {
  return `${variantTable(result)}

Ratios to bare Express, in brackets their quartiles, measured together by \`npm run perf:bench\`; [docs/performance.md](../docs/performance.md) tells how, and the rest.`;
}

/** The browser's part of docs/performance.md. */
export function browserSection(result: BrowserResult): string {
  const { at, browser, bytes, throttle, rounds, lcpAddedMs, longTaskAddedMs } = result;
  const row = (name: string, cost: BrowserResult['with']) => [
    name,
    `${cost.lcpMs} ms`,
    `${cost.longTaskMs} ms`,
    cost.longTasks,
  ];
  return `\`npm run perf:bench\`, ${at.slice(0, 10)}, ${browser}: the clinic's own page, the processor ${throttle} times slower, ${rounds} rounds with and without in turn.

${table(
  ['', 'LCP', 'long tasks, together', 'long tasks'],
  [
    row('without telemetry', result.without),
    row('with telemetry', result.with),
    [
      'added, median of pairs',
      `${plus(lcpAddedMs, 0)} ms, ${times(result.lcpRatio)}`,
      `${plus(longTaskAddedMs, 0)} ms`,
      '',
    ],
  ],
)}

Gzipped: ${bytes.early} bytes before the app, ${bytes.eager} bytes all that is loaded at once, ${bytes.lazy} bytes later.`;
}

/** What the viewer of dashboards costs a browser. */
export function previewSection({ at, dashboard, explore }: PreviewResult): string {
  const kilobytes = (bytes: number) => `${Math.round(bytes / 1000)} KB`;
  return `The viewer of dashboards (${at.slice(0, 10)}), compressed as it is sent: ${kilobytes(dashboard)} of scripts and styles until a first dashboard is shown, ${kilobytes(explore)} more for Explore.`;
}
