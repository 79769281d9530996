const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const moment = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const long = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
const short = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** A calendar day, `YYYY-MM-DD`, in the words of this browser's language. */
export const dayOf = (date: string): string => day.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));

export const dateOf = (instant: string): string => moment.format(new Date(instant));
export const timeOf = (instant: string | Date): string => clock.format(new Date(instant));
export const longDateOf = (date: Date): string => long.format(date);
export const shortDateOf = (date: Date): string => short.format(date);
export const rangeOf = (from: Date, to: Date): string => moment.formatRange(from, to);

/** Whole years from a `YYYY-MM-DD` until `today`. */
export function ageOf(born: string, today: Date): number {
  const [year = 0, month = 1, date = 1] = born.slice(0, 10).split('-').map(Number);
  const before = today.getMonth() + 1 < month || (today.getMonth() + 1 === month && today.getDate() < date);
  return today.getFullYear() - year - (before ? 1 : 0);
}

const two = (number: number) => String(number).padStart(2, '0');

/** The value of a date input, in local time. */
export const dateInput = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
/** The value of a time input, in local time. */
export const timeInput = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}`;

/** The start of a day so many days later, in local time: a day has 23 or 25 hours twice a year. */
export const dayAfter = (date: Date, days: number): Date =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);

/** The start of the Monday of this week. */
export const mondayOf = (date: Date): Date => dayAfter(date, -((date.getDay() + 6) % 7));

/** The value of a date input: the next working day after `today`, in local time. */
export function nextWorkingDay(today: Date): string {
  let next = dayAfter(today, 1);
  while (next.getDay() === 0 || next.getDay() === 6) next = dayAfter(next, 1);
  return dateInput(next);
}

/** What date and time inputs hold, in local time, as an ISO 8601 instant; undefined when it is no date. */
export function instantOf(date: string, time: string): string | undefined {
  const instant = new Date(`${date}T${time}`);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}
