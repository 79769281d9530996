import type { LOAD_STEPS } from '../catalogue/vocabulary.ts';

export type Step = (typeof LOAD_STEPS)[number];

/** What a step asks of the clinic: `METHOD /template`, and what a person would call it. */
export const STEPS: Readonly<Record<Step, { readonly route: string; readonly title: string }>> = {
  sign_in: { route: 'POST /auth', title: 'sign in' },
  list_clients: { route: 'GET /api/clients', title: 'list clients' },
  open_chart: { route: 'GET /api/clients/:id', title: 'open a chart' },
  create_appointment: { route: 'POST /api/appointments', title: 'create an appointment' },
  cancel_appointment: { route: 'PATCH /api/appointments/:id', title: 'cancel it again' },
  list_appointments: { route: 'GET /api/appointments', title: 'look at the schedule' },
  write_note: { route: 'POST /api/clinical-notes', title: 'write a note' },
  open_note: { route: 'GET /api/clinical-notes/:id', title: 'open a note' },
};
