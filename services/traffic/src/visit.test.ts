import { expect, test } from 'vitest';
import { seededRandom } from './random.ts';
import { backoff, nextGap, nextVisit, slotStart } from './visit.ts';

const times = (count: number) => Array.from({ length: count });

test('the same seed makes the same visits, another seed others', () => {
  const visits = (seed: number) => {
    const random = seededRandom(seed);
    return times(50).map(() => nextVisit(random, { clinician: true }));
  };
  expect(visits(7)).toEqual(visits(7));
  expect(visits(7)).not.toEqual(visits(8));
});

test('visits mostly read, and book far away at a bounded number of times', () => {
  const random = seededRandom(1);
  const visits = times(100_000).map(() => nextVisit(random, { clinician: true }));
  const share = (kind: string) => visits.filter((visit) => visit.kind === kind).length / visits.length;
  expect(share('list')).toBeCloseTo(0.4, 1);
  expect(share('chart')).toBeCloseTo(0.39, 1);
  expect(share('schedule')).toBeCloseTo(0.1, 1);
  expect(share('note')).toBeCloseTo(0.1, 1);
  expect(share('book')).toBeGreaterThan(0.005);
  expect(share('book')).toBeLessThan(0.02);
  const starts = new Set(visits.flatMap((visit) => (visit.kind === 'book' ? [slotStart(visit.slot)] : [])));
  expect(starts.size).toBeLessThanOrEqual(480);
  expect([...starts].sort()[0]! > '2090').toBe(true);
  // Half an hour each: none overlaps another.
  const sorted = [...starts].map((start) => Date.parse(start)).sort((a, b) => a - b);
  expect(sorted.every((start, index) => index === 0 || start - sorted[index - 1]! >= 1_800_000)).toBe(true);
});

test('the front desk reads no notes', () => {
  const random = seededRandom(3);
  const kinds = new Set(times(10_000).map(() => nextVisit(random, { clinician: false }).kind));
  expect([...kinds].sort()).toEqual(['book', 'chart', 'list', 'schedule']);
});

test('gaps are uneven, and the asked number a minute in the mean', () => {
  const random = seededRandom(2);
  const gaps = times(10_000).map(() => nextGap(random, 60));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1_500);
  expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeCloseTo(1_000, -2);
});

test('waits grow from a second to a minute and stay there, never below half', () => {
  expect([1, 2, 3, 7, 50, 5_000].map((failures) => backoff(() => 1, failures))).toEqual([
    1_000, 2_000, 4_000, 60_000, 60_000, 60_000,
  ]);
  expect(backoff(() => 0, 3)).toBe(2_000);
});
