import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { quantileOf } from './normal-distribution.ts';
import { normal } from './random.ts';
import { hodgesLehmann, holm, mannWhitney } from './rank-test.ts';

// Permeability of human chorioamnion: Hollander and Wolfe, Nonparametric Statistical Methods (1973), table 4.1.
const AT_TERM = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const EARLY = [1.15, 0.88, 0.9, 0.74, 1.21];

describe('Mann and Whitney', () => {
  test('gives the published exact probability', () => {
    const { u, p } = mannWhitney(EARLY, AT_TERM);
    expect(u).toBe(35);
    expect(p).toBeCloseTo(0.1272, 4);
  });

  test('knows all ways to mix four and four, five and five', () => {
    expect(mannWhitney([1, 2, 3, 4], [5, 6, 7, 8]).p).toBeCloseTo(1 / 70, 10);
    // Two discordant pairs of 25: 4 of 252 ways are as extreme (table of the critical value 2 at 5 %, two-sided).
    expect(mannWhitney([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]).p).toBeCloseTo(4 / 252, 10);
  });

  test('comes to the same by approximation, and corrects for ties', () => {
    const random = seededRandom(7);
    const base = Array.from({ length: 20 }, () => normal(random));
    const head = Array.from({ length: 20 }, () => normal(random) + 0.6);
    const exact = mannWhitney(base, head).p;
    expect(mannWhitney([...base, 0.1], [...head, 0.1]).p).toBeCloseTo(exact, 1);
    expect(mannWhitney([1, 1, 1], [1, 1, 1]).p).toBe(1);
    expect(mannWhitney([], [1]).p).toBe(1);
  });

  test('says of the same values in the other direction that they are not larger', () => {
    expect(mannWhitney(AT_TERM, EARLY).p).toBeGreaterThan(0.85);
  });
});

test("Hodges and Lehmann's shift is the published one, and its interval holds what is true 95 times in 100", () => {
  expect(hodgesLehmann(EARLY, AT_TERM).shift).toBeCloseTo(0.305, 3);
  const random = seededRandom(11);
  let held = 0;
  for (let run = 0; run < 400; run++) {
    const base = Array.from({ length: 30 }, () => normal(random));
    const head = Array.from({ length: 30 }, () => normal(random) + 0.5);
    const { low, high } = hodgesLehmann(base, head);
    if (low <= 0.5 && 0.5 <= high) held++;
  }
  expect(held).toBeGreaterThan(368);
  expect(held).toBeLessThan(396);
});

test("Holm's procedure gives the adjusted probabilities of its textbook example", () => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  expect(adjusted.map((p) => +p.toFixed(6))).toEqual([0.03, 0.06, 0.06, 0.02]);
});

test('quantiles of the normal distribution are those of the tables', () => {
  expect(quantileOf(0.975)).toBeCloseTo(1.959964, 4);
  expect(quantileOf(0.99)).toBeCloseTo(2.326348, 4);
  expect(quantileOf(0.5)).toBeCloseTo(0, 5);
});
