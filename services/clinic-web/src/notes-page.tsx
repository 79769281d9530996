import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useState } from 'react';
import { useNavigate } from 'react-router';
import { nameOf } from './clients.ts';
import { dateOf, timeOf } from './dates.ts';
import { useLoad } from './load.ts';
import { NoteForm } from './note-form.tsx';
import { listNotes, NOTE_KINDS, type NoteList } from './notes.ts';
import { Empty, Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { PageLink } from './page-link.tsx';
import { NotePage } from './pages.ts';
import { Paging } from './paging.tsx';

export function NotesPage() {
  usePerformanceTracking('NotesPage');
  const navigate = useNavigate();
  const [page, setPage] = useState(1);
  const [writes, setWrites] = useState(false);
  const { state, value, error, isSettled, again } = useLoad(
    useCallback((signal: AbortSignal) => listNotes(page, signal), [page]),
  );
  usePageLoad('/notes', isSettled);

  return (
    <Page
      title="Notes"
      actions={
        !writes && (
          <button type="button" className="primary" onClick={() => setWrites(true)}>
            Write a note
          </button>
        )
      }
    >
      {writes && (
        <section className="card spaced" aria-label="New note">
          <NoteForm cancelled={() => setWrites(false)} written={(id) => navigate(`/notes/${encodeURIComponent(id)}`)} />
        </section>
      )}
      {error && <Failure what="Your notes could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="your notes" lines={8} />}
      {value && (
        <div className={state === 'loading' ? 'stale' : undefined} aria-busy={state === 'loading'}>
          <List list={value} />
          <Paging of="notes" list={value} turn={setPage} />
        </div>
      )}
    </Page>
  );
}

function List({ list: { notes, unsigned } }: { readonly list: NoteList }) {
  if (notes.length === 0) {
    return (
      <Empty>
        <h2>No notes yet</h2>
        <p>What you write about your clients is listed here, what is still to be signed first.</p>
      </Empty>
    );
  }
  return (
    <>
      <p className="muted lead">
        {unsigned === 0 ? 'All your notes are signed.' : `${unsigned} of your notes still to be signed.`}
      </p>
      <table className="card rows">
        <caption className="unseen">Your notes, those to be signed first</caption>
        <thead>
          <tr>
            <th scope="col">Note</th>
            <th scope="col" className="wide-only">
              Kind
            </th>
            <th scope="col">Written</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {notes.map((note) => (
            <tr key={note.id}>
              <th scope="row">
                <PageLink className="row-link" to={`/notes/${encodeURIComponent(note.id)}`} page={NotePage}>
                  {nameOf(note)}
                </PageLink>
              </th>
              <td className="wide-only">{NOTE_KINDS[note.kind]}</td>
              <td>
                {dateOf(note.written_at)} <span className="wide-only">{timeOf(note.written_at)}</span>
              </td>
              <td>{note.signed ? 'Signed' : <span className="badge open">not signed</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
