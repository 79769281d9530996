import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useMemo, useState } from 'react';
import { AppointmentDialog } from './appointment-dialog.tsx';
import { AppointmentForm } from './appointment-form.tsx';
import { type Clinician, readSchedule, type ScheduledAppointment } from './appointments.ts';
import { dateInput, dayAfter, longDateOf, mondayOf, rangeOf, shortDateOf, timeInput } from './dates.ts';
import { Dialog } from './dialog.tsx';
import { useLoad } from './load.ts';
import { Empty, Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { type Column, momentOf, sheetOf } from './schedule.ts';
import { ScheduleGrid } from './schedule-grid.tsx';
import { session } from './session.ts';

type Open =
  | { readonly at: Date; readonly clinicianId?: number | undefined }
  | { readonly appointment: ScheduledAppointment };

export function SchedulePage() {
  usePerformanceTracking('SchedulePage');
  const [view, setView] = useState<'day' | 'week'>('day');
  const [day, setDay] = useState(() => dayAfter(new Date(), 0));
  // Undefined: all. A clinician begins with the own schedule.
  const [clinicianId, setClinicianId] = useState(() => {
    const user = session()?.user;
    return user?.role === 'clinician' ? user.id : undefined;
  });
  const [open, setOpen] = useState<Open>();
  const [said, say] = useState('');

  const from = view === 'week' ? mondayOf(day) : day;
  const [begins, ends] = [from.getTime(), dayAfter(from, view === 'week' ? 7 : 1).getTime()];
  const read = useCallback(
    (signal: AbortSignal) => readSchedule(new Date(begins), new Date(ends), clinicianId, signal),
    [begins, ends, clinicianId],
  );
  const { value, error, isCurrent, isSettled, again } = useLoad(read);
  usePageLoad('/schedule', isSettled);

  const clinicians = value?.clinicians;
  const columns = useMemo<readonly Column[]>(() => {
    if (!clinicians) return [];
    const start = new Date(begins);
    if (view === 'day') {
      const shown = clinicians.filter(({ id }) => clinicianId === undefined || id === clinicianId);
      return shown.map(({ id }) => ({ clinicianId: id, day: start }));
    }
    const id = clinicianId ?? clinicians[0]?.id;
    if (id === undefined) return [];
    return Array.from({ length: 7 }, (_, index) => ({ clinicianId: id, day: dayAfter(start, index) }));
  }, [clinicians, clinicianId, view, begins]);
  // What was loaded for another time, or another clinician, says nothing about this one.
  const appointments = isCurrent ? value?.appointments : undefined;
  const sheet = useMemo(() => sheetOf(columns, appointments ?? []), [columns, appointments]);

  const step = view === 'week' ? 7 : 1;
  const turn = (periods: number) => setDay((before) => dayAfter(before, periods * step));
  const close = () => setOpen(undefined);
  function changed(text: string) {
    close();
    say(text);
    again();
  }

  return (
    <Page
      title="Schedule"
      actions={
        <button
          type="button"
          className="primary"
          disabled={!clinicians?.length}
          onClick={() => setOpen({ at: new Date(day.getFullYear(), day.getMonth(), day.getDate(), 9), clinicianId })}
        >
          Book an appointment
        </button>
      }
    >
      <div className="toolbar">
        <div className="group">
          <button type="button" onClick={() => turn(-1)}>
            <span aria-hidden="true">‹</span>
            <span className="unseen">Previous {view}</span>
          </button>
          <button type="button" onClick={() => setDay(dayAfter(new Date(), 0))}>
            Today
          </button>
          <button type="button" onClick={() => turn(1)}>
            <span aria-hidden="true">›</span>
            <span className="unseen">Next {view}</span>
          </button>
        </div>
        <h2 className="period" aria-live="polite">
          {view === 'week' ? rangeOf(from, dayAfter(from, 6)) : longDateOf(from)}
        </h2>
        <div className="group">
          {(['day', 'week'] as const).map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={view === each}
              onClick={() => {
                setView(each);
                if (each === 'week') setClinicianId(clinicianId ?? clinicians?.[0]?.id);
              }}
            >
              {each === 'day' ? 'Day' : 'Week'}
            </button>
          ))}
        </div>
        <Choice clinicians={clinicians ?? []} chosen={clinicianId} offersAll={view === 'day'} choose={setClinicianId} />
      </div>
      <p role="status" className={said ? 'notice good' : 'unseen'}>
        {said}
      </p>
      {error && <Failure what="The schedule could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="the schedule" lines={10} />}
      {value && clinicians?.length === 0 && (
        <Empty>
          <h2>Nobody to book</h2>
          <p>An administrator adds clinicians under Users.</p>
        </Empty>
      )}
      {value && columns.length > 0 && (
        <>
          <ScheduleGrid
            columns={columns}
            labels={columns.map(({ clinicianId: id, day: date }) =>
              view === 'week' ? shortDateOf(date) : (clinicians?.find((each) => each.id === id)?.name ?? ''),
            )}
            sheet={sheet}
            busy={!isCurrent}
            turn={turn}
            choose={(column, cell) => {
              const [appointment] = cell.appointments;
              if (appointment && cell.appointments.length === 1) setOpen({ appointment });
              else if (!appointment)
                setOpen({ at: momentOf(column, sheet, cell.row), clinicianId: column.clinicianId });
            }}
            openAppointment={(appointment) => setOpen({ appointment })}
          />
          <p className="hint" id="keys">
            With the keyboard: arrow keys, <kbd>Home</kbd> and <kbd>End</kbd> move through the schedule,{' '}
            <kbd>Page up</kbd> and <kbd>Page down</kbd> turn to another {view}, <kbd>Enter</kbd> books a free time or
            opens an appointment.
          </p>
        </>
      )}
      {open && 'at' in open && clinicians && (
        <Dialog title="New appointment" closed={close}>
          <AppointmentForm
            clinicians={clinicians}
            clinicianId={open.clinicianId}
            date={dateInput(open.at)}
            time={timeInput(open.at)}
            booked={changed}
          />
        </Dialog>
      )}
      {open && 'appointment' in open && (
        <AppointmentDialog appointment={open.appointment} closed={close} changed={changed} />
      )}
    </Page>
  );
}

interface ChoiceProps {
  readonly clinicians: readonly Clinician[];
  readonly chosen: number | undefined;
  readonly offersAll: boolean;
  choose(id: number | undefined): void;
}

function Choice({ clinicians, chosen, offersAll, choose }: ChoiceProps) {
  return (
    <div className="choice">
      <label htmlFor="whose" className="unseen">
        Whose schedule
      </label>
      <select
        id="whose"
        value={chosen ?? 'all'}
        onChange={({ target: { value } }) => choose(value === 'all' ? undefined : Number(value))}
      >
        {offersAll && <option value="all">All clinicians</option>}
        {clinicians.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
