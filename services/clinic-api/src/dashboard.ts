import { appointmentsBetween } from './appointments.ts';
import type { Answered, Visit } from './route.ts';

const DAY_MS = 86_400_000;

/**
 * `GET /api/dashboard`: `today`, appointments of this day in UTC: one's own for a clinician, all for the front desk, none for an
 * administrator; `unsigned_notes` of a clinician; `emails_undelivered`: deferred, bounced or still queued, of the last seven days.
 */
export async function showDashboard({ visitor, answer }: Visit): Promise<Answered> {
  const { id, role } = visitor.user;
  const from = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const to = new Date(from.getTime() + DAY_MS);
  return answer(async (query) => {
    const [today, [notes], [emails]] = await Promise.all([
      role === 'admin'
        ? []
        : appointmentsBetween(query, { from, to, clinician: role === 'clinician' ? id : undefined }),
      query<{ count: number }>(
        'SELECT count(*)::int AS count FROM clinical_notes WHERE author_id = $1 AND signed_at IS NULL',
        [id],
      ),
      query<{ count: number }>(
        `SELECT count(*)::int AS count FROM emails
         WHERE changed_at > now() - interval '7 days' AND state IN ('queued', 'deferred', 'bounced')`,
      ),
    ]);
    return { body: { today, unsigned_notes: notes?.count ?? 0, emails_undelivered: emails?.count ?? 0 } };
  });
}
