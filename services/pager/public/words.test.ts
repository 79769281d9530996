import { describe, expect, it } from 'vitest';
import { clock, duration, took } from './words.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('words', () => {
  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [MINUTE, '1 min'],
    [59 * MINUTE + 59_999, '59 min'],
    [HOUR, '1 h'],
    [2 * HOUR + 5 * MINUTE, '2 h 5 min'],
    [24 * HOUR, '1 d'],
    [76 * HOUR, '3 d 4 h'],
  ])('%d ms is %s', (ms, words) => {
    expect(duration(ms)).toBe(words);
  });

  it.each([
    [0, '0 s'],
    [812, '0.81 s'],
    [3421.4, '3.42 s'],
    [3000, '3 s'],
    [12_345, '12 s'],
    [240_000, '4 min'],
  ])('what took %d ms took %s', (ms, words) => {
    expect(took(ms)).toBe(words);
  });

  it('names the day when it is not today', () => {
    const at = new Date(2026, 10, 22, 3, 7, 9).getTime();
    expect(clock(at, { now: at + HOUR })).toBe('03:07');
    expect(clock(at, { now: at + HOUR, seconds: true })).toBe('03:07:09');
    expect(clock(at, { now: at + 24 * HOUR })).toBe('Sun 22 Nov 03:07');
  });
});
