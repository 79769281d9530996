import { call, parameters, segment } from './api.ts';

export const STATES = {
  booked: 'Booked',
  completed: 'Completed',
  cancelled: 'Cancelled',
  missed: 'Missed',
} as const;
export type AppointmentState = keyof typeof STATES;

export interface Clinician {
  readonly id: number;
  readonly name: string;
}

export interface Appointment {
  readonly id: string;
  /** ISO 8601 with a zone. */
  readonly starts_at: string;
  readonly minutes: number;
  readonly clinician_id: number;
  /** The clinician's name. */
  readonly clinician: string;
  readonly state: AppointmentState;
}

export interface ScheduledAppointment extends Appointment {
  readonly client_id: string;
  /** The client's. */
  readonly given_name: string;
  readonly family_name: string;
}

export interface NewAppointment {
  readonly client_id: string;
  readonly clinician_id: number;
  readonly starts_at: string;
  readonly minutes: number;
}

export interface Schedule {
  readonly appointments: readonly ScheduledAppointment[];
  readonly clinicians: readonly Clinician[];
}

export const readSchedule = (from: Date, to: Date, clinicianId: number | undefined, signal: AbortSignal) =>
  call<Schedule>(
    `/api/appointments${parameters({ from: from.toISOString(), to: to.toISOString(), clinician_id: clinicianId })}`,
    { signal },
  );

export const createAppointment = (appointment: NewAppointment) =>
  call<unknown>('/api/appointments', { method: 'POST', body: appointment });

export const changeAppointment = (id: string, state: AppointmentState) =>
  call<unknown>(`/api/appointments/${segment(id)}`, { method: 'PATCH', body: { state } });
