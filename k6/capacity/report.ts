import { mean } from '../statistics.ts';
import { assumedForecast, type Forecast, forecast } from './forecast.ts';
import type { Inputs } from './inputs.ts';
import type { Measured } from './measure.ts';
import { disturbance, type Named, RESOURCES, saturated } from './resource.ts';
import type { Fitted } from './scalability.ts';

export interface Run {
  /** ISO 8601. */
  readonly at: string;
  readonly machine: string;
  /** With `+` when files differ from it. */
  readonly commit: string;
  /** Seconds of each step, a quarter of which is not counted. */
  readonly seconds: number;
  readonly clients: number;
  readonly steps: readonly Measured[];
  /** The statement that took most of the database's time. */
  readonly costliest: string;
}

export const throughput = ({ throughputs }: Measured): number => mean(throughputs);
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The resource that was used up, from the step that answered most; from the last one when that shows nothing. */
export function bottleneck(steps: readonly Measured[]): Named {
  const top = steps.reduce((best, step) => (throughput(step) > throughput(best) ? step : best));
  const named = saturated(top.usage);
  return named.resource ? named : saturated(steps.at(-1)!.usage);
}

/** The slope of a straight line through the points. */
function slope(points: readonly (readonly [number, number])[]): number {
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const spread = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / spread;
}

/** The step with the most requests a second before the 95th percentile first misses the target; undefined when it always does. */
export function atTarget(steps: readonly Measured[], p95: number): Measured | undefined {
  const missed = steps.findIndex((step) => step.p95 >= p95 || step.errors > 0);
  const kept = missed < 0 ? steps : steps.slice(0, missed);
  return kept.toSorted((a, b) => throughput(b) - throughput(a))[0];
}

const told = (result: Forecast, level: string): string =>
  result.kind === 'range'
    ? `${level}: between **${result.earliest}** and **${result.latest === 'never' ? 'later than ten years from now' : result.latest}** (${result.why}).`
    : `${level}: **unknown** (${result.why}).`;

/** The generated part of docs/capacity.md. */
export function capacitySection(run: Run, fitted: Fitted, inputs: Inputs): string {
  const { steps } = run;
  const { demand, slo, growth_per_year: growth, growth_of_data: data, prices, headroom_at_most_used: used } = inputs;
  const named = bottleneck(steps);
  const good = atTarget(steps, slo.p95_ms);
  const capacity = good && throughput(good);
  const each = (p50: number) => 1 / (demand.seconds_between_requests + p50 / 1000);
  const perUser = each((good ?? steps[0]!).p50);
  const wanted = demand.users * perUser;
  const disturbed = Math.max(0, ...steps.flatMap(({ usage }) => disturbance(usage) ?? []));
  const { most, law } = fitted;
  const lines = [
    `\`npm run perf:capacity\`, ${run.at.slice(0, 10)}, commit ${run.commit}: ${run.machine}; ${run.clients} synthetic clients; ${steps.length} steps of ${run.seconds} s, of which the first quarter is not counted.`,
    ...(disturbed > 0
      ? [
          '',
          `**Others used ${percent(disturbed)} of this machine meanwhile: the figures are less than it could do. Measure again when it is quiet.**`,
        ]
      : []),
    '',
    '![Throughput and latency by requests under way](pictures/capacity.svg)',
    '',
    table(
      [
        'under way',
        'requests a second',
        'p50',
        'p95',
        'errors',
        'event loop',
        'database wanted',
        'connections used',
        'waiting for one',
        'memory',
      ],
      steps.map((step) => [
        String(step.usage.users),
        throughput(step).toFixed(0),
        `${step.p50.toFixed(0)} ms`,
        `${step.p95.toFixed(0)} ms`,
        String(step.errors),
        percent(step.usage.eventLoop),
        `${step.usage.databaseWanted.toFixed(1)} of ${step.usage.processors} cores`,
        step.usage.used.toFixed(1),
        step.usage.pending.toFixed(1),
        `${(step.apiMemory / 1e6).toFixed(0)} + ${(step.databaseMemory / 1e6).toFixed(0)} MB`,
      ]),
    ),
    '',
    '### What it can do',
    '',
    `- The law: λ ${law.lambda.toFixed(0)} requests a second for one, σ ${law.sigma.toFixed(4)}, κ ${law.kappa.toFixed(6)}; it explains ${percent(fitted.r2)} (R²) of what was seen.`,
    `- ${fitted.why}`,
    most
      ? `- **At most ${most.throughput.value.toFixed(0)} requests a second** (90 %: ${most.throughput.low.toFixed(0)} to ${most.throughput.high.toFixed(0)}), with ${most.users.toFixed(0)} under way.`
      : '- No maximum is given.',
    named.resource
      ? `- What runs out first: **${RESOURCES[named.resource]}**: ${named.why}.`
      : `- What runs out first: not known; ${named.why}.`,
    `- The database spends ${run.costliest.replace(/^(\d+ %) of its time: /, '$1 of its time on `')}\`.`,
    '',
    '### Headroom',
    '',
  ];
  if (capacity === undefined) {
    lines.push(
      `No step kept its 95th percentile below ${slo.p95_ms} ms without errors: there is no capacity at this target.`,
    );
  } else {
    const level = capacity * used;
    const start = new Date(run.at);
    lines.push(
      `At the target (95th percentile below ${slo.p95_ms} ms, no errors) it answers **${capacity.toFixed(0)} requests a second**. ${demand.users} users who ask every ${demand.seconds_between_requests} s need ${wanted.toFixed(0)}: **headroom ${percent(1 - wanted / capacity)}**, or ${Math.floor(capacity / perUser)} users at once.`,
      '',
      `- ${told(
        inputs.weekly_peaks.length > 0
          ? forecast(inputs.weekly_peaks, level)
          : assumedForecast({ demand: wanted, level, today: start }, growth),
        `${percent(used)} of it are in use`,
      )}`,
    );
  }
  const connections = slope(steps.map(({ usage }) => [Math.min(usage.users, 10), usage.used]));
  const memory = slope(steps.map((step) => [step.usage.users, step.apiMemory]));
  const databaseMemory = slope(steps.map((step) => [step.usage.users, step.databaseMemory]));
  lines.push(
    `- A request under way holds ${connections.toFixed(2)} connections as long as there are free ones, ${(memory / 1e3).toFixed(0)} kB of the clinic's memory and ${(databaseMemory / 1e3).toFixed(0)} kB of the database's.`,
    '',
    '### What it costs',
    '',
  );
  const [core, disk, backup] = prices.monthly;
  const coreSeconds = good ? (good.usage.api + good.usage.database) / throughput(good) : undefined;
  if (coreSeconds === undefined || !core || !disk || !backup)
    lines.push('Without a capacity at the target there is nothing to reckon with.');
  else {
    lines.push(
      table(
        ['users at once', 'requests a second', 'cores', 'GB a year', `${prices.currency} a month, in the first year`],
        [1, 3, 10].map((factor) => {
          const users = demand.users * factor;
          const rate = wanted * factor;
          const cores = Math.max(1, Math.ceil((rate * coreSeconds) / used));
          const gigabytes = (users * data.appointments_per_user_and_day * 230 * data.kilobytes_per_appointment) / 1e6;
          const price = cores * core.price + gigabytes * (disk.price + backup.price);
          return [String(users), rate.toFixed(0), String(cores), gigabytes.toFixed(1), price.toFixed(0)];
        }),
      ),
      '',
      `A request costs ${(coreSeconds * 1000).toFixed(1)} ms of a core (measured, the database included). Working days: 230 a year. A single process of the clinic has one event loop: beyond its ${capacity?.toFixed(0)} requests a second more processes are needed, not more cores.`,
      `Prices (${inputs.date}): ${prices.source}. Data: ${data.source}. Demand: ${demand.source}. Growth: ${growth.source}.`,
    );
  }
  return lines.join('\n');
}
