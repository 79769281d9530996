import { expect, test } from 'vitest';
import type { ScheduledAppointment } from './appointments.ts';
import { momentOf, moved, placeIn, sheetOf } from './schedule.ts';

const day = new Date(2026, 0, 5);
const column = { clinicianId: 1, day };
const at = (hour: number, minute: number, minutes: number, more: Partial<ScheduledAppointment> = {}) =>
  ({
    id: `${hour}:${minute}`,
    client_id: 'c',
    given_name: 'Acacia',
    family_name: 'Testcase',
    clinician_id: 1,
    clinician: 'Clinician',
    starts_at: new Date(2026, 0, 5, hour, minute).toISOString(),
    minutes,
    state: 'booked',
    ...more,
  }) satisfies ScheduledAppointment;
const shape = (appointments: ScheduledAppointment[]) =>
  sheetOf([column], appointments).columns[0]!.map(({ row, rows, appointments: here }) => [
    row,
    rows,
    ...here.map(({ id }) => id),
  ]);

test('an empty day is ten hours of quarters', () => {
  const sheet = sheetOf([column], []);
  expect([sheet.firstHour, sheet.rows, sheet.columns[0]!.length]).toEqual([8, 40, 40]);
  expect(momentOf(column, sheet, 5)).toEqual(new Date(2026, 0, 5, 9, 15));
});

test('an appointment covers its rows, and the next free one follows it', () => {
  expect(shape([at(8, 0, 45), at(9, 0, 30)]).slice(0, 4)).toEqual([
    [0, 3, '8:0'],
    [3, 1],
    [4, 2, '9:0'],
    [6, 1],
  ]);
});

test('what begins between rows shares a cell with what it touches, and no row is lost', () => {
  const cells = shape([at(8, 5, 10), at(8, 20, 30), at(8, 55, 5)]);
  expect(cells.slice(0, 3)).toEqual([
    [0, 1, '8:5'],
    [1, 3, '8:20', '8:55'],
    [4, 1],
  ]);
  const sheet = sheetOf([column], [at(8, 5, 10), at(17, 50, 10)]);
  expect(sheet.columns[0]!.reduce((sum, { rows }) => sum + rows, 0)).toBe(sheet.rows);
});

test('early and late appointments widen the day; cancelled ones, other days and other clinicians do not show', () => {
  expect(sheetOf([column], [at(6, 30, 30), at(19, 0, 60)])).toMatchObject({ firstHour: 6, rows: 56 });
  const elsewhere = { starts_at: new Date(2026, 0, 6, 9).toISOString() };
  for (const one of [{ state: 'cancelled' } as const, { clinician_id: 2 }, elsewhere])
    expect(shape([at(9, 0, 30, one)])).toEqual(shape([]));
  // Past midnight belongs to another day.
  expect(sheetOf([column], [at(23, 30, 60)])).toMatchObject({ firstHour: 8, rows: 64 });
});

test('keys move by cells, not by rows, and stop at the edges', () => {
  const sheet = sheetOf([column, { clinicianId: 2, day }], [at(8, 0, 60)]);
  const from = { column: 0, row: 0 };
  expect(moved(sheet, from, 'ArrowDown')).toEqual({ column: 0, row: 4 });
  expect(moved(sheet, { column: 0, row: 4 }, 'ArrowUp')).toEqual(from);
  expect(moved(sheet, { column: 1, row: 2 }, 'ArrowLeft')).toEqual(from);
  expect(moved(sheet, { column: 1, row: 2 }, 'ArrowRight')).toEqual({ column: 1, row: 2 });
  expect(moved(sheet, from, 'ArrowUp')).toEqual(from);
  expect(moved(sheet, from, 'End')).toEqual({ column: 0, row: 39 });
  expect(moved(sheet, { column: 0, row: 39 }, 'Home')).toEqual(from);
  expect(moved(sheet, from, 'Enter')).toBeUndefined();
  expect(placeIn(sheet, { column: 7, row: 70 })).toEqual({ column: 1, row: 39 });
});
