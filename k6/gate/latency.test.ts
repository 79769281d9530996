import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { compareLatencies, latencyCheck, pairsOf, tailCheck, turns } from './latency.ts';
import { detectable, power } from './power.ts';
import { normal } from './random.ts';
import { mannWhitney } from './rank-test.ts';
import { calledSlower, failedSlower, failedTails, foundSlower, noisy } from './simulation.ts';

// The same over a thousand: test/proof/latency.test.ts.
describe('over simulated runs', () => {
  test('the same code is called slower in at most 5 %', () => {
    expect(calledSlower(100)).toBeLessThanOrEqual(5);
  });

  test('a quarter slower is found in at least 95 %, at the pairs that the pilot chose', () => {
    expect(foundSlower(20)).toBeGreaterThanOrEqual(19);
  });

  test('half as slow again is always found, and fails', () => {
    expect(failedSlower(4)).toBe(4);
  });
});

test('what is slower by less than can be felt is no failure', () => {
  const random = seededRandom(3);
  const base = Array.from({ length: 200 }, () => 0.5 * noisy(random, 1));
  const pairs = { base, head: base.map((ms) => ms * 1.4) };
  expect(compareLatencies(new Map([['GET /a', pairs]]))[0]!.verdict).toBe('warn');
});

describe('what two processes of one build may differ by', () => {
  const slower = (by: number, pairs: number) => {
    const random = seededRandom(23);
    const sample = (level: number) => Array.from({ length: pairs }, () => noisy(random, level));
    return compareLatencies(new Map([['GET /a', { base: sample(5), head: sample(5 * by) }]]))[0]!;
  };

  test('is no regression, however surely it is seen', () => {
    const { verdict, ratio, p } = slower(1.09, 1500);
    expect(ratio.low).toBeGreaterThan(1.05);
    expect(p).toBeLessThan(0.01);
    expect(verdict).toBe('pass');
  });

  test('is not taken for one when it cannot be told from one', () => {
    const { verdict, ratio, base, head } = slower(1.13, 60);
    expect(head).toBeGreaterThan(base);
    expect(ratio.ratio).toBeGreaterThan(1.1);
    expect(ratio.low).toBeGreaterThan(1);
    expect(verdict).toBe('pass');
  });
});

test('too few or too noisy pairs are inconclusive, not a pass, and the line says what they could have found', () => {
  const random = seededRandom(5);
  const wild = () => Array.from({ length: 12 }, () => Math.exp(1.5 * normal(random)));
  const [compared] = compareLatencies(new Map([['GET /a', { base: wild(), head: wild() }]]));
  expect(compared!.verdict).toBe('inconclusive');
  expect(latencyCheck(compared!).why).toMatch(/^too noisy to tell: .* finds (\d+\.\d\d×|nothing)$/);
});

test('the expected power is the one that happens', () => {
  const random = seededRandom(13);
  const pilot = Array.from({ length: 2000 }, () => Math.log(noisy(random, 5)));
  const shift = 0.15;
  const pairs = 60;
  const expected = power(pilot, shift, pairs, 0.01);
  let found = 0;
  for (let round = 0; round < 500; round++) {
    const sample = (by: number) => Array.from({ length: pairs }, () => Math.log(noisy(random, 5)) + by);
    if (mannWhitney(sample(0), sample(shift)).p < 0.01) found++;
  }
  expect(found / 500).toBeGreaterThan(expected - 0.08);
  expect(found / 500).toBeLessThan(expected + 0.08);
  expect(power(pilot, detectable(pilot, pairs, 0.01, 0.8), pairs, 0.01)).toBeCloseTo(0.8, 1);
});

test('a noisier pilot asks for more pairs', () => {
  const pilot = (spread: number) => {
    const random = seededRandom(17);
    return Array.from({ length: 200 }, () => Math.exp(spread * normal(random)));
  };
  const pairs = [0.1, 0.3, 0.5].map((spread) => pairsOf(pilot(spread), { endpoints: 10, most: 5000 }));
  expect(pairs[0]).toBe(60);
  expect(pairs[1]!).toBeLessThan(pairs[2]!);
  expect(pairsOf(pilot(0.5), { endpoints: 10, most: 100 })).toBe(100);
});

test('the rule about p95 fails on a tail that is longer, and not on one that may be by chance', () => {
  const random = seededRandom(19);
  const base = Array.from({ length: 300 }, () => noisy(random, 5));
  const tail = base.map((ms, index) => (index % 5 === 0 ? ms * 6 : ms));
  expect(tailCheck('GET /a', { base, head: tail }, random, 10).verdict).toBe('fail');
  const { failed, bare } = failedTails(25);
  // The bare rule calls the same code slower often.
  expect(bare).toBeGreaterThan(1);
  expect(failed).toBe(0);
});

test('the pairs of all endpoints are spread, in random order, and each side goes first as often', () => {
  const all = turns(
    new Map([
      ['a', 400],
      ['b', 100],
    ]),
    seededRandom(1),
  );
  expect(all.length).toBe(500);
  expect(all.filter(({ endpoint }) => endpoint === 'b').length).toBe(100);
  expect(all.slice(0, 250).filter(({ endpoint }) => endpoint === 'b').length).toBe(50);
  const first = all.filter((turn) => turn.first === 'base').length;
  expect(first).toBeGreaterThan(200);
  expect(first).toBeLessThan(300);
});
