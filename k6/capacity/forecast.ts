import { mean } from '../statistics.ts';

export interface Peak {
  /** `YYYY-MM-DD`: the Monday of the week. */
  readonly week: string;
  /** Most requests a second, averaged over five minutes, of that week. */
  readonly requests: number;
}

/** When the demand reaches a level: a range, because growth is not known better. `never` when it does not rise to it within ten years. */
export type Forecast =
  | { readonly kind: 'range'; readonly earliest: string; readonly latest: string | 'never'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

const WEEK_MS = 7 * 86_400_000;
const LEAST_WEEKS = 8;
const LEAST_R2 = 0.5;
const HORIZON_WEEKS = 520;
/** 90 %, two-sided, by degrees of freedom from 6 on; more come close to the normal distribution's 1.645. */
const T = [1.943, 1.895, 1.86, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.74, 1.734, 1.729, 1.725];

const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/**
 * From weekly peaks: a straight line, and the weeks in which its 90 % prediction interval reaches the level. Unknown with fewer than
 * eight weeks, or when a line explains less than half of what was seen.
 */
export function forecast(peaks: readonly Peak[], level: number): Forecast {
  if (peaks.length < LEAST_WEEKS) {
    return { kind: 'unknown', why: `${peaks.length} weeks were measured, and ${LEAST_WEEKS} are needed` };
  }
  const start = Date.parse(peaks[0]!.week);
  const points = peaks.map(({ week, requests }) => ({ x: (Date.parse(week) - start) / WEEK_MS, y: requests }));
  const size = points.length;
  const [mx, my] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const sxx = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / sxx;
  const at = (x: number) => my + slope * (x - mx);
  const left = points.reduce((sum, { x, y }) => sum + (y - at(x)) ** 2, 0);
  const all = points.reduce((sum, { y }) => sum + (y - my) ** 2, 0);
  const r2 = all === 0 ? 0 : 1 - left / all;
  if (r2 < LEAST_R2)
    return {
      kind: 'unknown',
      why: `a line explains ${(Math.max(0, r2) * 100).toFixed(0)} % of the weekly peaks: that is no trend`,
    };
  const deviation = Math.sqrt(left / (size - 2));
  const t = T[size - 2 - 6] ?? 1.7;
  const spread = (x: number) => t * deviation * Math.sqrt(1 + 1 / size + (x - mx) ** 2 / sxx);
  const last = points.at(-1)!.x;
  const reaches = (bound: (x: number) => number) => {
    for (let x = last; x <= last + HORIZON_WEEKS; x++) if (bound(x) >= level) return dateOf(start + x * WEEK_MS);
    return 'never' as const;
  };
  const earliest = reaches((x) => at(x) + spread(x));
  const why = `${slope >= 0 ? '+' : '−'}${Math.abs(slope).toFixed(2)} requests a second each week, R² ${r2.toFixed(2)}`;
  if (earliest === 'never') return { kind: 'unknown', why: `${why}: the level is not reached within ten years` };
  return { kind: 'range', earliest, latest: reaches((x) => at(x) - spread(x)), why };
}

/** From an assumed growth a year, as long as nothing was measured: 0.1 is 10 %. */
export function assumedForecast(
  { demand, level, today }: { readonly demand: number; readonly level: number; readonly today: Date },
  { low, high }: { readonly low: number; readonly high: number },
): Forecast {
  if (demand >= level)
    return {
      kind: 'range',
      earliest: dateOf(today.getTime()),
      latest: dateOf(today.getTime()),
      why: 'it is reached already',
    };
  const when = (growth: number) => {
    const years = growth <= 0 ? Number.POSITIVE_INFINITY : Math.log(level / demand) / Math.log(1 + growth);
    return years > 10 ? 'never' : dateOf(today.getTime() + years * 365.25 * 86_400_000);
  };
  const earliest = when(high);
  const why = `assumed growth of ${(low * 100).toFixed(0)} to ${(high * 100).toFixed(0)} % a year; no weekly peaks were given`;
  if (earliest === 'never') return { kind: 'unknown', why: `${why}: the level is not reached within ten years` };
  return { kind: 'range', earliest, latest: when(low), why };
}
