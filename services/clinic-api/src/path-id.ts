import { z } from 'zod';
import { Problem, type ProblemCode } from './problem.ts';

const pathId = z.guid().toLowerCase();

/** The id in a path; what has another shape does not exist. */
export function idOf(params: Readonly<Record<string, unknown>>, unknown: ProblemCode): string {
  const id = pathId.safeParse(params.id);
  if (!id.success) throw new Problem(unknown);
  return id.data;
}
