const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const moment = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** A calendar day, `YYYY-MM-DD`, in the words of this browser's language. */
export const dayOf = (date: string): string => day.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));

export const dateOf = (instant: string): string => moment.format(new Date(instant));
export const timeOf = (instant: string): string => clock.format(new Date(instant));

/** Whole years from a `YYYY-MM-DD` until `today`. */
export function ageOf(born: string, today: Date): number {
  const [year = 0, month = 1, date = 1] = born.slice(0, 10).split('-').map(Number);
  const before = today.getMonth() + 1 < month || (today.getMonth() + 1 === month && today.getDate() < date);
  return today.getFullYear() - year - (before ? 1 : 0);
}

const two = (number: number) => String(number).padStart(2, '0');

/** The value of a date input: the next working day after `today`, in local time. */
export function nextWorkingDay(today: Date): string {
  const next = new Date(today);
  do next.setDate(next.getDate() + 1);
  while (next.getDay() === 0 || next.getDay() === 6);
  return `${next.getFullYear()}-${two(next.getMonth() + 1)}-${two(next.getDate())}`;
}

/** What date and time inputs hold, in local time, as an ISO 8601 instant; undefined when it is no date. */
export function instantOf(date: string, time: string): string | undefined {
  const instant = new Date(`${date}T${time}`);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}
