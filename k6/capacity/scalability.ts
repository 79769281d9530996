import { mean, quantile } from '../statistics.ts';

/** One step of a load test: so many requests under way at any time, and the throughput of each second of it, requests a second. */
export interface Step {
  readonly users: number;
  readonly throughputs: readonly number[];
}

/** The Universal Scalability Law (Gunther): X(N) = λN / (1 + σ(N−1) + κN(N−1)). */
export interface Law {
  /** Throughput of one. */
  readonly lambda: number;
  /** Share that waits in line. */
  readonly sigma: number;
  /** Share that everybody does for everybody else. */
  readonly kappa: number;
}

export const throughputOf = ({ lambda, sigma, kappa }: Law, users: number): number =>
  (lambda * users) / (1 + sigma * (users - 1) + kappa * users * (users - 1));

/** Where the throughput is highest; infinite when nothing makes it fall. */
export const peakOf = ({ sigma, kappa }: Law): number =>
  kappa > 0 ? Math.sqrt(Math.max(0, 1 - sigma) / kappa) : Number.POSITIVE_INFINITY;

/** Solves a symmetric system by elimination; undefined when it has no single solution. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | undefined {
  const rows = matrix.map((row, index) => [...row, right[index]!]);
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows
      .slice(column)
      .reduce((best, row) => (Math.abs(row[column]!) > Math.abs(best[column]!) ? row : best));
    if (Math.abs(pivot[column]!) < 1e-12) return undefined;
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(column, 0, pivot);
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = row[column]! / pivot[column]!;
      for (let index = column; index < row.length; index++) row[index]! -= factor * pivot[index]!;
    }
  }
  return rows.map((row, index) => row[rows.length]! / row[index]!);
}

/** Which of the three terms are in the law: λ always is. */
const SUBSETS = [[0], [0, 1], [0, 2], [0, 1, 2]] as const;

/**
 * Least squares of N/X = a + b(N−1) + cN(N−1), relative to each step's own size, with nothing below zero: of the subsets of terms
 * that keep to that, the one that fits best. Throws with fewer than four steps.
 */
export function lawOf(steps: readonly { readonly users: number; readonly throughput: number }[]): Law {
  if (steps.length < 4) throw new Error(`${steps.length} steps are too few for three numbers: measure at least four.`);
  let best: { error: number; terms: number[] } | undefined;
  const rows = steps.map(({ users, throughput }) => {
    const waiting = users / throughput;
    return [1, users - 1, users * (users - 1)].map((term) => term / waiting);
  });
  for (const subset of SUBSETS) {
    const matrix = subset.map((i) => subset.map((j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)));
    const right = subset.map((i) => rows.reduce((sum, row) => sum + row[i]!, 0));
    const solved = solve(matrix, right);
    if (!solved || solved.some((value) => value < 0)) continue;
    const terms = [0, 0, 0];
    for (const [place, index] of subset.entries()) terms[index] = solved[place]!;
    const error = rows.reduce(
      (sum, row) => sum + (1 - row.reduce((s, term, index) => s + term * terms[index]!, 0)) ** 2,
      0,
    );
    if (!best || error < best.error - 1e-12) best = { error, terms };
  }
  const [a = 1, b = 0, c = 0] = best!.terms;
  return { lambda: 1 / a, sigma: b / a, kappa: c / a };
}

export interface Interval {
  readonly value: number;
  /** 90 %. */
  readonly low: number;
  readonly high: number;
}

export interface Fitted {
  readonly law: Law;
  /** Of the throughputs that the law explains. */
  readonly r2: number;
  /**
   * The most requests a second, and with how many under way. Undefined when the load did not pass the knee, or the law does not
   * fit: then nobody knows.
   */
  readonly most: { readonly throughput: Interval; readonly users: number } | undefined;
  readonly why: string;
  /** Laws of resampled measurements. */
  readonly samples: readonly Law[];
}

/** A law that explains less of what was seen is not the law of it. */
const LEAST_R2 = 0.8;
const FELL = 0.95;
const FLAT = 1.05;

/** Whether the last steps lie beyond the knee: the throughput fell, or twice the users brought nothing any more. */
export function passedTheKnee(
  steps: readonly { readonly users: number; readonly throughput: number }[],
): string | undefined {
  const sorted = steps.toSorted((a, b) => a.users - b.users);
  const last = sorted.at(-1);
  if (!last) return undefined;
  const top = sorted.reduce((best, step) => (step.throughput > best.throughput ? step : best));
  if (last.throughput <= FELL * top.throughput) {
    return `the throughput fell by ${((1 - last.throughput / top.throughput) * 100).toFixed(0)} % from ${top.users} to ${last.users}`;
  }
  const half = sorted.findLast(({ users }) => users * 2 <= last.users);
  if (half && last.throughput < FLAT * half.throughput) {
    return `from ${half.users} to ${last.users} it rose by less than 5 %`;
  }
  return undefined;
}

/** Fits the law, and its uncertainty by drawing each step's seconds anew. */
export function fitSteps(steps: readonly Step[], random: () => number, rounds = 1000): Fitted {
  const means = steps.map(({ users, throughputs }) => ({ users, throughput: mean(throughputs) }));
  const law = lawOf(means);
  const centre = mean(means.map(({ throughput }) => throughput));
  const left = means.reduce((sum, { users, throughput }) => sum + (throughput - throughputOf(law, users)) ** 2, 0);
  const all = means.reduce((sum, { throughput }) => sum + (throughput - centre) ** 2, 0);
  const samples = Array.from({ length: rounds }, () =>
    lawOf(
      steps.map(({ users, throughputs }) => ({
        users,
        throughput: mean(throughputs.map(() => throughputs[Math.floor(random() * throughputs.length)]!)),
      })),
    ),
  );
  const r2 = 1 - left / all;
  const knee = passedTheKnee(means);
  if (knee === undefined) {
    return {
      law,
      r2,
      samples,
      most: undefined,
      why: `The load did not pass the knee: with ${Math.max(...means.map(({ users }) => users))} under way the throughput still rose. Measure with more; a maximum from here would be a guess.`,
    };
  }
  if (r2 < LEAST_R2) {
    const why = `The law explains only ${(Math.max(0, r2) * 100).toFixed(0)} % (R²) of what was seen, so that no maximum is given. Measure on a quiet machine, and longer.`;
    return { law, r2, samples, most: undefined, why };
  }
  const largest = Math.max(...means.map(({ users }) => users));
  // Beyond what was measured the law is a guess, and its peak with it.
  const highest = (one: Law) => throughputOf(one, Math.min(largest, Math.max(1, peakOf(one))));
  const sorted = Float64Array.from(samples, highest).sort();
  return {
    law,
    r2,
    samples,
    most: {
      throughput: { value: highest(law), low: quantile(sorted, 0.05), high: quantile(sorted, 0.95) },
      users: Math.min(largest, Math.max(1, peakOf(law))),
    },
    why: `The load passed the knee: ${knee}.`,
  };
}
