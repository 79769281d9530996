import { readFileSync } from 'node:fs';
import type { Target } from './target.ts';

const ACCOUNT = 'clinician@clinic.example';

/**
 * Cancels appointments that a test made and could not cancel itself. Resolves with how many. Rejects with a sentence for a person
 * when some stay.
 */
export async function leaveClean({ clinic, passwordFile }: Target, appointments: readonly string[]): Promise<number> {
  if (appointments.length === 0) return 0;
  const headers = { 'content-type': 'application/json', 'x-synthetic': '1' };
  let left = appointments.length;
  try {
    const password = readFileSync(passwordFile, 'utf8').trim();
    const entered = await fetch(`${clinic}/auth`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ email: ACCOUNT, password }),
    });
    const { access_token } = (await entered.json()) as { access_token: string };
    for (const id of appointments) {
      const { ok } = await fetch(`${clinic}/api/appointments/${id}`, {
        method: 'PATCH',
        headers: { ...headers, authorization: `Bearer ${access_token}` },
        body: JSON.stringify({ state: 'cancelled' }),
      });
      if (ok) left--;
    }
  } catch {
    // The clinic is away: said below.
  }
  if (left > 0) {
    throw new Error(`${left} appointments of the test could not be cancelled. They lie in the years 2094 to 2098.`);
  }
  return appointments.length;
}
