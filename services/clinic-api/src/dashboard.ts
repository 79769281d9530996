import type { Answered, Visit } from './route.ts';

/** `GET /api/dashboard`: `unsigned_notes` of one's own; `emails_undelivered`: deferred, bounced or still queued, of the last seven days. */
export async function showDashboard({ visitor, answer }: Visit): Promise<Answered> {
  return answer(async (query) => {
    const [[notes], [emails]] = await Promise.all([
      query<{ count: number }>(
        'SELECT count(*)::int AS count FROM clinical_notes WHERE author_id = $1 AND signed_at IS NULL',
        [visitor.user.id],
      ),
      query<{ count: number }>(
        `SELECT count(*)::int AS count FROM emails
         WHERE changed_at > now() - interval '7 days' AND state IN ('queued', 'deferred', 'bounced')`,
      ),
    ]);
    return { body: { unsigned_notes: notes?.count ?? 0, emails_undelivered: emails?.count ?? 0 } };
  });
}
