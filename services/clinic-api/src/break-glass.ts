import { z } from 'zod';
import { FOREIGN_KEY_VIOLATION, sqlState } from './database.ts';
import { idOf } from './path-id.ts';
import { Problem } from './problem.ts';
import type { Answered, Visit } from './route.ts';

const body = z.strictObject({ reason: z.enum(['emergency', 'covering_colleague', 'client_request', 'legal_duty']) });

/** `POST /api/clients/:id/break-glass`: `{ reason }` -> 201; explains for one hour why this clinician opens this chart. */
export async function breakGlass({ request, visitor, answer }: Visit): Promise<Answered> {
  const client_id = idOf(request.params, 'client_unknown');
  const { reason } = body.parse(request.body);
  return answer(async (query) => {
    try {
      const [broken] = await query<{ id: string; ends_at: Date }>(
        `INSERT INTO break_glass (user_id, client_id, reason, ends_at)
         VALUES ($1, $2, $3, now() + interval '1 hour') RETURNING id, ends_at`,
        [visitor.user.id, client_id, reason],
      );
      return { status: 201, body: { ...broken, reason }, audit: { reason, resource_id: broken!.id } };
    } catch (error) {
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new Problem('client_unknown');
      throw error;
    }
  });
}
