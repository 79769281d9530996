/** A working morning: what grows, leaks or fills up shows in the report's curves of memory and connections. */
import type { Options } from 'k6/options';
import { type Clinician, clinicians, criticalPath } from './clinic.ts';
import { CRITICAL_STEPS, GRACE, stages, thresholds } from './shape.ts';

export const options: Options = {
  scenarios: {
    soak: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: stages([120, 30], [4 * 3600, 30], [60, 0]),
      gracefulRampDown: '45s',
      ...GRACE,
    },
  },
  thresholds: thresholds(...CRITICAL_STEPS),
};

export { handleSummary } from './shape.ts';
export const setup = clinicians;
export default (people: readonly Clinician[]) => criticalPath(people);
