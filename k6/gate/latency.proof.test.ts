/** How often the comparison of latencies is wrong, over as many simulated runs as it takes to tell one in twenty. */
import { expect, test } from 'vitest';
import { calledSlower, failedSlower, failedTails, foundSlower } from './simulation.ts';

test('the same code is called slower in at most 5 % of a thousand runs', { timeout: 600_000 }, () => {
  expect(calledSlower(1000)).toBeLessThanOrEqual(50);
});

test('a quarter slower is found in at least 95 % of a hundred', { timeout: 600_000 }, () => {
  expect(foundSlower(100)).toBeGreaterThanOrEqual(95);
});

test('half as slow again fails in each of twenty', { timeout: 600_000 }, () => {
  expect(failedSlower(20)).toBe(20);
});

test('of a hundred tails of the same code at most one fails, and many would by the bare rule', {
  timeout: 600_000,
}, () => {
  const { failed, bare } = failedTails(100);
  expect(bare).toBeGreaterThan(8);
  expect(failed).toBeLessThanOrEqual(1);
});
