import { startTelemetry } from '@clinic/instrumentation/node';
import { Histogram } from 'prom-client';

const { COLLECTOR = '', RATIO = '0.1', KEEP_SLOW = 'true', VARIANT } = process.env;

const telemetry = await startTelemetry({
  service: 'clinic-api',
  version: '0.1.0',
  profile: VARIANT === 'full' ? 'full' : 'lean',
  collector: COLLECTOR,
  managementListen: { host: '127.0.0.1', port: 0 },
  routes: { pages: ['/'], api: ['/api/orders', '/api/orders/:id', '/api/orders/:id/items'] },
  metrics: ['api_call', 'database_query'],
  sampleRatio: Number(RATIO),
  keepSlow: KEEP_SLOW === 'true',
});
export const { middleware } = telemetry;
export const slow = (count: number): void => {
  for (let index = 0; index < count; index++) telemetry.performanceMonitor.recordMetric('database_query', 501 + index);
};
export const metrics = () => telemetry.registry.metrics();
export const counters = async () => {
  const { values } = await telemetry.registry.getSingleMetric('telemetry_items_total')!.get();
  return Object.fromEntries(
    values.filter(({ labels }) => labels.kind === 'span').map(({ labels, value }) => [labels.outcome, value]),
  );
};

const many = new Histogram({
  name: 'many_seconds',
  help: 'As many series as wanted.',
  labelNames: ['route', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 3, 5, 10],
  registers: [telemetry.registry],
});
export const series = (count: number): void => {
  many.reset();
  for (let index = 0; index < count; index++)
    many.observe({ route: `/route-${index >> 2}`, status: index & 3 }, index % 7);
};
