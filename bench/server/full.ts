export { counters, metrics, middleware, series, slow } from './lean.ts';
