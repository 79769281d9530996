import { expect, test } from 'vitest';
import { SeenBatches } from './seen-batches.ts';

test('a batch is new once', () => {
  const seen = new SeenBatches();
  expect([seen.add('a', 0), seen.add('a', 0), seen.add('a', 1), seen.add('b', 0)]).toEqual([true, false, true, true]);
});

test('memory is bounded: the page that was silent for longest is forgotten, and the oldest numbers of a page', () => {
  const seen = new SeenBatches({ pages: 2, perPage: 2 });
  seen.add('a', 0);
  seen.add('b', 0);
  seen.add('a', 1);
  seen.add('c', 0);
  expect(seen.size).toBe(2);
  expect(seen.add('a', 1)).toBe(false);
  seen.add('a', 2);
  expect(seen.add('a', 2)).toBe(false);
  expect(seen.add('a', 0)).toBe(true);
});
