import { expect, test } from 'vitest';
import { costSection, goals, type NodeResult, nodeSection } from './report.ts';
import results from './results/node.json' with { type: 'json' };

/** The last results with another throughput of lean, and another load on bare. */
function resultOf({ busy, ratio, low, high }: { busy: number; ratio: number; low: number; high: number }): NodeResult {
  const { variants, ...rest } = results as unknown as NodeResult;
  const throughput = { throughputRatio: ratio, throughputRatioLow: low, throughputRatioHigh: high };
  return {
    ...rest,
    variants: variants.map((row) => (row.variant === 'bare' ? { ...row, busy } : { ...row, ...throughput })),
  };
}
const [FULLY_LOADED, LEAN] = [{ busy: 0.97, ratio: 0.834, low: 0.79, high: 0.86 }, '0.83x (0.79 to 0.86)'];

test('throughput is told with its spread, and the goal is held against the median', () => {
  const result = resultOf(FULLY_LOADED);
  expect(costSection(result)).toContain(`| **lean** (default) | ${LEAN} |`);
  expect(nodeSection(result)).toContain('| bare Express | 1.00x |');
  expect(goals(result)[0]).toMatchObject({ value: LEAN, met: true });
  expect(goals(resultOf({ ...FULLY_LOADED, ratio: 0.79 }))[0]?.met).toBe(false);
});

test('it says so when the load generator was the limit', () => {
  const said = 'Bare used only 84 % of its core: the load generator was the limit';
  for (const section of [costSection, nodeSection]) {
    expect(section(resultOf({ ...FULLY_LOADED, busy: 0.837 }))).toContain(said);
    expect(section(resultOf(FULLY_LOADED))).not.toContain('the load generator was the limit');
  }
});

test('the results on file have all that is told of them', () => {
  expect(nodeSection(results as unknown as NodeResult)).not.toMatch(/undefined|NaN/);
});
