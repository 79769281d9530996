import { z } from 'zod';
import { FOREIGN_KEY_VIOLATION, type Query, sqlState } from './database.ts';
import { idOf } from './path-id.ts';
import { Problem } from './problem.ts';
import type { Answered, Visit } from './route.ts';

const EXCLUSION_VIOLATION = '23P01';
const BOOKINGS_LOCK = 7_313_003;
const DAY_MS = 86_400_000;
/** A month's sheet begins and ends in other months. */
const MAX_DAYS = 45;
const MAX_LISTED = 2000;

/** With a time zone, from 2000 to 2099: PostgreSQL would refuse other years one by one. */
const moment = z.iso.datetime({ offset: true }).regex(/^20\d\d-/);
const wholeSecond = moment.regex(/:\d\d(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/);

const booking = z.strictObject({
  client_id: z.guid().toLowerCase(),
  clinician_id: z.int32().positive(),
  starts_at: wholeSecond,
  minutes: z.int().min(5).max(480),
});

const change = z.strictObject({ state: z.enum(['booked', 'completed', 'cancelled', 'missed']) });

const listQuery = z
  .strictObject({
    from: moment,
    to: moment,
    clinician_id: z
      .string()
      .regex(/^[1-9]\d{0,8}$/)
      .transform(Number)
      .optional(),
  })
  .refine(({ from, to }) => {
    const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
    return days > 0 && days <= MAX_DAYS;
  });

export interface Appointment {
  readonly id: string;
  readonly client_id: string;
  readonly clinician_id: number;
  readonly starts_at: Date;
  readonly minutes: number;
  readonly state: 'booked' | 'completed' | 'cancelled' | 'missed';
}

/** An appointment among those of others: with the names that tell them apart. */
export interface ListedAppointment extends Appointment {
  readonly given_name: string;
  readonly family_name: string;
  readonly clinician: string;
}

const APPOINTMENT = `appointments.id, appointments.client_id, clinician_id, starts_at,
  (extract(epoch FROM ends_at - starts_at) / 60)::int AS minutes, appointments.state`;

/** Of one client, newest first. */
export function appointmentsOf(query: Query, client: string) {
  return query<Appointment & { clinician: string }>(
    `SELECT ${APPOINTMENT}, users.name AS clinician
     FROM appointments JOIN users ON users.id = clinician_id
     WHERE client_id = $1 ORDER BY starts_at DESC LIMIT 200`,
    [client],
  );
}

export interface Clinician {
  readonly id: number;
  readonly name: string;
}

/** Whom one can book. */
export const clinicians = (query: Query): Promise<Clinician[]> =>
  query<Clinician>("SELECT id, name FROM users WHERE role = 'clinician' AND active ORDER BY name, id");

/**
 * `GET /api/appointments?from=&to=&clinician_id=`: at most 45 days of one clinician or of all; `{ appointments, clinicians }`.
 */
export async function listAppointments({ request, answer }: Visit): Promise<Answered> {
  const { from, to, clinician_id } = listQuery.parse(request.query);
  return answer(async (query) => {
    const [appointments, all] = await Promise.all([
      query<ListedAppointment>(
        `SELECT ${APPOINTMENT}, given_name, family_name, users.name AS clinician
         FROM appointments JOIN clients ON clients.id = client_id JOIN users ON users.id = clinician_id
         WHERE starts_at >= $1 AND starts_at < $2 AND ($3::int IS NULL OR clinician_id = $3)
         ORDER BY starts_at, clinician_id LIMIT ${MAX_LISTED}`,
        [from, to, clinician_id],
      ),
      clinicians(query),
    ]);
    return { body: { appointments, clinicians: all } };
  });
}

/**
 * One booking of a clinician after the other: two at the same moment would each wait for the other's entry in the index, until
 * PostgreSQL ends one as a deadlock. That none overlap is what the constraint sees to.
 */
const lockBookings = (query: Query, clinician: number) =>
  query('SELECT pg_advisory_xact_lock($1, $2)', [BOOKINGS_LOCK, clinician]);

/** `POST /api/appointments`: `{ client_id, clinician_id, starts_at, minutes }` -> 201, and a mail to the client is on its way. */
export async function bookAppointment({ request, visitor, answer }: Visit): Promise<Answered> {
  const { client_id, clinician_id, starts_at, minutes } = booking.parse(request.body);
  const about = { client_id };
  return answer(async (query) => {
    try {
      await lockBookings(query, clinician_id);
      const [appointment] = await query<Appointment>(
        `INSERT INTO appointments (client_id, clinician_id, starts_at, ends_at, created_by)
         SELECT $1, id, $3::timestamptz, $3::timestamptz + make_interval(mins => $4), $5
         FROM users WHERE id = $2 AND role = 'clinician' AND active
         RETURNING ${APPOINTMENT}`,
        [client_id, clinician_id, starts_at, minutes, visitor.user.id],
      );
      if (!appointment) throw new Problem('appointment_clinician_unknown', about);
      await query(
        `INSERT INTO emails (client_id, appointment_id, kind, recipient, synthetic)
         SELECT id, $2, 'appointment_booked', email, synthetic FROM clients WHERE id = $1 AND email <> ''`,
        [client_id, appointment.id],
      );
      return {
        status: 201,
        location: `/api/clients/${client_id}`,
        body: appointment,
        audit: { client_id, resource_id: appointment.id },
      };
    } catch (error) {
      const state = sqlState(error);
      if (state === EXCLUSION_VIOLATION) throw new Problem('appointment_overlap', about);
      if (state === FOREIGN_KEY_VIOLATION) throw new Problem('appointment_client_unknown', about);
      throw error;
    }
  });
}

/** `PATCH /api/appointments/:id`: `{ state }` -> the appointment. What was cancelled can be booked again while the time is free. */
export async function changeAppointment({ request, answer }: Visit): Promise<Answered> {
  const id = idOf(request.params, 'appointment_unknown');
  const { state } = change.parse(request.body);
  return answer(async (query) => {
    const [before] = await query<{ client_id: string; clinician_id: number }>(
      'SELECT client_id, clinician_id FROM appointments WHERE id = $1',
      [id],
    );
    if (!before) throw new Problem('appointment_unknown');
    const { client_id, clinician_id } = before;
    try {
      await lockBookings(query, clinician_id);
      const [appointment] = await query<Appointment>(
        `UPDATE appointments SET state = $2 WHERE id = $1 RETURNING ${APPOINTMENT}`,
        [id, state],
      );
      return { body: appointment, audit: { client_id } };
    } catch (error) {
      if (sqlState(error) === EXCLUSION_VIOLATION) throw new Problem('appointment_overlap', { client_id });
      throw error;
    }
  });
}
