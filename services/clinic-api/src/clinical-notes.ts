import { z } from 'zod';
import { FOREIGN_KEY_VIOLATION, type Query, sqlState } from './database.ts';
import { freeText } from './free-text.ts';
import { PAGE_SIZE, page, rowsOf } from './paging.ts';
import { idOf } from './path-id.ts';
import { Problem } from './problem.ts';
import type { Answered, Visit } from './route.ts';

const draft = z.strictObject({
  client_id: z.guid().toLowerCase(),
  kind: z.enum(['progress', 'intake', 'treatment_plan', 'phone']),
  body: freeText(20_000),
  appointment_id: z.guid().toLowerCase().optional(),
});

const listQuery = z.object({ page });

interface Note {
  readonly id: string;
  readonly kind: string;
  readonly written_at: Date;
  readonly author: string;
  readonly signed: boolean;
}

const NOTE = 'clinical_notes.id, kind, written_at, users.name AS author, signed_at IS NOT NULL AS signed';

/** Of one client, newest first, without their text. */
export const notesOf = (query: Query, client: string): Promise<Note[]> =>
  query<Note>(
    `SELECT ${NOTE} FROM clinical_notes JOIN users ON users.id = author_id
     WHERE client_id = $1 ORDER BY written_at DESC LIMIT 200`,
    [client],
  );

/** `GET /api/clinical-notes?page=`: one's own, unsigned first, then newest first; 25 a page. */
export async function listNotes({ request, visitor, answer }: Visit): Promise<Answered> {
  const { page: number } = listQuery.parse(request.query);
  return answer(async (query) => {
    const [[count], notes] = await Promise.all([
      query<{ total: number; unsigned: number }>(
        `SELECT count(*)::int AS total, (count(*) FILTER (WHERE signed_at IS NULL))::int AS unsigned
         FROM clinical_notes WHERE author_id = $1`,
        [visitor.user.id],
      ),
      query<Note & { client_id: string; given_name: string; family_name: string }>(
        `SELECT ${NOTE}, client_id, given_name, family_name
         FROM clinical_notes JOIN users ON users.id = author_id JOIN clients ON clients.id = client_id
         WHERE author_id = $1 ORDER BY signed_at IS NOT NULL, written_at DESC, clinical_notes.id LIMIT $2 OFFSET $3`,
        [visitor.user.id, ...rowsOf(number)],
      ),
    ]);
    const { total = 0, unsigned = 0 } = count ?? {};
    return { body: { notes, page: number, page_size: PAGE_SIZE, total, unsigned } };
  });
}

/** `POST /api/clinical-notes`: `{ client_id, kind, body, appointment_id? }` -> 201, the note, not yet signed. */
export async function writeNote({ request, visitor, answer }: Visit): Promise<Answered> {
  const { client_id, kind, body, appointment_id } = draft.parse(request.body);
  const about = { client_id };
  return answer(async (query) => {
    try {
      const [note] = await query<{ id: string; written_at: Date }>(
        `INSERT INTO clinical_notes (client_id, author_id, kind, body, appointment_id)
         SELECT $1, $2, $3, $4, $5::uuid
         WHERE $5::uuid IS NULL OR EXISTS (SELECT FROM appointments WHERE id = $5 AND client_id = $1)
         RETURNING id, written_at`,
        [client_id, visitor.user.id, kind, body, appointment_id],
      );
      if (!note) throw new Problem('note_appointment_unknown', about);
      return {
        status: 201,
        location: `/api/clinical-notes/${note.id}`,
        body: { ...note, client_id, kind, body, author: visitor.user.name, signed: false },
        audit: { client_id, resource_id: note.id },
      };
    } catch (error) {
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new Problem('note_client_unknown', about);
      throw error;
    }
  });
}

/** `GET /api/clinical-notes/:id`: the note with its text; `own`: whether it is the reader's to sign. */
export async function showNote({ request, visitor, answer }: Visit): Promise<Answered> {
  const id = idOf(request.params, 'note_unknown');
  return answer(async (query) => {
    const [note] = await query<Note & { client_id: string; body: string; author_id: number; signed_at: Date | null }>(
      `SELECT ${NOTE}, signed_at, body, author_id, appointment_id, client_id, given_name, family_name
       FROM clinical_notes JOIN users ON users.id = author_id JOIN clients ON clients.id = client_id
       WHERE clinical_notes.id = $1`,
      [id],
    );
    if (!note) throw new Problem('note_unknown');
    const { author_id, ...shown } = note;
    return { body: { ...shown, own: author_id === visitor.user.id }, audit: { client_id: note.client_id } };
  });
}

/** `POST /api/clinical-notes/:id/signature`: by its author, once; from then on nothing can change the note. */
export async function signNote({ request, visitor, answer }: Visit): Promise<Answered> {
  const id = idOf(request.params, 'note_unknown');
  return answer(async (query) => {
    const [note] = await query<{ client_id: string; author_id: number; signed_at: Date | null }>(
      'SELECT client_id, author_id, signed_at FROM clinical_notes WHERE id = $1 FOR UPDATE',
      [id],
    );
    if (!note) throw new Problem('note_unknown');
    const { client_id } = note;
    if (note.author_id !== visitor.user.id) throw new Problem('note_not_yours', { client_id });
    if (note.signed_at) throw new Problem('note_signed', { client_id });
    const [signed] = await query<{ signed_at: Date }>(
      'UPDATE clinical_notes SET signed_at = now() WHERE id = $1 RETURNING signed_at',
      [id],
    );
    return { body: { id, signed: true, signed_at: signed!.signed_at }, audit: { client_id } };
  });
}
