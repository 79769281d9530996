import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { normal } from '../gate/random.ts';
import { fitSteps, type Law, lawOf, passedTheKnee, peakOf, type Step, throughputOf } from './scalability.ts';

const LAW: Law = { lambda: 100, sigma: 0.02, kappa: 0.98 / 1600 };

const measured = (law: Law, users: readonly number[], random: () => number, noise = 0.03): Step[] =>
  users.map((count) => ({
    users: count,
    throughputs: Array.from({ length: 20 }, () => throughputOf(law, count) * (1 + noise * normal(random))),
  }));

test('finds the law that made the numbers', () => {
  const law = lawOf([1, 5, 10, 25, 50, 100].map((users) => ({ users, throughput: throughputOf(LAW, users) })));
  expect(law.lambda).toBeCloseTo(100, 6);
  expect(law.sigma).toBeCloseTo(0.02, 8);
  expect(law.kappa).toBeCloseTo(LAW.kappa, 10);
  expect(peakOf(law)).toBeCloseTo(40, 6);
});

// A ray tracer on up to 64 processors: Gunther, Guerrilla Capacity Planning (2007), also in R's package usl; σ near 0.05, κ near 1e-5.
test('comes close to the published fit of a ray tracer', () => {
  const steps = [
    [1, 20],
    [4, 78],
    [8, 130],
    [12, 170],
    [16, 190],
    [20, 200],
    [24, 210],
    [28, 230],
    [32, 260],
    [48, 280],
    [64, 310],
  ].map(([users, throughput]) => ({ users: users!, throughput: throughput! }));
  const law = lawOf(steps);
  expect(law.lambda).toBeGreaterThan(19);
  expect(law.lambda).toBeLessThan(25);
  expect(law.sigma).toBeGreaterThan(0.04);
  expect(law.sigma).toBeLessThan(0.07);
  expect(law.kappa).toBeLessThan(1e-4);
});

describe('beyond the knee', () => {
  test('gives the maximum, within an interval that holds the true one', () => {
    const random = seededRandom(1);
    let held = 0;
    for (let run = 0; run < 40; run++) {
      const { most, r2 } = fitSteps(measured(LAW, [1, 5, 10, 25, 50, 75, 100], random), random, 200);
      const truth = throughputOf(LAW, 40);
      expect(r2).toBeGreaterThan(0.9);
      expect(most!.users).toBeGreaterThan(30);
      expect(most!.users).toBeLessThan(50);
      if (most!.throughput.low <= truth && truth <= most!.throughput.high) held++;
    }
    expect(held).toBeGreaterThan(30);
  });

  test('a throughput that stays where it is counts as well', () => {
    const flat = [1, 2, 4, 8, 16, 32, 64].map((users) => ({ users, throughput: Math.min(400, 100 * users) }));
    expect(passedTheKnee(flat)).toMatch(/^from 32 to 64/);
    expect(peakOf({ lambda: 1, sigma: 0.1, kappa: 0 })).toBe(Number.POSITIVE_INFINITY);
  });
});

test('without the knee there is no maximum, however well the law fits', () => {
  const random = seededRandom(2);
  const { most, why } = fitSteps(measured(LAW, [1, 2, 4, 8, 16], random), random, 50);
  expect(most).toBeUndefined();
  expect(why).toMatch(/did not pass the knee/);
});

test('a law that does not explain what was seen gives none either', () => {
  const random = seededRandom(3);
  // As it was seen on a machine that others used for most of the time.
  const steps = [145, 157, 138, 103, 99, 355, 358].map((throughput, index) => ({
    users: 2 ** index,
    throughputs: [throughput, throughput * 1.1, throughput * 0.9],
  }));
  const { most, why, r2 } = fitSteps(steps, random, 50);
  expect(r2).toBeLessThan(0.5);
  expect(most).toBeUndefined();
  expect(why).toMatch(/explains only/);
});

test('three steps are too few', () => {
  expect(() => lawOf([1, 2, 3].map((users) => ({ users, throughput: users })))).toThrow('at least four');
});
