import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useState } from 'react';
import { useAttempt } from './attempt.ts';
import { nameOf } from './clients.ts';
import { dateOf, timeOf } from './dates.ts';
import { Dialog } from './dialog.tsx';
import { Fact } from './fact.tsx';
import { useLoad } from './load.ts';
import { NOTE_KINDS, type Note, readNote, signNote } from './notes.ts';
import { Failure, Loading, Problem } from './notices.tsx';
import { Page } from './page.tsx';
import { PageLink } from './page-link.tsx';
import { ChartPage, NotesPage } from './pages.ts';

export function NotePage({ id }: { readonly id: string }) {
  const { value, error, isSettled, again } = useLoad(useCallback((signal: AbortSignal) => readNote(id, signal), [id]));
  usePageLoad('/notes/:id', isSettled);
  return (
    <Page
      title="Note"
      heading={value ? NOTE_KINDS[value.kind] : 'Note'}
      back={
        <PageLink to="/notes" page={NotesPage}>
          ‹ Your notes
        </PageLink>
      }
    >
      {error && <Failure what="The note could not be loaded." error={error} again={again} />}
      {!isSettled && <Loading what="the note" lines={6} />}
      {value && <NoteOf note={value} reload={again} />}
    </Page>
  );
}

function NoteOf({ note, reload }: { readonly note: Note; reload(): void }) {
  usePerformanceTracking('Note');
  const [asks, setAsks] = useState(false);
  const { client_id, author, written_at, signed, signed_at, own, body } = note;
  return (
    <article className="card note">
      <dl className="facts">
        <Fact name="Client">
          <PageLink to={`/clients/${encodeURIComponent(client_id)}`} page={ChartPage}>
            {nameOf(note)}
          </PageLink>
        </Fact>
        <Fact name="Written">
          {dateOf(written_at)}, {timeOf(written_at)}
        </Fact>
        <Fact name="Author">{author}</Fact>
        <Fact name="State">
          {signed_at ? (
            `Signed ${dateOf(signed_at)}, ${timeOf(signed_at)}`
          ) : (
            <span className="badge open">not signed</span>
          )}
        </Fact>
      </dl>
      <p className="note-body">{body}</p>
      {own && !signed && (
        <button type="button" className="primary" onClick={() => setAsks(true)}>
          Sign this note
        </button>
      )}
      {asks && (
        <SignDialog
          id={note.id}
          closed={() => setAsks(false)}
          signed={() => {
            setAsks(false);
            reload();
          }}
        />
      )}
    </article>
  );
}

interface SignDialogProps {
  readonly id: string;
  closed(): void;
  signed(): void;
}

function SignDialog({ id, closed, signed }: SignDialogProps) {
  const { busy, problem, run } = useAttempt();
  return (
    <Dialog title="Sign this note?" closed={closed}>
      <p className="after">From then on nobody can change it. What has to be added is a note of its own.</p>
      {problem && <Problem>{problem}</Problem>}
      <div className="buttons">
        <button
          type="button"
          className="primary"
          disabled={busy}
          onClick={async () => (await run(() => signNote(id))) && signed()}
        >
          {busy ? 'Signing…' : 'Sign'}
        </button>
        <button type="button" onClick={closed}>
          Not yet
        </button>
      </div>
    </Dialog>
  );
}
