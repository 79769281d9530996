import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useState } from 'react';
import { AppointmentForm } from './appointment-form.tsx';
import { type Appointment, STATES } from './appointments.ts';
import { BreakGlass } from './break-glass.tsx';
import { type Chart, type ChartNote, type Medication, nameOf, readChart } from './clients.ts';
import { ageOf, dateOf, dayOf, nextWorkingDay, timeOf } from './dates.ts';
import { DocumentTable } from './document-table.tsx';
import { DocumentUpload } from './document-upload.tsx';
import { Fact } from './fact.tsx';
import { useLoad } from './load.ts';
import { NoteForm } from './note-form.tsx';
import { NOTE_KINDS } from './notes.ts';
import { Empty, Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { PageLink } from './page-link.tsx';
import { ClientsPage, NotePage } from './pages.ts';
import { type Session, useSession } from './session.ts';

/** So many are shown before somebody asks for all. */
const FEW = 5;

export function ChartPage({ id }: { readonly id: string }) {
  const { value, error, isSettled, again } = useLoad(useCallback((signal: AbortSignal) => readChart(id, signal), [id]));
  usePageLoad('/clients/:id', isSettled);

  return (
    <Page
      title="Chart"
      heading={value ? nameOf(value.client) : 'Chart'}
      back={
        <PageLink to="/clients" page={ClientsPage}>
          ‹ All clients
        </PageLink>
      }
    >
      {error && <Failure what="The chart could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="the chart" lines={6} />}
      {value && <ChartOf chart={value} reload={again} />}
    </Page>
  );
}

/** Whether what is on the chart itself says that the client is this clinician's. */
function isKnownTo({ user }: Session, { client, appointments, notes = [] }: Chart): boolean {
  return (
    client.primary_clinician === user.name ||
    appointments.some(({ clinician_id }) => clinician_id === user.id) ||
    notes.some(({ author }) => author === user.name)
  );
}

interface ChartOfProps {
  readonly chart: Chart;
  reload(): void;
}

function ChartOf({ chart, reload }: ChartOfProps) {
  usePerformanceTracking('Chart');
  const session = useSession();
  const { client, appointments, notes, medications, documents, clinicians } = chart;
  const [today] = useState(() => new Date());
  const sorted = appointments.toSorted((a, b) => a.starts_at.localeCompare(b.starts_at));
  const isPast = ({ starts_at }: Appointment) => new Date(starts_at) < today;
  const isClinician = session?.user.role === 'clinician';
  // The notes are there for whoever may know them, and for nobody else.
  const [isStrange] = useState(() => session !== undefined && notes !== undefined && !isKnownTo(session, chart));

  return (
    <>
      {isStrange && <BreakGlass clientId={client.id} />}
      <div className="columns">
        <div>
          <section className="card" aria-labelledby="demographics">
            <h2 id="demographics">Details</h2>
            <dl className="facts">
              <Fact name="Born">
                {dayOf(client.born_on)} <span className="muted">({ageOf(client.born_on, today)} years)</span>
              </Fact>
              <Fact name="Phone">{client.phone || '–'}</Fact>
              <Fact name="E-mail">{client.email || '–'}</Fact>
              {client.address && <Fact name="Address">{client.address}</Fact>}
              {client.primary_clinician && <Fact name="Treated by">{client.primary_clinician}</Fact>}
            </dl>
          </section>
          {medications && <Medications list={medications} />}
          {notes && <Notes list={notes} clientId={client.id} reload={reload} />}
          <section className="card" aria-labelledby="appointments">
            <h2 id="appointments">Appointments</h2>
            {appointments.length === 0 ? (
              <Empty>
                <p>None yet. Book the first one here.</p>
              </Empty>
            ) : (
              <>
                <Appointments title="Upcoming" list={sorted.filter((one) => !isPast(one))} none="None booked." />
                <Appointments title="Past" list={sorted.filter(isPast).reverse()} none="None." />
              </>
            )}
          </section>
        </div>
        <div>
          <section className="card" aria-labelledby="new-appointment">
            <h2 id="new-appointment">New appointment</h2>
            <AppointmentForm
              clientId={client.id}
              clinicians={clinicians}
              clinicianId={clinicians.find(({ id }) => id === session?.user.id)?.id}
              date={nextWorkingDay(today)}
              booked={reload}
            />
          </section>
          {documents && (
            <section className="card" aria-labelledby="documents">
              <h2 id="documents">Documents</h2>
              {documents.length === 0 ? (
                <p className="muted after">None yet.</p>
              ) : (
                <DocumentTable documents={documents} mayOpen={isClinician} />
              )}
              {isClinician && <DocumentUpload clientId={client.id} stored={reload} />}
            </section>
          )}
        </div>
      </div>
    </>
  );
}

function Medications({ list }: { readonly list: readonly Medication[] }) {
  return (
    <section className="card" aria-labelledby="medications">
      <h2 id="medications">Medications</h2>
      {list.length === 0 ? (
        <p className="muted after">None on record.</p>
      ) : (
        <ul className="entries">
          {list.map(({ id, name, dose, started_on, ended_on, prescribed_by }) => (
            <li key={id}>
              <span>
                <strong>{name}</strong> {dose}
                {ended_on && <span className="badge">ended</span>}
              </span>
              <span className="muted">
                {ended_on ? `${dayOf(started_on)} – ${dayOf(ended_on)}` : `since ${dayOf(started_on)}`} ·{' '}
                {prescribed_by}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface NotesProps {
  readonly list: readonly ChartNote[];
  readonly clientId: string;
  reload(): void;
}

function Notes({ list, clientId, reload }: NotesProps) {
  const [writes, setWrites] = useState(false);
  const [said, say] = useState('');
  return (
    <section className="card" aria-labelledby="notes">
      <div className="section-top">
        <h2 id="notes">Notes</h2>
        {!writes && (
          <button
            type="button"
            onClick={() => {
              say('');
              setWrites(true);
            }}
          >
            Write a note
          </button>
        )}
      </div>
      <p role="status" className={said ? 'notice good' : 'unseen'}>
        {said}
      </p>
      {writes && (
        <NoteForm
          clientId={clientId}
          cancelled={() => setWrites(false)}
          written={() => {
            setWrites(false);
            say('The note is saved. It is not signed yet.');
            reload();
          }}
        />
      )}
      {list.length === 0 ? (
        <p className="muted after">None yet.</p>
      ) : (
        <Few of="notes" list={list}>
          {({ id, kind, written_at, author, signed }) => (
            <li key={id}>
              <span>
                <PageLink to={`/notes/${encodeURIComponent(id)}`} page={NotePage}>
                  {NOTE_KINDS[kind]}
                </PageLink>
                {!signed && <span className="badge open">not signed</span>}
              </span>
              <span className="muted">
                {dateOf(written_at)} · {author}
              </span>
            </li>
          )}
        </Few>
      )}
    </section>
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
      <Few of={`${title.toLowerCase()} appointments`} list={list}>
        {({ id, starts_at, minutes, clinician, state }) => (
          <li key={id}>
            <time dateTime={starts_at}>
              <strong>{dateOf(starts_at)}</strong> <span>{timeOf(starts_at)}</span>
              {(state === 'cancelled' || state === 'missed') && (
                <span className="badge">{STATES[state].toLowerCase()}</span>
              )}
            </time>
            <span className="muted">
              {minutes} min · {clinician}
            </span>
          </li>
        )}
      </Few>
    </>
  );
}

interface FewProps<Item> {
  readonly of: string;
  readonly list: readonly Item[];
  children(item: Item): React.ReactNode;
}

/** The first of a list, and the rest when asked for. */
function Few<Item>({ of, list, children }: FewProps<Item>) {
  const [all, setAll] = useState(false);
  return (
    <>
      <ul className="entries">{(all ? list : list.slice(0, FEW)).map(children)}</ul>
      {list.length > FEW && (
        <button type="button" className="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${list.length} ${of}`}
        </button>
      )}
    </>
  );
}
