export interface Errors {
  readonly requests: number;
  readonly errors: number;
}

export interface ErrorVerdict {
  readonly fails: boolean;
  /** What the rule says without its guard. */
  readonly literal: boolean;
  readonly why: string;
}

/** So many errors more than expected, and so improbable, before half as many again is believed. */
const EXTRA = 5;
const Z = 2.33;

/**
 * "Errors grew by half", guarded: of two equal error rates with four errors expected the literal rule fails 27 %, so that at least
 * five more and a one-sided z above 2.33 (1 %) are asked for as well.
 */
export function errorRule(base: Errors, head: Errors): ErrorVerdict {
  const rate = ({ errors, requests }: Errors) => (requests === 0 ? 0 : errors / requests);
  const [before, after] = [rate(base), rate(head)];
  const expected = before * head.requests;
  const pooled = (base.errors + head.errors) / Math.max(1, base.requests + head.requests);
  const deviation = Math.sqrt(
    pooled * (1 - pooled) * (1 / Math.max(1, base.requests) + 1 / Math.max(1, head.requests)),
  );
  const z = deviation === 0 ? 0 : (after - before) / deviation;
  const literal = after > before * 1.5;
  const fails = literal && head.errors - expected >= EXTRA && z > Z;
  const counts = `${base.errors} of ${base.requests} before, ${head.errors} of ${head.requests} now, z ${z.toFixed(2)}`;
  return { fails, literal, why: literal && !fails ? `${counts}: too few to tell from chance` : counts };
}
