import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useEffect, useState } from 'react';
import { type Client, type ClientList, listClients, TYPING_PAUSE } from './clients.ts';
import { ageOf, dayOf } from './dates.ts';
import { useLoad } from './load.ts';
import { Empty, Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { PageLink } from './page-link.tsx';
import { ChartPage } from './pages.ts';
import { Paging } from './paging.tsx';
import { session } from './session.ts';

/**
 * What is searched for is somebody's name: it stays out of the address and of the browser's history, and is kept, for the way
 * back from a chart, in memory only and for the same session only.
 */
let remembered = { token: '', search: '', page: 1 };
const lastQuery = () =>
  remembered.token === session()?.token
    ? { search: remembered.search, page: remembered.page }
    : { search: '', page: 1 };

export function ClientsPage() {
  const [query, setQuery] = useState(lastQuery);
  const [typed, setTyped] = useState(query.search);
  const { trackAction } = usePerformanceTracking('ClientsPage');
  const read = useCallback(
    (signal: AbortSignal) => {
      const list = () => listClients(query.search, query.page, signal);
      return query.search ? trackAction('search', list) : list();
    },
    [query, trackAction],
  );
  const { state, value, error, isSettled, again } = useLoad(read);
  usePageLoad('/clients', isSettled);

  useEffect(() => {
    remembered = { token: session()?.token ?? '', ...query };
  }, [query]);
  useEffect(() => {
    const search = typed.trim();
    if (search === query.search) return;
    const pause = setTimeout(() => setQuery({ search, page: 1 }), TYPING_PAUSE);
    return () => clearTimeout(pause);
  }, [typed, query.search]);

  return (
    <Page
      title="Clients"
      actions={
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
      }
    >
      <p className="unseen" role="status">
        {value && state === 'ready' ? `${value.total} clients found` : ''}
      </p>
      {error && <Failure what="The clients could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="clients" lines={8} />}
      {value && (
        <div className={state === 'loading' ? 'stale' : undefined} aria-busy={state === 'loading'}>
          <Clients list={value} search={query.search} />
          <Paging of="clients" list={value} turn={(page) => setQuery({ ...query, page })} />
        </div>
      )}
    </Page>
  );
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
    <table className="card rows">
      <caption className="unseen">Clients, with date of birth and age</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Born</th>
          <th scope="col" className="wide-only">
            Age
          </th>
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
        <PageLink className="row-link" to={`/clients/${encodeURIComponent(client.id)}`} page={ChartPage}>
          <strong>{client.family_name}</strong>, {client.given_name}
        </PageLink>
      </th>
      <td>{dayOf(client.born_on)}</td>
      <td className="wide-only">{ageOf(client.born_on, today)}</td>
    </tr>
  );
}
