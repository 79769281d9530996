import { expect, test } from 'vitest';
import { performanceMonitorOf } from './monitor.ts';

function monitor(options: { window?: number } = {}) {
  const emitted: [string, number][] = [];
  const clock = { ms: 0 };
  return {
    emitted,
    clock,
    monitor: performanceMonitorOf({ emit: (name, ms) => emitted.push([name, ms]), now: () => clock.ms, ...options }),
  };
}

test('a clock stops once', () => {
  const { monitor: it, clock, emitted } = monitor();
  const stop = it.startTiming('search');
  clock.ms = 12.5;
  expect(stop()).toBe(12.5);
  clock.ms = 99;
  expect(stop()).toBe(12.5);
  expect(emitted).toEqual([['search', 12.5]]);
});

test('slow is strictly longer than the limit of the metric', () => {
  const { monitor: it } = monitor();
  expect(it.recordMetric('page_load', 3000)).toBe(false);
  expect(it.recordMetric('page_load', 3000.1)).toBe(true);
  expect(it.recordMetric('render', 100.1)).toBe(true);
  expect(it.recordMetric('search', 1000)).toBe(false);
});

test('p95 is the nearest rank, and the window forgets the oldest', () => {
  const { monitor: it } = monitor({ window: 20 });
  for (let ms = 1000; ms > 0; ms--) it.recordMetric('search', ms);
  expect(it.getStats('search')).toEqual({ count: 20, min: 1, max: 20, avg: 10.5, p95: 19 });
  it.recordMetric('sign_in', 7);
  expect(it.getStats('sign_in')).toEqual({ count: 1, min: 7, max: 7, avg: 7, p95: 7 });
});

test('what is not a duration is counted and never thrown or sent', () => {
  const { monitor: it, emitted } = monitor();
  for (const bad of [Number.NaN, -1, Number.POSITIVE_INFINITY, '5', null, undefined, {}]) {
    expect(it.recordMetric('search', bad as number)).toBe(false);
  }
  expect(it.rejected).toBe(7);
  expect(emitted).toEqual([]);
  expect(it.getStats('search')).toBeUndefined();
});

test('a name that is not declared is recorded as other', () => {
  const { monitor: it, emitted } = monitor();
  it.recordMetric('Anna Example', 5);
  it.recordMetric('toString', 7);
  expect(emitted).toEqual([
    ['other', 5],
    ['other', 7],
  ]);
  expect(it.getStats('other')?.count).toBe(2);
});
