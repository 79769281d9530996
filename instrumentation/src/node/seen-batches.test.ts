import { expect, test } from 'vitest';
import { type SeenBatch, SeenBatches } from './seen-batches.ts';

const NOW = 1_000_000;
const batch = (id: string, sequence: number, more: Partial<SeenBatch> = {}): SeenBatch => ({
  id,
  sequence,
  count: 1,
  before: sequence,
  began: NOW,
  ...more,
});
const seen = (options = {}) => new SeenBatches({ settleMs: 1000, since: NOW, ...options });

test('a batch is new once', () => {
  const it = seen();
  const add = (id: string, sequence: number) => it.add(batch(id, sequence), NOW);
  expect([add('a', 0), add('a', 0), add('a', 1), add('b', 0)]).toEqual([true, false, true, true]);
});

test('memory is bounded: the visit that was silent for longest is forgotten, and the oldest numbers of a visit', () => {
  const it = seen({ visits: 2, perVisit: 2 });
  const add = (id: string, sequence: number) => it.add(batch(id, sequence), NOW);
  add('a', 0);
  add('b', 0);
  add('a', 1);
  add('c', 0);
  expect(it.size).toBe(2);
  expect(add('a', 1)).toBe(false);
  add('a', 2);
  expect(add('a', 2)).toBe(false);
  expect(add('a', 0)).toBe(true);
});

test('what is missing between batches is lost, once, when the visit has been silent for long', () => {
  const it = seen();
  it.add(batch('a', 0, { count: 3, before: 0 }), NOW);
  it.add(batch('a', 2, { count: 1, before: 10 }), NOW);
  expect(it.settle(NOW + 999)).toBe(0);
  expect(it.settle(NOW + 1000)).toBe(7);
  expect(it.settle(NOW + 2000)).toBe(0);
});

test('what comes late is not lost, and neither is what came twice', () => {
  const it = seen();
  it.add(batch('a', 2, { count: 1, before: 10 }), NOW);
  it.add(batch('a', 0, { count: 3, before: 0 }), NOW);
  it.add(batch('a', 1, { count: 7, before: 3 }), NOW + 500);
  it.add(batch('a', 1, { count: 7, before: 3 }), NOW + 600);
  expect(it.settle(NOW + 5000)).toBe(0);
});

test('a visit that is forgotten is settled first', () => {
  const it = seen({ visits: 1 });
  it.add(batch('a', 1, { count: 1, before: 4 }), NOW);
  it.add(batch('b', 0), NOW);
  expect(it.settle(NOW)).toBe(4);
});

test('of a visit that is older than this process, only gaps that it saw itself are lost', () => {
  const it = seen();
  it.add(batch('a', 7, { count: 2, before: 90, began: NOW - 1 }), NOW);
  it.add(batch('a', 9, { count: 2, before: 95, began: NOW - 1 }), NOW);
  expect(it.settle(NOW + 1000)).toBe(3);
});

test('what the browser gave up is lost at once, but not if it had come, and not a second time as a gap', () => {
  const it = seen();
  it.add(batch('a', 0, { count: 2, before: 0 }), NOW);
  it.add(batch('a', 2, { count: 1, before: 5 }), NOW);
  expect(it.giveUp('a', 0, 2, NOW)).toBe(0);
  expect(it.giveUp('a', 1, 3, NOW)).toBe(3);
  expect(it.giveUp('a', 1, 3, NOW)).toBe(0);
  expect(it.settle(NOW + 5000)).toBe(0);
});
