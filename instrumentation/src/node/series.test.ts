import { Histogram } from 'prom-client';
import { expect, test } from 'vitest';
import { openMetricsRegistry } from './management.ts';
import { Series } from './series.ts';

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

function histogram() {
  const registry = openMetricsRegistry();
  const made = new Histogram({
    name: 'duration_seconds',
    help: 'A duration.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.1, 1, 2.5],
    enableExemplars: true,
    registers: [registry],
  });
  return { made, text: async () => (await registry.metrics()).replace(/(\} \S+) \d+\.?\d*$/gm, '$1') };
}

test('a series counts what prom-client itself would count, exemplars included', async () => {
  const own = histogram();
  const theirs = histogram();
  const series = new Series(own.made, { route: '/a', status: 200 });
  for (const [index, value] of [0, 0.005, 0.0050001, 0.1, 0.7, 1, 2.5, 3, 900].entries()) {
    const exemplar = index % 2 ? TRACE : undefined;
    series.observe(value, exemplar);
    theirs.made.observe({
      labels: { route: '/a', status: 200 },
      value,
      ...(exemplar
        ? { exemplarLabels: { trace_id: exemplar.traceId, span_id: exemplar.spanId } as Record<string, string> }
        : {}),
    });
  }
  expect(await own.text()).toContain('trace_id="0af7651916cd43dd8448eb211c80319c"');
  expect(await own.text()).toBe(await theirs.text());
});

test('a series goes on from where it is, however it was made', async () => {
  const { made, text } = histogram();
  made.observe({ labels: { route: '/a', status: '200' }, value: 1 });
  new Series(made, { route: '/a', status: 200 }).observe(1);
  new Series(made, { route: '/a', status: 200 }).observe(1);
  new Series(made, { route: '/b', status: 200 });
  expect(await text()).toContain('duration_seconds_count{route="/a",status="200"} 3');
  expect(await text()).toContain('duration_seconds_count{route="/b",status="200"} 0');
});

test('a series with a label more is another one', async () => {
  const { made, text } = histogram();
  const more = new Series(made, { route: '/a', status: 200 });
  new Series(made, { route: '/a' }).observe(1);
  more.observe(1);
  more.observe(1);
  expect(await text()).toContain('duration_seconds_count{route="/a"} 1');
  expect(await text()).toContain('duration_seconds_count{route="/a",status="200"} 2');
});
