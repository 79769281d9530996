/** Everybody at once, as after a power cut: sign-in is what costs most. */
import type { Options } from 'k6/options';
import { type Clinician, clinicians, criticalPath } from './clinic.ts';
import { CRITICAL_STEPS, GRACE, stages, thresholds } from './shape.ts';

export const options: Options = {
  scenarios: {
    spike: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: stages([60, 10], [15, 150], [60, 150], [15, 10], [120, 10], [15, 0]),
      gracefulRampDown: '45s',
      ...GRACE,
    },
  },
  thresholds: thresholds(...CRITICAL_STEPS),
};

export { handleSummary } from './shape.ts';
export const setup = clinicians;
export default (people: readonly Clinician[]) => criticalPath(people);
