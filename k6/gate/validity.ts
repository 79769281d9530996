import type { Check } from './check.ts';

/** What a measurement was made of, with and on. */
export interface Identity {
  /** Of the files that define the load; undefined when the state has none. */
  readonly script: string | undefined;
  /** Of the rows that the seed made. */
  readonly seed: string;
  readonly machine: string;
  /** Endpoints that were asked. */
  readonly endpoints: readonly string[];
  /** What the clinic did not answer as it should in the warm-up. */
  readonly illness: string | undefined;
}

const differs = (subject: string, why: string): Check => ({ tier: 'T0', subject, verdict: 'inconclusive', why });

/** Whether both states ask the same; nothing when they do. */
export function scriptCheck(base: string | undefined, head: string | undefined): Check[] {
  if (base === undefined) {
    return [differs('script', 'The base has no load script, so there is no baseline yet. Bring the script in first.')];
  }
  if (base === head) return [];
  return [
    differs(
      'script',
      `The load script changed (${base}, now ${head ?? 'none'}): bring that change in on its own first.`,
    ),
  ];
}

/** T0: whether two measurements may be compared at all. Exactly one check, a pass, when they may. */
export function validity(base: Identity, head: Identity): Check[] {
  const checks = scriptCheck(base.script, head.script);
  if (base.seed !== head.seed) {
    checks.push(
      differs('seed', `The seed made other rows (${base.seed}, now ${head.seed}): what is asked for is not the same.`),
    );
  }
  if (base.machine !== head.machine) {
    checks.push(differs('machine', `Measured on different machines: ${base.machine}; ${head.machine}.`));
  }
  const missing = [
    ...base.endpoints.filter((name) => !head.endpoints.includes(name)),
    ...head.endpoints.filter((name) => !base.endpoints.includes(name)),
  ];
  if (missing.length > 0) checks.push(differs('endpoints', `Not asked on both sides: ${missing.join(', ')}.`));
  for (const [name, { illness }] of [
    ['base', base],
    ['head', head],
  ] as const) {
    if (illness !== undefined) checks.push(differs(name, `The clinic is not well: ${illness}.`));
  }
  return checks.length > 0
    ? checks
    : [
        {
          tier: 'T0',
          subject: 'validity',
          verdict: 'pass',
          why: `same script (${head.script}), same seed (${head.seed}), ${head.endpoints.length} endpoints, both healthy`,
        },
      ];
}
