import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useEffect, useState } from 'react';
import { Link } from 'react-router';
import { type Appointment, type Chart, nameOf, readChart } from './api.ts';
import { AppointmentForm } from './appointment-form.tsx';
import { ageOf, dateOf, dayOf, timeOf } from './dates.ts';
import { useLoad } from './load.ts';
import { Empty, Failure, Loading } from './notices.tsx';

export function ChartPage({ id }: { readonly id: string }) {
  const chart = useLoad(useCallback((signal: AbortSignal) => readChart(id, signal), [id]));
  usePageLoad('/clients/:id', chart.state !== 'loading' || chart.value !== undefined);
  useEffect(() => {
    document.title = 'Chart · Clinic';
  }, []);

  return (
    <main className="page">
      <p className="back">
        <Link to="/clients">‹ All clients</Link>
      </p>
      {chart.value ? (
        <ChartOf chart={chart.value} reload={chart.again} />
      ) : (
        <>
          <h1>Chart</h1>
          {chart.state === 'failed' ? (
            <Failure what="The chart could not be loaded." error={chart.error} again={chart.again} />
          ) : (
            <Loading what="the chart" lines={6} />
          )}
        </>
      )}
    </main>
  );
}

function ChartOf({ chart, reload }: { readonly chart: Chart; reload(): void }) {
  usePerformanceTracking('Chart');
  const { client, appointments, clinicians } = chart;
  const [today] = useState(() => new Date());
  const sorted = appointments.toSorted((a, b) => a.starts_at.localeCompare(b.starts_at));
  const isPast = ({ starts_at }: Appointment) => new Date(starts_at) < today;
  const upcoming = sorted.filter((appointment) => !isPast(appointment));
  const past = sorted.filter(isPast).reverse();

  return (
    <>
      <div className="heading">
        <h1>{nameOf(client)}</h1>
      </div>
      <div className="columns">
        <div>
          <section className="card" aria-labelledby="demographics">
            <h2 id="demographics">Details</h2>
            <dl>
              <div>
                <dt>Born</dt>
                <dd>
                  {dayOf(client.born_on)} <span className="muted">({ageOf(client.born_on, today)} years)</span>
                </dd>
              </div>
              <div>
                <dt>Phone</dt>
                <dd>{client.phone}</dd>
              </div>
              <div>
                <dt>E-mail</dt>
                <dd>{client.email}</dd>
              </div>
            </dl>
          </section>
          <section className="card" aria-labelledby="appointments">
            <h2 id="appointments">Appointments</h2>
            {appointments.length === 0 ? (
              <Empty>
                <p>None yet. Book the first one here.</p>
              </Empty>
            ) : (
              <>
                <Appointments title="Upcoming" list={upcoming} none="None booked." />
                <Appointments title="Past" list={past} none="None." />
              </>
            )}
          </section>
        </div>
        <AppointmentForm clientId={client.id} clinicians={clinicians} today={today} booked={reload} />
      </div>
    </>
  );
}

interface AppointmentsProps {
  readonly title: string;
  readonly list: readonly Appointment[];
  readonly none: string;
}

function Appointments({ title, list, none }: AppointmentsProps) {
  return (
    <>
      <h3>{title}</h3>
      {list.length === 0 && <p className="muted">{none}</p>}
      <ul className="appointments">
        {list.map(({ id, starts_at, minutes, clinician }) => (
          <li key={id}>
            <time dateTime={starts_at}>
              <strong>{dateOf(starts_at)}</strong> <span>{timeOf(starts_at)}</span>
            </time>
            <span className="muted">
              {minutes} min · {clinician}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
