import { LIMITS } from '@clinic/catalogue/limits';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { Histogram, Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { PerformanceMonitor } from './performance-monitor.ts';
import { contextOf } from './request.ts';
import { RequestSpan } from './request-span.ts';
import { UNKNOWN } from './routes.ts';
import type { SlowEvent } from './slow-events.ts';

function setup(metrics: readonly string[] = [...Object.keys(LIMITS), 'sign_in']) {
  const slow: SlowEvent[] = [];
  let clock = 0;
  const monitor = new PerformanceMonitor({
    slowEvents: { add: (event) => void slow.push(event) },
    metrics,
    window: 100,
    now: () => clock,
  });
  const advance = (ms: number) => {
    clock += ms;
  };
  return { monitor, slow, advance };
}

test.each([...Object.entries(LIMITS), ['sign_in', 1000], ['other', 1000]] as const)(
  '%s is slow above %i ms, not at it',
  (metric, limit) => {
    const { monitor, slow } = setup();
    expect(monitor.recordMetric(metric, limit)).toBe(false);
    expect(monitor.recordMetric(metric, limit + 2 ** -30)).toBe(true);
    expect(slow).toEqual([{ metric, durationMs: limit + 2 ** -30, thresholdMs: limit }]);
  },
);

test('statistics cover the last window; p95 is the nearest rank', () => {
  const { monitor } = setup();
  for (let i = 1; i <= 200; i++) monitor.recordMetric('database_query', i);
  expect(monitor.getStats('database_query')).toEqual({ count: 100, min: 101, max: 200, avg: 150.5, p95: 195 });
  expect(monitor.getStats('render')).toBeUndefined();
});

test('a name that was not declared is recorded as other, with its limit, and counted', () => {
  const { monitor, slow } = setup();
  monitor.recordMetric('jane_doe', 1001);
  expect(slow).toEqual([{ metric: 'other', durationMs: 1001, thresholdMs: 1000 }]);
  expect(monitor.getStats('jane_doe')).toEqual({ count: 1, min: 1001, max: 1001, avg: 1001, p95: 1001 });
  expect(monitor.counters).toEqual({ refused: 0, undeclared: 1 });
});

test('what is not a duration is refused and counted, never thrown', () => {
  const { monitor, slow } = setup();
  for (const bad of [Number.NaN, -1, Infinity, undefined, '5000', null, {}]) {
    expect(monitor.recordMetric('render', bad as number)).toBe(false);
  }
  expect(monitor.counters.refused).toBe(7);
  expect(monitor.getStats('render')).toBeUndefined();
  expect(slow).toEqual([]);
});

test('a timing stops once', () => {
  const { monitor, advance } = setup();
  const stop = monitor.startTiming('render');
  advance(40);
  expect(stop()).toBe(40);
  advance(1000);
  expect(stop()).toBe(40);
  expect(monitor.getStats('render')?.count).toBe(1);
});

test('every series exists at 0 from the start', async () => {
  const registry = new Registry();
  const histogram = new Histogram({
    name: 'd',
    help: 'd',
    labelNames: ['metric', 'source'],
    buckets: [1],
    registers: [registry],
  });
  new PerformanceMonitor({ slowEvents: { add: () => {} }, metrics: ['render'], histogram });
  const text = await registry.metrics();
  expect(text).toContain('d_count{metric="render",source="server"} 0');
  expect(text).toContain('d_count{metric="other",source="server"} 0');
});

test('a name that could hold a sentence is refused at the start', () => {
  expect(() => setup(['Jane Doe'])).toThrow(/not a name/);
});

test('what a synthetic request took is counted apart from what people waited for, and is slow all the same', async () => {
  const registry = new Registry();
  const histogram = new Histogram({
    name: 'duration_seconds',
    help: 'A duration.',
    labelNames: ['metric', 'source', 'user_agent_synthetic_type'],
    buckets: [1],
    registers: [registry],
  });
  const slow: SlowEvent[] = [];
  const slowEvents = { add: (event: SlowEvent) => void slow.push(event) };
  const monitor = new PerformanceMonitor({ slowEvents, histogram, metrics: ['api_call'] });
  const shared = {
    spans: { send() {}, dropped: { attribute: 0, event: 0, link: 0, status_message: 0, trace_state: 0, name: 0 } },
    buffer: { finish() {} },
    sampled: () => false,
    keepSlow: false,
  };
  const request = { route: UNKNOWN, span: new RequestSpan(shared, 'GET', undefined), synthetic: true, slow: false };
  monitor.recordMetric('api_call', 5);
  monitor.recordMetric('api_call', 1500, { request });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  onTestFinished(() => context.disable());
  context.with(contextOf(request), () => monitor.recordMetric('api_call', 7));
  const text = await registry.metrics();
  expect(text).toContain('duration_seconds_count{metric="api_call",source="server"} 1');
  expect(text).toContain(
    'duration_seconds_count{metric="api_call",source="server",user_agent_synthetic_type="test"} 2',
  );
  expect(slow).toHaveLength(1);
});
