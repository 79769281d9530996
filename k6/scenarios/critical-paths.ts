/** What a clinician does most, by up to a hundred at once. */
import type { Options } from 'k6/options';
import { type Clinician, clinicians, criticalPath } from './clinic.ts';
import { CRITICAL_STEPS, GRACE, stages, thresholds } from './shape.ts';

export const options: Options = {
  scenarios: {
    critical_paths: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: stages([120, 10], [300, 50], [120, 100], [300, 50], [120, 0]),
      gracefulRampDown: '45s',
      ...GRACE,
    },
  },
  thresholds: thresholds(...CRITICAL_STEPS),
};

export { handleSummary } from './shape.ts';
export const setup = clinicians;
export default (people: readonly Clinician[]) => criticalPath(people);
