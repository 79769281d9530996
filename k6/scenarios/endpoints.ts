/** Every endpoint that has a baseline, evenly, by few users: what the endpoint costs, not what a queue does. It leaves notes. */
import type { Options } from 'k6/options';
import {
  type Clinician,
  clinicians,
  createAppointment,
  enter,
  listAppointments,
  listClients,
  openChart,
  think,
  writeAndOpenNote,
} from './clinic.ts';
import { CRITICAL_STEPS, GRACE, stages, thresholds } from './shape.ts';

export const options: Options = {
  scenarios: {
    endpoints: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: stages([20, 20], [180, 20], [10, 0]),
      gracefulRampDown: '45s',
      ...GRACE,
    },
  },
  thresholds: thresholds(...CRITICAL_STEPS, 'list_appointments', 'write_note', 'open_note'),
};

export { handleSummary } from './shape.ts';
export const setup = clinicians;

export default function (people: readonly Clinician[]): void {
  const visit = enter(people);
  if (!visit) {
    think();
    return;
  }
  listClients(visit);
  think();
  const client = openChart(visit);
  think();
  listAppointments(visit);
  think();
  createAppointment(visit, client);
  think();
  writeAndOpenNote(visit, client);
  think();
}
