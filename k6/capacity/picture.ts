import { quantile } from '../statistics.ts';
import { type Fitted, throughputOf } from './scalability.ts';

export interface Point {
  readonly users: number;
  readonly throughput: number;
  /** Milliseconds. */
  readonly p95: number;
}

export interface PictureOptions {
  readonly points: readonly Point[];
  readonly fitted: Fitted;
  /** Milliseconds. */
  readonly slo: number;
}

const WIDTH = 760;
const LEFT = 64;
const RIGHT = 24;
const TOP = 44;
const PANEL = 210;
const GAP = 62;

/** A round number not below `value`, and the distance of the lines up to there. */
function scale(value: number): { top: number; step: number } {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * power).find((one) => value / one <= 5) ?? 2 * power;
  return { top: Math.ceil(value / step) * step, step };
}

/**
 * Throughput and 95th percentile by the number of requests under way: what was measured, the law through it, and the band in which 90 % of
 * the laws of resampled measurements lie. SVG, readable on light and dark ground.
 */
export function picture({ points, fitted, slo }: PictureOptions): string {
  const largest = Math.max(...points.map(({ users }) => users));
  const x = (users: number) => LEFT + (Math.log2(users) / Math.log2(largest)) * (WIDTH - LEFT - RIGHT);
  const grid = Array.from({ length: 60 }, (_, index) => largest ** (index / 59));
  const band = grid.map((users) => {
    const sorted = Float64Array.from(fitted.samples, (law) => throughputOf(law, users)).sort();
    return { users, low: quantile(sorted, 0.05), high: quantile(sorted, 0.95) };
  });
  const round = (value: number) => value.toFixed(1);
  const panel = (from: number, most: number, title: string, body: (y: (value: number) => number) => string) => {
    const { top, step } = scale(most);
    const y = (value: number) => from + PANEL - (Math.min(value, top) / top) * PANEL;
    const lines = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step)
      .map(
        (value) =>
          `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(value))}" y2="${round(y(value))}"/><text x="${LEFT - 8}" y="${round(y(value) + 4)}" text-anchor="end">${+value.toPrecision(6)}</text>`,
      )
      .join('');
    const ticks = points
      .map(({ users }) => `<text x="${round(x(users))}" y="${from + PANEL + 18}" text-anchor="middle">${users}</text>`)
      .join('');
    return `<text class="title" x="${LEFT}" y="${from - 14}">${title}</text>${lines}${ticks}${body(y)}`;
  };
  const second = TOP + PANEL + GAP;
  const height = second + PANEL + 44;
  const highest = Math.max(...points.map(({ throughput }) => throughput), ...band.map(({ high }) => high));
  const line = (all: readonly (readonly [number, number])[]) =>
    all.map(([at, value], index) => `${index === 0 ? 'M' : 'L'}${round(at)} ${round(value)}`).join('');
  const throughput = panel(TOP, highest, 'Requests a second', (y) => {
    const edge = [
      ...band.map(({ users, high }) => [x(users), y(high)] as const),
      ...band.toReversed().map(({ users, low }) => [x(users), y(low)] as const),
    ];
    const law = grid.map((users) => [x(users), y(throughputOf(fitted.law, users))] as const);
    const dots = points
      .map((one) => `<circle cx="${round(x(one.users))}" cy="${round(y(one.throughput))}" r="4.5"/>`)
      .join('');
    return `<path class="band" d="${line(edge)}Z"/><path class="law" d="${line(law)}"/>${dots}`;
  });
  const latency = panel(
    second,
    Math.max(slo * 1.2, ...points.map(({ p95 }) => p95)),
    '95th percentile, milliseconds',
    (y) => {
      const dots = points
        .map((one) => `<circle cx="${round(x(one.users))}" cy="${round(y(one.p95))}" r="4.5"/>`)
        .join('');
      const way = points.map((one) => [x(one.users), y(one.p95)] as const);
      return `<line class="slo" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(slo))}" y2="${round(y(slo))}"/><text class="slo-text" x="${LEFT + 6}" y="${round(y(slo) - 6)}">target ${slo} ms</text><path class="way" d="${line(way)}"/>${dots}`;
    },
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Throughput and 95th percentile by requests under way">
<style>text{font:13px system-ui,sans-serif;fill:#475569}.title{font-weight:600;fill:#0f172a}.grid{stroke:#e2e8f0}.band{fill:#2563eb;opacity:.16}.law{fill:none;stroke:#2563eb;stroke-width:2}.way{fill:none;stroke:#0f766e;stroke-width:1.5;opacity:.6}circle{fill:#0f766e}.slo{stroke:#b91c1c;stroke-width:1.5;stroke-dasharray:6 4}.slo-text{fill:#b91c1c}</style>
<rect width="100%" height="100%" rx="6" fill="#fff"/>
${throughput}
${latency}
<text x="${(WIDTH + LEFT) / 2}" y="${height - 8}" text-anchor="middle">requests under way at any time (doubling)</text>
</svg>
`;
}
