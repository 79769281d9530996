import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useEffect, useState } from 'react';
import { Link } from 'react-router';
import { type Client, type ClientList, listClients } from './api.ts';
import { ageOf, dayOf } from './dates.ts';
import { useLoad } from './load.ts';
import { Empty, Failure, Loading } from './notices.tsx';

/** So long a pause in typing starts the search, ms. */
const TYPING_PAUSE = 200;

export function ClientsPage() {
  // What is searched for is somebody's name: it stays out of the address and of the browser's history.
  const [typed, setTyped] = useState('');
  const [query, setQuery] = useState({ search: '', page: 1 });
  const { trackAction } = usePerformanceTracking('ClientsPage');
  const read = useCallback(
    (signal: AbortSignal) => {
      const list = () => listClients(query.search, query.page, signal);
      return query.search ? trackAction('search', list) : list();
    },
    [query, trackAction],
  );
  const { state, value, error, again } = useLoaded(read);
  usePageLoad('/clients', state !== 'loading' || value !== undefined);

  useEffect(() => {
    document.title = 'Clients · Clinic';
  }, []);
  useEffect(() => {
    const search = typed.trim();
    if (search === query.search) return;
    const pause = setTimeout(() => setQuery({ search, page: 1 }), TYPING_PAUSE);
    return () => clearTimeout(pause);
  }, [typed, query.search]);

  return (
    <main className="page">
      <div className="heading">
        <h1>Clients</h1>
        <search className="search">
          <label htmlFor="search" className="unseen">
            Search clients by name
          </label>
          <input
            id="search"
            type="search"
            placeholder="Search by name"
            autoComplete="off"
            spellCheck={false}
            maxLength={80}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </search>
      </div>
      <p className="unseen" role="status">
        {value && state === 'ready' ? `${value.total} clients found` : ''}
      </p>
      {error && <Failure what="The clients could not be loaded." error={error} again={again} />}
      {state === 'loading' && !value && <Loading what="clients" lines={8} />}
      {value && (
        <div className={state === 'loading' ? 'stale' : undefined} aria-busy={state === 'loading'}>
          <Clients list={value} search={query.search} />
          <Pages list={value} turn={(page) => setQuery({ ...query, page })} />
        </div>
      )}
    </main>
  );
}

function useLoaded(read: (signal: AbortSignal) => Promise<ClientList>) {
  const loaded = useLoad(read);
  return { ...loaded, error: loaded.state === 'failed' ? loaded.error : undefined };
}

function Clients({ list, search }: { readonly list: ClientList; readonly search: string }) {
  if (list.clients.length === 0) {
    return (
      <Empty>
        <h2>{search ? 'Nobody by that name' : 'No clients yet'}</h2>
        <p>
          {search ? 'Try fewer letters, or only the family name.' : 'Clients appear here once the practice has some.'}
        </p>
      </Empty>
    );
  }
  const today = new Date();
  return (
    <table className="card clients">
      <caption className="unseen">Clients, with date of birth and age</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Born</th>
          <th scope="col">Age</th>
        </tr>
      </thead>
      <tbody>
        {list.clients.map((client) => (
          <Row key={client.id} client={client} today={today} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ client, today }: { readonly client: Client; readonly today: Date }) {
  return (
    <tr>
      <th scope="row">
        <Link to={`/clients/${encodeURIComponent(client.id)}`}>
          <strong>{client.family_name}</strong>, {client.given_name}
        </Link>
      </th>
      <td>{dayOf(client.born_on)}</td>
      <td>{ageOf(client.born_on, today)}</td>
    </tr>
  );
}

function Pages({ list, turn }: { readonly list: ClientList; turn(page: number): void }) {
  const { page, page_size: size, total } = list;
  const last = Math.max(1, Math.ceil(total / size));
  if (total === 0) return null;
  return (
    <nav className="pages" aria-label="Pages of clients">
      <span className="muted">
        {(page - 1) * size + 1}–{Math.min(page * size, total)} of {total}
      </span>
      <button type="button" disabled={page <= 1} onClick={() => turn(page - 1)}>
        Previous
      </button>
      <button type="button" disabled={page >= last} onClick={() => turn(page + 1)}>
        Next
      </button>
    </nav>
  );
}
