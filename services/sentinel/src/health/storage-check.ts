import { z } from 'zod';
import { httpGet } from '../http-get.ts';
import type { Probe } from './check.ts';

const answer = z.object({ status: z.enum(['up', 'down']) });

/**
 * Asks the clinic to write a file, read it back and delete it: only the clinic has the right to, and only it knows that the
 * store it uses is the one that works. Sentinel itself reads the documents and writes none.
 */
export function storageProbe(clinicUrl: string): Probe {
  return async (signal) => {
    const { status, body } = await httpGet(`${clinicUrl}/api/health/storage`, signal);
    if (status !== 200 && status !== 503) return { state: 'unknown', message: `The clinic answers ${status}.` };
    let said: unknown;
    try {
      said = JSON.parse(body);
    } catch {}
    const parsed = answer.safeParse(said);
    if (!parsed.success)
      return { state: 'down', message: `The clinic answers ${status} with a body that says nothing.` };
    if (status === 200 && parsed.data.status === 'up') {
      return { state: 'healthy', message: 'Written, read back, deleted.' };
    }
    return { state: 'down', message: 'The clinic cannot write a document, or not read it back.' };
  };
}
