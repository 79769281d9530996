import { useState } from 'react';
import { type AppointmentState, changeAppointment, type ScheduledAppointment, STATES } from './appointments.ts';
import { useAttempt } from './attempt.ts';
import { nameOf } from './clients.ts';
import { dateOf, timeOf } from './dates.ts';
import { Dialog } from './dialog.tsx';
import { Fact } from './fact.tsx';
import { Problem } from './notices.tsx';
import { PageLink } from './page-link.tsx';
import { ChartPage } from './pages.ts';

const WHY: Readonly<Record<string, string>> = {
  appointment_overlap: 'The time has been given to somebody else meanwhile.',
};

interface AppointmentDialogProps {
  readonly appointment: ScheduledAppointment;
  closed(): void;
  /** With what was done. */
  changed(text: string): void;
}

export function AppointmentDialog({ appointment, closed, changed }: AppointmentDialogProps) {
  const { busy, problem, run } = useAttempt(WHY);
  const [asks, setAsks] = useState(false);
  const { id, client_id, starts_at, minutes, clinician, state } = appointment;
  const hasBegun = new Date(starts_at) < new Date();

  async function change(to: AppointmentState) {
    if (await run(() => changeAppointment(id, to)))
      changed(`Appointment at ${timeOf(starts_at)}: ${STATES[to].toLowerCase()}.`);
  }

  return (
    <Dialog title="Appointment" closed={closed}>
      <dl className="facts">
        <Fact name="Client">
          <PageLink to={`/clients/${encodeURIComponent(client_id)}`} page={ChartPage}>
            {nameOf(appointment)}
          </PageLink>
        </Fact>
        <Fact name="When">
          {dateOf(starts_at)}, {timeOf(starts_at)}, {minutes} minutes
        </Fact>
        <Fact name="Clinician">{clinician}</Fact>
        <Fact name="State">{STATES[state]}</Fact>
      </dl>
      {problem && <Problem>{problem}</Problem>}
      {asks ? (
        <>
          <p className="after">Cancel this appointment? Its time becomes free again.</p>
          <div className="buttons">
            <button type="button" className="danger" disabled={busy} onClick={() => change('cancelled')}>
              {busy ? 'Cancelling…' : 'Yes, cancel it'}
            </button>
            <button type="button" onClick={() => setAsks(false)}>
              Keep it
            </button>
          </div>
        </>
      ) : (
        <div className="buttons">
          {state === 'booked' && hasBegun && (
            <>
              <button type="button" disabled={busy} onClick={() => change('completed')}>
                Completed
              </button>
              <button type="button" disabled={busy} onClick={() => change('missed')}>
                Missed
              </button>
            </>
          )}
          {state === 'booked' ? (
            <button type="button" onClick={() => setAsks(true)}>
              Cancel appointment
            </button>
          ) : (
            <button type="button" disabled={busy} onClick={() => change('booked')}>
              Set back to booked
            </button>
          )}
        </div>
      )}
    </Dialog>
  );
}
