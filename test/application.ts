/** A small application that records one slow page load and goes on living: `node application.ts COLLECTOR_URL`. */
import { startTelemetry } from '@clinic/instrumentation/node';

const { performanceMonitor } = await startTelemetry({
  service: 'clinic-api',
  version: '0.0.0',
  collector: process.argv[2] ?? '',
  managementListen: { host: '127.0.0.1', port: 0 },
  routes: { pages: ['/clients/:id'], api: [], other: [] },
  metrics: ['page_load'],
});
performanceMonitor.recordMetric('page_load', 3200);
process.stdout.write('recorded\n');
setInterval(() => {}, 1000);
