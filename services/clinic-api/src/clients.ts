import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Database } from './database.ts';
import { Problem } from './problem.ts';

const PAGE_SIZE = 25;

interface Named {
  id: string;
  given_name: string;
  family_name: string;
  /** `YYYY-MM-DD`. */
  born_on: string;
  synthetic: boolean;
}

interface Appointment {
  id: string;
  starts_at: Date;
  minutes: number;
  clinician_id: number;
  clinician: string;
}

const listQuery = z.object({
  search: z.string().trim().max(100).default(''),
  page: z
    .string()
    .regex(/^[1-9]\d{0,4}$/)
    .default('1')
    .transform(Number),
});

/** A LIKE pattern for names that begin with the text. */
const beginsWith = (text: string) => `${text.replace(/[\\%_]/g, '\\$&')}%`;

/** `GET /api/clients?search=&page=`: 25 a page by name; `search` is the beginning of a given or family name. */
export function listClients({ query }: Pick<Database, 'query'>): RequestHandler {
  return async (req, res) => {
    const { search, page } = listQuery.parse(req.query);
    const where = 'WHERE family_name ILIKE $1 OR given_name ILIKE $1';
    const pattern = beginsWith(search);
    const [[count], clients] = await Promise.all([
      query<{ total: number }>(`SELECT count(*)::int AS total FROM clients ${where}`, [pattern]),
      query<Named>(
        `SELECT id, given_name, family_name, to_char(born_on, 'YYYY-MM-DD') AS born_on, synthetic
         FROM clients ${where} ORDER BY family_name, given_name, id LIMIT $2 OFFSET $3`,
        [pattern, PAGE_SIZE, (page - 1) * PAGE_SIZE],
      ),
    ]);
    res.json({ clients, page, page_size: PAGE_SIZE, total: count?.total ?? 0 });
  };
}

/** `GET /api/clients/:id`: the chart: who it is, the appointments (newest first), and who can be booked. */
export function showClient({ query }: Pick<Database, 'query'>): RequestHandler {
  return async (req, res) => {
    const id = z.guid().safeParse(req.params.id);
    if (!id.success) throw new Problem('client_unknown');
    const [[client], appointments, clinicians] = await Promise.all([
      query<Named & { email: string; phone: string }>(
        `SELECT id, given_name, family_name, to_char(born_on, 'YYYY-MM-DD') AS born_on, email, phone, synthetic
         FROM clients WHERE id = $1`,
        [id.data],
      ),
      query<Appointment>(
        `SELECT appointments.id, starts_at, (extract(epoch FROM ends_at - starts_at) / 60)::int AS minutes,
           clinician_id, users.name AS clinician
         FROM appointments JOIN users ON users.id = clinician_id
         WHERE client_id = $1 ORDER BY starts_at DESC LIMIT 200`,
        [id.data],
      ),
      query<{ id: number; name: string }>(`SELECT id, name FROM users WHERE role = 'clinician' ORDER BY name, id`),
    ]);
    if (!client) throw new Problem('client_unknown');
    res.json({ client, appointments, clinicians });
  };
}
