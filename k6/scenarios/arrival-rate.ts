/**
 * Visits that begin whether or not earlier ones are over, as people do. Users who wait for their answers before they ask again
 * would spare a slow clinic, and make it look faster than it is.
 */
import type { Options } from 'k6/options';
import { type Clinician, clinicians, criticalPath } from './clinic.ts';
import { CRITICAL_STEPS, GRACE, stages, thresholds } from './shape.ts';

export const options: Options = {
  scenarios: {
    arrival_rate: {
      executor: 'ramping-arrival-rate',
      startRate: 1,
      timeUnit: '1s',
      preAllocatedVUs: 120,
      maxVUs: 300,
      stages: stages([60, 4], [120, 8], [180, 12], [60, 1]),
      ...GRACE,
    },
  },
  // A visit that could not begin was not measured: too many of them, and the test says nothing.
  thresholds: { ...thresholds(...CRITICAL_STEPS), dropped_iterations: ['count<10'] },
};

export { handleSummary } from './shape.ts';
export const setup = clinicians;
export default (people: readonly Clinician[]) => criticalPath(people);
