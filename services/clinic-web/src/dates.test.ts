import { expect, test } from 'vitest';
import { ageOf, instantOf, nextWorkingDay } from './dates.ts';

test('the age changes on the birthday', () => {
  expect(ageOf('1990-06-15', new Date(2026, 5, 14))).toBe(35);
  expect(ageOf('1990-06-15', new Date(2026, 5, 15))).toBe(36);
  expect(ageOf('1990-06-15', new Date(2026, 0, 31))).toBe(35);
});

test('the next working day skips the weekend', () => {
  expect(nextWorkingDay(new Date(2026, 0, 8))).toBe('2026-01-09');
  expect(nextWorkingDay(new Date(2026, 0, 9))).toBe('2026-01-12');
  expect(nextWorkingDay(new Date(2026, 0, 31))).toBe('2026-02-02');
});

test('a date that cannot be is no instant', () => {
  expect(instantOf('2026-01-09', '09:30')).toBe(new Date(2026, 0, 9, 9, 30).toISOString());
  expect(instantOf('', '09:30')).toBeUndefined();
  expect(instantOf('2026-01-09', '')).toBeUndefined();
});
