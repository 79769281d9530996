import { expect, test } from 'vitest';
import type { Verdict } from './check.ts';
import { judgeThresholds, type ThresholdsResult } from './thresholds.ts';

const walk = (verdict: Verdict): ThresholdsResult => ({
  checks: [{ tier: 'T2', subject: 'http_req_duration', verdict, why: 'p(95)<1000: 1200 ms' }],
  errors: { requests: 100, errors: 0 },
});

test.each<[string, Verdict, Verdict | undefined, Verdict | undefined, Verdict]>([
  ['kept', 'pass', undefined, undefined, 'pass'],
  ['crossed twice, and kept by the base', 'fail', 'pass', 'fail', 'fail'],
  ['crossed once of two', 'fail', 'pass', 'pass', 'warn'],
  ['crossed by the base as well', 'fail', 'fail', 'fail', 'inconclusive'],
  ['not measured on the base', 'fail', 'inconclusive', 'fail', 'inconclusive'],
  ['not measured', 'inconclusive', undefined, undefined, 'inconclusive'],
])('%s', (_name, first, base, again, verdict) => {
  const checks = judgeThresholds({ first: walk(first), base: base && walk(base), again: again && walk(again) });
  expect(checks.map((check) => check.verdict)).toEqual([verdict]);
});
