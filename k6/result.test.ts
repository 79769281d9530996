import { expect, test } from 'vitest';
import { measured, slowestSamples, stepResults, timelineOf } from './result.ts';
import type { Sample } from './samples.ts';

const sample = (step: Sample['step'], ms: number, more: Partial<Sample> = {}): Sample => ({
  ...{ at: 1000, step, ms, status: 200, good: true, bytes: 10, trace: `${step}${ms}`, users: 1 },
  ...more,
});

test('what only prepares the test is not measured', () => {
  expect(measured([sample('sign_in', 9, { users: 0 }), sample('sign_in', 8)]).map(({ ms }) => ms)).toEqual([8]);
});

test('each step by itself, in the order of a visit; failures count and are timed', () => {
  const samples = [
    ...Array.from({ length: 100 }, (_, index) => sample('list_clients', index + 1)),
    sample('sign_in', 40, { good: false, status: 429 }),
  ];
  expect(stepResults(samples)).toEqual([
    { step: 'sign_in', count: 1, failed: 1, p50: 40, p95: 40, p99: 40, max: 40, bytes: 10 },
    { step: 'list_clients', count: 100, failed: 0, p50: 50, p95: 95, p99: 99, max: 100, bytes: 10 },
  ]);
});

test('the slowest of all, and of each step, each once', () => {
  const samples = [sample('open_chart', 1), sample('sign_in', 90), sample('sign_in', 80), sample('sign_in', 70)];
  expect(slowestSamples(samples, 2).map(({ ms }) => ms)).toEqual([90, 80, 1]);
});

test('a long test has no more than a hundred slices, and none is lost', () => {
  const samples = Array.from({ length: 5000 }, (_, index) =>
    sample('open_chart', 1, { at: index * 200, users: index }),
  );
  const timeline = timelineOf(samples);
  expect(timeline.length).toBeLessThanOrEqual(100);
  expect(timeline.reduce((sum, { perSecond }) => sum + perSecond * 10, 0)).toBe(5000);
  expect(timeline.at(-1)!.users).toBe(4999);
  expect(timelineOf([])).toEqual([]);
});
