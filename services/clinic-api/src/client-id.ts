import { z } from 'zod';
import { Problem } from './problem.ts';

/** The client's id in a path; what has another shape is a client that does not exist. */
export function clientIdOf(params: Readonly<Record<string, unknown>>): string {
  const id = z.guid().toLowerCase().safeParse(params.id);
  if (!id.success) throw new Problem('client_unknown');
  return id.data;
}
