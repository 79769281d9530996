import type { ScheduledAppointment } from './appointments.ts';
import { dayAfter } from './dates.ts';

/** Minutes from one row of the schedule to the next. */
export const ROW_MINUTES = 15;
/** Hours that are shown also when nothing is booked. */
const OPENS = 8;
const CLOSES = 18;

/** One clinician's day. */
export interface Column {
  readonly clinicianId: number;
  /** Its first moment, local time. */
  readonly day: Date;
}

/** One or more rows of a column: free, or taken by what begins or goes on there. */
export interface Cell {
  /** From 0. */
  readonly row: number;
  readonly rows: number;
  readonly appointments: readonly ScheduledAppointment[];
}

export interface Sheet {
  /** Of the first row. */
  readonly firstHour: number;
  readonly rows: number;
  /** For each column its cells from the first row to the last, without a gap. */
  readonly columns: readonly (readonly Cell[])[];
}

/** Minutes by the clock on the wall: on the day when the clocks change, nine is nine all the same. */
const minuteOf = (date: Date, day: Date): number => {
  const days = date < dayAfter(day, 1) ? 0 : 1;
  return days * 1_440 + date.getHours() * 60 + date.getMinutes();
};

interface Span {
  readonly from: number;
  readonly to: number;
  readonly appointment: ScheduledAppointment;
}

function spansOf({ clinicianId, day }: Column, appointments: readonly ScheduledAppointment[]): Span[] {
  const end = dayAfter(day, 1);
  return appointments
    .filter(({ clinician_id, state }) => clinician_id === clinicianId && state !== 'cancelled')
    .map((appointment) => {
      const starts = new Date(appointment.starts_at);
      const from = minuteOf(starts, day);
      return { starts, from, to: Math.min(from + appointment.minutes, 1_440), appointment };
    })
    .filter(({ starts }) => starts >= day && starts < end)
    .sort((a, b) => a.from - b.from);
}

/** Lays appointments out in rows. What was cancelled takes no time. */
export function sheetOf(columns: readonly Column[], appointments: readonly ScheduledAppointment[]): Sheet {
  const spans = columns.map((column) => spansOf(column, appointments));
  const all = spans.flat();
  const firstHour = Math.min(OPENS, ...all.map(({ from }) => Math.floor(from / 60)));
  const lastHour = Math.max(CLOSES, ...all.map(({ to }) => Math.ceil(to / 60)));
  const rows = ((lastHour - firstHour) * 60) / ROW_MINUTES;
  const rowOf = (minute: number) => (minute - firstHour * 60) / ROW_MINUTES;

  const cells = spans.map((column) => {
    const list: Cell[] = [];
    const waiting = [...column];
    for (let row = 0; row < rows; ) {
      const here: Span[] = [];
      let end = row + 1;
      // What does not begin at a row shares the cell with what it touches.
      while (waiting[0] && rowOf(waiting[0].from) < end) {
        const next = waiting.shift()!;
        here.push(next);
        end = Math.max(end, Math.ceil(rowOf(next.to)));
      }
      list.push({ row, rows: end - row, appointments: here.map(({ appointment }) => appointment) });
      row = end;
    }
    return list;
  });
  return { firstHour, rows, columns: cells };
}

/** The moment at which a row begins. */
export const momentOf = ({ day }: Column, { firstHour }: Sheet, row: number): Date =>
  new Date(day.getFullYear(), day.getMonth(), day.getDate(), firstHour, row * ROW_MINUTES);

/** A cell is named by its column and its first row. */
export interface Place {
  readonly column: number;
  readonly row: number;
}

/** The place of the cell that covers a place, or the nearest one to it. */
export function placeIn({ columns }: Sheet, { column, row }: Place): Place {
  const x = Math.max(0, Math.min(columns.length - 1, column));
  const cell = columns[x]?.findLast((each) => each.row <= Math.max(0, row));
  return { column: x, row: cell?.row ?? 0 };
}

/** Where a key leads, or undefined when it is none that moves. */
export function moved(sheet: Sheet, from: Place, key: string): Place | undefined {
  const cell = sheet.columns[from.column]?.find(({ row }) => row === from.row);
  const to = (column: number, row: number) => placeIn(sheet, { column: from.column + column, row });
  switch (key) {
    case 'ArrowUp':
      return to(0, from.row - 1);
    case 'ArrowDown':
      return to(0, from.row + (cell?.rows ?? 1));
    case 'ArrowLeft':
      return to(-1, from.row);
    case 'ArrowRight':
      return to(1, from.row);
    case 'Home':
      return to(0, 0);
    case 'End':
      return to(0, sheet.rows - 1);
    default:
      return undefined;
  }
}
