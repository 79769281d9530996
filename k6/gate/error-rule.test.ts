import { expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { errorRule } from './error-rule.ts';

test.each([
  ['1 against 2', { requests: 1000, errors: 1 }, { requests: 1000, errors: 2 }, false],
  ['none against 4', { requests: 1000, errors: 0 }, { requests: 1000, errors: 4 }, false],
  ['none against 12', { requests: 1000, errors: 0 }, { requests: 1000, errors: 12 }, true],
  ['20 against 45', { requests: 1000, errors: 20 }, { requests: 1000, errors: 45 }, true],
  ['20 against 29', { requests: 1000, errors: 20 }, { requests: 1000, errors: 29 }, false],
  ['as many of fewer requests', { requests: 4000, errors: 40 }, { requests: 1000, errors: 40 }, true],
  ['nothing asked', { requests: 0, errors: 0 }, { requests: 0, errors: 0 }, false],
])('%s', (_name, base, head, fails) => {
  expect(errorRule(base, head).fails).toBe(fails);
});

test('of equal rates it fails at most 1 %, where the bare rule fails often', () => {
  const random = seededRandom(1);
  for (const expected of [1, 4, 10, 50]) {
    const errors = () =>
      Array.from({ length: 1000 }, () => (random() < expected / 1000 ? 1 : 0)).reduce<number>((a, b) => a + b, 0);
    let [guarded, bare] = [0, 0];
    for (let run = 0; run < 1000; run++) {
      const { fails, literal } = errorRule({ requests: 1000, errors: errors() }, { requests: 1000, errors: errors() });
      if (fails) guarded++;
      if (literal) bare++;
    }
    expect(guarded).toBeLessThanOrEqual(12);
    if (expected <= 4) expect(bare).toBeGreaterThan(150);
  }
}, 30_000);
