import { expect, test } from 'vitest';
import { ascending, quantile, quantileInterval } from './statistics.ts';

const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

test('a quantile is a value that was measured, by nearest rank', () => {
  expect(quantile(hundred, 0.5)).toBe(50);
  expect(quantile(hundred, 0.95)).toBe(95);
  expect(quantile(hundred, 1)).toBe(100);
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([], 0.95)).toBeNaN();
});

test('values ascend as numbers, and the given ones stay as they are', () => {
  const given = [10, 9, 100];
  expect(ascending(given)).toEqual([9, 10, 100]);
  expect(given).toEqual([10, 9, 100]);
});

test('of many samples, 95 % of the intervals hold the quantile of what they were drawn from', () => {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let held = 0;
  for (let trial = 0; trial < 1000; trial++) {
    const { low, high } = quantileInterval(ascending(Array.from({ length: 400 }, random)), 0.95);
    if (low <= 0.95 && 0.95 <= high) held++;
  }
  expect(held).toBeGreaterThan(930);
  expect(held).toBeLessThan(985);
});

test('too few values say nothing beyond themselves', () => {
  expect(quantileInterval([3, 8], 0.95)).toEqual({ low: 3, high: 8 });
});
