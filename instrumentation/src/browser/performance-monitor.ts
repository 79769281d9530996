import { type Detail, early } from './early.ts';
import { performanceMonitorOf } from './monitor.ts';

const keep = early.record;

/** The page's own monitor: what it records goes to `/telemetry`, and `getStats` knows calls and page loads as well. */
export const performanceMonitor = performanceMonitorOf<Detail>({ emit: keep });

early.record = (n, ms, detail) => (detail?.i && !detail.mute ? performanceMonitor.recordMetric : keep)(n, ms, detail);
