import { join } from 'node:path';
import { generate, THRESHOLDS_CROSSED } from '../generator.ts';
import type { Check } from './check.ts';
import type { Clinic } from './clinic.ts';
import type { Errors } from './error-rule.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ThresholdsOptions {
  readonly clinic: Pick<Clinic, 'url' | 'passwordFile'>;
  /** The repository whose script is run. */
  readonly root: string;
  /** Share of the scenario's sixteen minutes. */
  readonly timeScale: number;
}

export interface ThresholdsResult {
  readonly checks: Check[];
  readonly errors: Errors;
}

const inconclusive = (why: string): ThresholdsResult => ({
  checks: [{ tier: 'T2', subject: 'critical-paths', verdict: 'inconclusive', why }],
  errors: { requests: 0, errors: 0 },
});

/** The critical paths with up to a hundred users, against the thresholds of the script itself. */
export async function checkThresholds({ clinic, root, timeScale }: ThresholdsOptions): Promise<ThresholdsResult> {
  const folder = temporaryFolder('clinic-gate-k6-');
  try {
    const { exitCode, thresholds, complaint } = await generate({
      script: join(root, 'k6/scenarios/critical-paths.ts'),
      target: { clinic: clinic.url, passwordFile: clinic.passwordFile },
      folder: folder.path,
      timeScale,
    });
    if (!thresholds || (exitCode !== 0 && exitCode !== THRESHOLDS_CROSSED)) {
      return inconclusive(`k6 ended with ${exitCode} and measured nothing. ${complaint.replace(/\s+/g, ' ')}`);
    }
    const failed = thresholds.find(({ metric }) => metric === 'http_req_failed')?.values;
    const shown = (values: Readonly<Record<string, number>>) =>
      values['p(95)'] === undefined ? `${((values.rate ?? 0) * 100).toFixed(2)} %` : `${values['p(95)'].toFixed(0)} ms`;
    return {
      checks: thresholds.map(({ metric, rule, ok, values }) => ({
        tier: 'T2',
        subject: metric,
        verdict: ok ? 'pass' : 'fail',
        why: `${rule}: ${shown(values)}`,
      })),
      // Of a rate, k6 calls those "passes" for which it is true: here requests that failed.
      errors: { requests: (failed?.passes ?? 0) + (failed?.fails ?? 0), errors: failed?.passes ?? 0 },
    };
  } finally {
    folder.remove();
  }
}

export interface Walks {
  /** Of the head. */
  readonly first: ThresholdsResult;
  /** Of the base, and of the head once more: present when the first crossed a threshold. */
  readonly base?: ThresholdsResult | undefined;
  readonly again?: ThresholdsResult | undefined;
}

/**
 * T2. A threshold that the head crosses, and crosses again, and the base does not, is a failure. One that the base crosses as well
 * says that this machine is too slow or too busy, and nothing of the change.
 */
export function judgeThresholds({ first, base, again }: Walks): Check[] {
  const verdictOf = (result: ThresholdsResult | undefined, { subject }: Check) =>
    result?.checks.find((check) => check.subject === subject)?.verdict;
  return first.checks.map((check): Check => {
    if (check.verdict !== 'fail') return check;
    if (verdictOf(base, check) !== 'pass') {
      return { ...check, verdict: 'inconclusive', why: `${check.why}; but the base does not keep it here either` };
    }
    if (verdictOf(again, check) === 'pass')
      return { ...check, verdict: 'warn', why: `${check.why}; kept the second time` };
    return { ...check, why: `${check.why}, twice; the base keeps it` };
  });
}
