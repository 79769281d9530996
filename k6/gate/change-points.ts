import { mean } from '../statistics.ts';
import { shuffled } from './random.ts';

/** A place in a series where its level changes. */
export interface ChangePoint {
  /** The first value of the new level. */
  readonly index: number;
  readonly p: number;
  /** Mean after by mean before, of the two stretches beside it. */
  readonly ratio: number;
}

interface Options {
  readonly random: () => number;
  /** Default 0.01. */
  readonly alpha?: number;
  readonly permutations?: number;
}

/** Values on either side of a change, at least. */
const STRETCH = 4;

/** The split with the largest weighted energy distance between its sides (Székely and Rizzo; exponent 1). */
function best(values: readonly number[]): { index: number; distance: number } {
  const size = values.length;
  const apart = (i: number, j: number) => Math.abs(values[i]! - values[j]!);
  let [within, between, after] = [0, 0, 0];
  for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) after += apart(i, j);
  let found = { index: 0, distance: 0 };
  // Moving one value at a time from the right side to the left keeps the three sums up to date.
  for (let m = 1; m < size; m++) {
    let [left, right] = [0, 0];
    for (let i = 0; i < m - 1; i++) left += apart(i, m - 1);
    for (let j = m; j < size; j++) right += apart(j, m - 1);
    between += right - left;
    within += left;
    after -= right;
    const n = size - m;
    if (m < STRETCH || n < STRETCH) continue;
    const energy = (2 * between) / (m * n) - (2 * within) / (m * m) - (2 * after) / (n * n);
    const distance = ((m * n) / size) * energy;
    if (distance > found.distance) found = { index: m, distance };
  }
  return found;
}

/**
 * E-divisive: the most likely change of level, tested against permutations of the series, then again on both sides of each
 * that holds. In the order of the series.
 */
export function changePoints(
  values: readonly number[],
  { random, alpha = 0.01, permutations = 499 }: Options,
): ChangePoint[] {
  const found: { index: number; p: number }[] = [];
  const look = (from: number, to: number) => {
    if (to - from < 2 * STRETCH) return;
    const part = values.slice(from, to);
    const { index, distance } = best(part);
    if (distance === 0) return;
    let asLarge = 1;
    for (let round = 0; round < permutations; round++) if (best(shuffled(part, random)).distance >= distance) asLarge++;
    const p = asLarge / (permutations + 1);
    if (p > alpha) return;
    look(from, from + index);
    found.push({ index: from + index, p });
    look(from + index, to);
  };
  look(0, values.length);
  const level = (from: number, to: number) => mean(values.slice(from, to));
  return found.map(({ index, p }, place) => {
    const [before, after] = [found[place - 1]?.index ?? 0, found[place + 1]?.index ?? values.length];
    return { index, p, ratio: level(index, after) / level(before, index) };
  });
}
