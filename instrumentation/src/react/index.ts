export { usePageLoad } from './use-page-load.ts';
export { type PerformanceTracking, usePerformanceTracking } from './use-performance-tracking.ts';
