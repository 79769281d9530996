import { type KeyboardEvent, useLayoutEffect, useRef, useState } from 'react';
import { type ScheduledAppointment, STATES } from './appointments.ts';
import { nameOf } from './clients.ts';
import { dateInput, timeOf } from './dates.ts';
import { type Cell, type Column, momentOf, moved, type Place, placeIn, ROW_MINUTES, type Sheet } from './schedule.ts';

interface ScheduleGridProps {
  readonly columns: readonly Column[];
  /** What the columns are called. */
  readonly labels: readonly string[];
  readonly sheet: Sheet;
  /** Nothing can be chosen yet. */
  readonly busy: boolean;
  /** To the next period, or with -1 to the one before. */
  turn(periods: number): void;
  choose(column: Column, cell: Cell): void;
  openAppointment(appointment: ScheduledAppointment): void;
}

/** One stop for the Tab key; within it the arrow keys move. */
export function ScheduleGrid({ columns, labels, sheet, busy, turn, choose, openAppointment }: ScheduleGridProps) {
  const [place, setPlace] = useState<Place>({ column: 0, row: 0 });
  const active = placeIn(sheet, place);
  const grid = useRef<HTMLTableElement>(null);

  const focus = ({ column, row }: Place) =>
    grid.current?.querySelector<HTMLElement>(`[data-place="${column}-${row}"]`)?.focus();

  // What had the focus may have gone when the sheet changed: the focus then is nowhere, and comes back.
  const hadFocus = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the sheet has changed
  useLayoutEffect(() => {
    if (hadFocus.current && document.activeElement === document.body) focus(active);
  }, [sheet]);

  function press(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'PageUp' || event.key === 'PageDown') {
      event.preventDefault();
      turn(event.key === 'PageDown' ? 1 : -1);
      return;
    }
    const next = moved(sheet, active, event.key);
    if (!next) return;
    event.preventDefault();
    setPlace(next);
    focus(next);
  }

  // In a sheet of one day that one is not told apart from others.
  const today = columns[0]?.day !== columns.at(-1)?.day ? dateInput(new Date()) : undefined;
  const rowsOfHour = 60 / ROW_MINUTES;
  return (
    // biome-ignore lint/a11y/useSemanticElements: it scrolls sideways on a small screen
    <div className="card scroll" role="region" aria-label="Schedule">
      <table
        ref={grid}
        className={busy ? 'schedule stale' : 'schedule'}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: as the ARIA practices have it for a data grid
        role="grid"
        aria-label="Schedule"
        aria-busy={busy}
        aria-describedby="keys"
        onKeyDown={press}
        onFocus={() => {
          hadFocus.current = true;
        }}
        onBlur={({ relatedTarget }) => {
          if (relatedTarget) hadFocus.current = false;
        }}
      >
        <thead>
          <tr>
            <th scope="col">
              <span className="unseen">Time</span>
            </th>
            {columns.map(({ day, clinicianId }, index) => (
              <th
                key={`${clinicianId}-${day.getTime()}`}
                scope="col"
                aria-current={dateInput(day) === today ? 'date' : undefined}
              >
                {labels[index]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: sheet.rows }, (_, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is its time
            <tr key={row} className={row % rowsOfHour === 0 ? 'hour' : undefined}>
              {row % rowsOfHour === 0 && (
                <th scope="rowgroup" rowSpan={rowsOfHour}>
                  {timeOf(momentOf(columns[0]!, sheet, row))}
                </th>
              )}
              {sheet.columns.map((cells, column) => {
                const cell = cells.find((each) => each.row === row);
                if (!cell) return null;
                const starts = timeOf(momentOf(columns[column]!, sheet, row));
                const isActive = active.column === column && active.row === row;
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the focus stays where it is when the days change
                  <td key={column} rowSpan={cell.rows}>
                    {cell.appointments.length > 1 ? (
                      <Several
                        cell={cell}
                        place={`${column}-${row}`}
                        isActive={isActive}
                        openAppointment={openAppointment}
                      />
                    ) : (
                      <button
                        type="button"
                        className={cell.appointments[0] ? `slot ${cell.appointments[0].state}` : 'slot free'}
                        data-place={`${column}-${row}`}
                        tabIndex={isActive ? 0 : -1}
                        onFocus={() => setPlace({ column, row })}
                        onClick={() => busy || choose(columns[column]!, cell)}
                      >
                        {cell.appointments[0] ? (
                          <Appointment appointment={cell.appointments[0]} />
                        ) : (
                          <span className="free-label">
                            {starts} <span className="unseen">free, {labels[column]}</span>
                          </span>
                        )}
                      </button>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Appointment({ appointment }: { readonly appointment: ScheduledAppointment }) {
  const { starts_at, minutes, state } = appointment;
  return (
    <>
      <span className="slot-time">{timeOf(starts_at)}</span> {nameOf(appointment)}
      <span className="unseen">
        , {minutes} minutes, {STATES[state]}
      </span>
    </>
  );
}

interface SeveralProps {
  readonly cell: Cell;
  readonly place: string;
  readonly isActive: boolean;
  openAppointment(appointment: ScheduledAppointment): void;
}

/** The first one is where the arrow keys arrive; the Tab key goes on to the others. */
function Several({ cell, place, isActive, openAppointment }: SeveralProps) {
  return cell.appointments.map((appointment, index) => (
    <button
      key={appointment.id}
      type="button"
      className={`slot ${appointment.state}`}
      data-place={index === 0 ? place : undefined}
      tabIndex={isActive ? 0 : -1}
      onClick={() => openAppointment(appointment)}
    >
      <Appointment appointment={appointment} />
    </button>
  ));
}
