import type { RequestHandler } from 'express';
import { z } from 'zod';
import { type Database, sqlState } from './database.ts';
import { Problem } from './problem.ts';

const FOREIGN_KEY_VIOLATION = '23503';
const EXCLUSION_VIOLATION = '23P01';

const booking = z.strictObject({
  client_id: z.guid(),
  clinician_id: z.int32().positive(),
  /** With a time zone, from 2000 to 2100: PostgreSQL would refuse other years one by one. */
  starts_at: z.iso.datetime({ offset: true }).regex(/^20\d\d-/),
  minutes: z.int().min(5).max(480),
});

interface Appointment {
  id: string;
  client_id: string;
  clinician_id: number;
  starts_at: Date;
  minutes: number;
}

/** `POST /api/appointments`: `{ client_id, clinician_id, starts_at, minutes }` -> 201, the appointment, and where its chart is. */
export function bookAppointment({ query }: Pick<Database, 'query'>): RequestHandler {
  return async (req, res) => {
    const { client_id, clinician_id, starts_at, minutes } = booking.parse(req.body);
    try {
      const [appointment] = await query<Appointment>(
        `INSERT INTO appointments (client_id, clinician_id, starts_at, ends_at)
         SELECT $1, id, $3::timestamptz, $3::timestamptz + make_interval(mins => $4)
         FROM users WHERE id = $2 AND role = 'clinician'
         RETURNING id, client_id, clinician_id, starts_at, $4::int AS minutes`,
        [client_id, clinician_id, starts_at, minutes],
      );
      if (!appointment) throw new Problem('appointment_clinician_unknown');
      res.status(201).location(`/api/clients/${client_id}`).json(appointment);
    } catch (error) {
      const state = sqlState(error);
      if (state === EXCLUSION_VIOLATION) throw new Problem('appointment_overlap');
      if (state === FOREIGN_KEY_VIOLATION) throw new Problem('appointment_client_unknown');
      throw error;
    }
  };
}
