import { expect, test } from 'vitest';
import { withSection } from './marked-section.ts';
import { median, paired, significant } from './statistics.ts';

test('the median of pairs is not the pair of medians', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
  // Rounds on a machine that was slow twice: each time 10 % more, whatever the medians say.
  expect(paired([11, 55, 12.1], [10, 50, 11], (row, base) => row / base)).toBeCloseTo(1.1);
  expect(significant(123.456)).toBe(123);
});

test('a marked section is replaced, what is around it stays', () => {
  const text = 'before <!-- a --> old <!-- /a --> after';
  expect(withSection(text, 'a', 'new')).toBe('before <!-- a -->\n\nnew\n\n<!-- /a --> after');
  expect(withSection(withSection(text, 'a', 'x'), 'a', 'x')).toBe(withSection(text, 'a', 'x'));
  expect(() => withSection(text, 'b', 'new')).toThrow('no section between <!-- b --> and <!-- /b -->');
});
