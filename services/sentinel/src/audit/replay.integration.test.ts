import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { detectionReport, REPORT, replayAll } from './testing/detection-report.ts';

const ROOT = join(import.meta.dirname, '../../../..');

test('attacks are seen, and what only looks like one is left alone', { timeout: 600_000 }, async () => {
  const outcomes = await replayAll();
  for (const { scenario, falseAlarms } of outcomes.filter(({ scenario: { alarm } }) => alarm === undefined))
    expect([scenario.name, falseAlarms]).toEqual([scenario.name, []]);
  for (const { scenario, explanations } of outcomes)
    for (const explanation of Object.keys(scenario.explanations ?? {}))
      expect([scenario.name, ...explanations]).toContain(explanation);
  // Each attack is seen at least once; the weakest of them hide in what is usual, and the table says how many.
  for (const name of new Set(outcomes.filter(({ scenario }) => scenario.alarm).map(({ scenario }) => scenario.name)))
    expect([name, outcomes.some(({ scenario, detected }) => scenario.name === name && detected)]).toEqual([name, true]);
  expect(readFileSync(join(ROOT, REPORT), 'utf8')).toBe(detectionReport(outcomes));
});
