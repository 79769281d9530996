import { type ExemptRoute, type RecordedRoute, visitorOf } from './route.ts';
import { endSession } from './sessions.ts';

/** `GET /api/session` -> `{ user, scope, second_factor, expires_at }`: who the token belongs to. */
export const showSession: ExemptRoute['serve'] = (request, response) => {
  const { user, scope, secondFactor, expiresAt } = visitorOf(request);
  response.json({ user, scope, second_factor: secondFactor, expires_at: expiresAt });
};

/** `DELETE /auth` -> 204; the token is worth nothing from then on. */
export const signOut: RecordedRoute['handler'] = ({ visitor, answer }) =>
  answer(async (query) => {
    await endSession(query, visitor.tokenHash);
    return { status: 204 };
  });
