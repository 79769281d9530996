import { early } from './early.ts';
import { performanceMonitorOf } from './monitor.ts';

/** The page's own monitor: what it records goes to `/telemetry`, and `getStats` knows calls and page loads as well. */
export const performanceMonitor = performanceMonitorOf({ emit: early.record });

early.record = performanceMonitor.recordMetric;
