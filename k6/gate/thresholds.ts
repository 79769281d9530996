import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { engineProgram } from '../../stack/engines.mjs';
import type { Check } from './check.ts';
import type { Clinic } from './clinic.ts';
import type { Errors } from './error-rule.ts';

const summary = z.object({
  thresholds: z.array(
    z.object({ metric: z.string(), rule: z.string(), ok: z.boolean(), values: z.record(z.string(), z.number()) }),
  ),
});

/** What k6 ends with when a threshold was crossed; everything else that is not 0 says that nothing was measured. */
const THRESHOLDS_CROSSED = 99;

export interface ThresholdsOptions {
  readonly clinic: Clinic;
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
  const script = join(root, 'k6/scenarios/critical-paths.ts');
  if (!existsSync(script)) return inconclusive('There is no k6/scenarios/critical-paths.ts.');
  const folder = mkdtempSync(join(tmpdir(), 'clinic-gate-k6-'));
  try {
    const file = join(folder, 'summary.json');
    const password = join(folder, 'password');
    writeFileSync(password, clinic.password, { mode: 0o600 });
    const { PATH, HOME } = process.env;
    const k6 = spawn(
      engineProgram('k6'),
      ['run', '--quiet', '--no-color', '--no-usage-report', '--log-output=none', script],
      {
        env: {
          PATH,
          HOME,
          CLINIC_URL: clinic.url,
          PASSWORD_FILE: password,
          TIME_SCALE: String(timeScale),
          STARTED_AT: String(Date.now()),
          SUMMARY: file,
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    k6.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-600);
    });
    const [code] = (await once(k6, 'close')) as [number | null];
    if ((code !== 0 && code !== THRESHOLDS_CROSSED) || !existsSync(file)) {
      return inconclusive(`k6 ended with ${code} and measured nothing. ${said.replace(/\s+/g, ' ').trim()}`);
    }
    const { thresholds } = summary.parse(JSON.parse(readFileSync(file, 'utf8')));
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
    rmSync(folder, { recursive: true, force: true });
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
