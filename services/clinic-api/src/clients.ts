import { z } from 'zod';
import { appointmentsOf, clinicians } from './appointments.ts';
import { notesOf } from './clinical-notes.ts';
import type { Query } from './database.ts';
import { documentsOf } from './documents.ts';
import { PAGE_SIZE, page, rowsOf } from './paging.ts';
import { idOf } from './path-id.ts';
import { Problem } from './problem.ts';
import type { Answered, Visit } from './route.ts';

interface Named {
  readonly id: string;
  readonly given_name: string;
  readonly family_name: string;
  /** `YYYY-MM-DD`. */
  readonly born_on: string;
  readonly synthetic: boolean;
}

interface Client extends Named {
  readonly email: string;
  readonly phone: string;
  readonly address: string;
  readonly primary_clinician: string | null;
}

interface Medication {
  readonly id: string;
  readonly name: string;
  readonly dose: string;
  /** `YYYY-MM-DD`. */
  readonly started_on: string;
  readonly ended_on: string | null;
  readonly prescribed_by: string;
}

const MAX_WORDS = 4;

const listQuery = z.object({ search: z.string().trim().max(100).default(''), page });

/** A LIKE pattern for what begins with the text. */
const beginsWith = (text: string) => `${text.replace(/[\\%_]/g, '\\$&')}%`;

/** Each word must begin the given or the family name; each is looked up in an index of its own. */
export function searchCondition(search: string): { where: string; patterns: string[] } {
  const words = search
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS);
  const tests = words.map((_, index) => {
    const pattern = `lower($${index + 1})`;
    return `(lower(family_name) LIKE ${pattern} OR lower(given_name) LIKE ${pattern})`;
  });
  return { where: tests.length === 0 ? '' : `WHERE ${tests.join(' AND ')}`, patterns: words.map(beginsWith) };
}

/** `GET /api/clients?search=&page=`: 25 a page by name; each word of `search` begins a given or family name. */
export async function listClients({ request, answer }: Visit): Promise<Answered> {
  const { search, page: number } = listQuery.parse(request.query);
  // No name holds what PostgreSQL cannot store.
  const { where, patterns } = searchCondition(search.replaceAll('\0', '\u{fffd}'));
  return answer(async (query) => {
    const after = patterns.length;
    const [[count], clients] = await Promise.all([
      query<{ total: number }>(`SELECT count(*)::int AS total FROM clients ${where}`, patterns),
      query<Named>(
        `SELECT id, given_name, family_name, to_char(born_on, 'YYYY-MM-DD') AS born_on, synthetic
         FROM clients ${where} ORDER BY family_name, given_name, id LIMIT $${after + 1} OFFSET $${after + 2}`,
        [...patterns, ...rowsOf(number)],
      ),
    ]);
    return { body: { clients, page: number, page_size: PAGE_SIZE, total: count?.total ?? 0 } };
  });
}

const medicationsOf = (query: Query, client: string) =>
  query<Medication>(
    `SELECT medications.id, medications.name, dose, to_char(started_on, 'YYYY-MM-DD') AS started_on,
       to_char(ended_on, 'YYYY-MM-DD') AS ended_on, users.name AS prescribed_by
     FROM medications JOIN users ON users.id = prescribed_by
     WHERE client_id = $1 ORDER BY ended_on IS NOT NULL, started_on DESC LIMIT 200`,
    [client],
  );

/**
 * `GET /api/clients/:id`: the chart: who it is, appointments and documents (newest first), who can be booked; for a clinician
 * also `notes`, without their text, and `medications`.
 */
export async function showClient({ request, visitor, answer }: Visit): Promise<Answered> {
  const id = idOf(request.params, 'client_unknown');
  const clinical = visitor.user.role === 'clinician';
  return answer(async (query) => {
    const [[client], appointments, documents, all, notes, medications] = await Promise.all([
      query<Client>(
        `SELECT clients.id, given_name, family_name, to_char(born_on, 'YYYY-MM-DD') AS born_on, clients.email, phone, address,
           users.name AS primary_clinician, clients.synthetic
         FROM clients LEFT JOIN users ON users.id = primary_clinician_id WHERE clients.id = $1`,
        [id],
      ),
      appointmentsOf(query, id),
      documentsOf(query, id),
      clinicians(query),
      clinical ? notesOf(query, id) : undefined,
      clinical ? medicationsOf(query, id) : undefined,
    ]);
    if (!client) throw new Problem('client_unknown');
    return { body: { client, appointments, documents, clinicians: all, ...(clinical && { notes, medications }) } };
  });
}
