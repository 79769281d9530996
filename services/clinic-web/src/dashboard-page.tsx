import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import type { ReactNode } from 'react';
import { readSchedule, type ScheduledAppointment, STATES } from './appointments.ts';
import { nameOf } from './clients.ts';
import { readDashboard } from './dashboard.ts';
import { dayAfter, longDateOf, timeOf } from './dates.ts';
import { useLoad } from './load.ts';
import { Empty, Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { PageLink } from './page-link.tsx';
import { ChartPage, NotesPage, SchedulePage, UsersPage } from './pages.ts';
import { session, useSession } from './session.ts';

/** Appointments are those of this browser's day: the API does not know where the practice is. */
async function read(signal: AbortSignal) {
  const user = session()?.user;
  const today = dayAfter(new Date(), 0);
  const [dashboard, schedule] = await Promise.all([
    readDashboard(signal),
    user?.role === 'admin'
      ? undefined
      : readSchedule(today, dayAfter(today, 1), user?.role === 'clinician' ? user.id : undefined, signal),
  ]);
  return { dashboard, appointments: schedule?.appointments.filter(({ state }) => state !== 'cancelled') };
}

export function DashboardPage() {
  usePerformanceTracking('DashboardPage');
  const role = useSession()?.user.role;
  const { value, error, isSettled, again } = useLoad(read);
  usePageLoad('/', isSettled);
  return (
    <Page title="Today" actions={<p className="muted">{longDateOf(new Date())}</p>}>
      {error && <Failure what="The day could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="the day" lines={6} />}
      {value && (
        <>
          <div className="figures">
            {value.appointments && (
              <Figure label={role === 'clinician' ? 'Your appointments today' : 'Appointments today'}>
                {value.appointments.length}
              </Figure>
            )}
            {role === 'clinician' && (
              <Figure label="Notes to sign" link={<NotesLink />} urgent={value.dashboard.unsigned_notes > 0}>
                {value.dashboard.unsigned_notes}
              </Figure>
            )}
            <Figure label="E-mails not delivered, last 7 days" urgent={value.dashboard.emails_undelivered > 0}>
              {value.dashboard.emails_undelivered}
            </Figure>
          </div>
          {value.appointments && <Day appointments={value.appointments} isOwn={role === 'clinician'} />}
          {role === 'admin' && (
            <p>
              <PageLink to="/users" page={UsersPage}>
                Manage the users of the practice
              </PageLink>
            </p>
          )}
        </>
      )}
    </Page>
  );
}

const NotesLink = () => (
  <PageLink to="/notes" page={NotesPage}>
    Go to your notes
  </PageLink>
);

interface FigureProps {
  readonly label: string;
  readonly link?: ReactNode;
  readonly urgent?: boolean;
  readonly children: number;
}

function Figure({ label, link, urgent = false, children }: FigureProps) {
  return (
    <div className={urgent ? 'card figure urgent' : 'card figure'}>
      <p className="number">{children}</p>
      <p>{label}</p>
      {link && <p className="figure-link">{link}</p>}
    </div>
  );
}

interface DayProps {
  readonly appointments: readonly ScheduledAppointment[];
  readonly isOwn: boolean;
}

function Day({ appointments, isOwn }: DayProps) {
  const now = new Date();
  const next = appointments.find(({ starts_at, state }) => state === 'booked' && new Date(starts_at) >= now);
  return (
    <section className="card" aria-labelledby="today">
      <div className="section-top">
        <h2 id="today">Appointments</h2>
        <PageLink to="/schedule" page={SchedulePage}>
          Open the schedule
        </PageLink>
      </div>
      {appointments.length === 0 ? (
        <Empty>
          <p>{isOwn ? 'You have no appointments today.' : 'There are no appointments today.'}</p>
        </Empty>
      ) : (
        <ul className="entries day">
          {appointments.map((appointment) => (
            <li key={appointment.id} className={appointment === next ? 'next' : undefined}>
              <span>
                <time dateTime={appointment.starts_at}>{timeOf(appointment.starts_at)}</time>
                <PageLink to={`/clients/${encodeURIComponent(appointment.client_id)}`} page={ChartPage}>
                  {nameOf(appointment)}
                </PageLink>
                {appointment === next && <span className="badge open">next</span>}
                {appointment.state !== 'booked' && (
                  <span className="badge">{STATES[appointment.state].toLowerCase()}</span>
                )}
              </span>
              <span className="muted">
                {appointment.minutes} min{isOwn ? '' : ` · ${appointment.clinician}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
