import { useAttempt } from './attempt.ts';
import { nameOf } from './clients.ts';
import { dateOf } from './dates.ts';
import { type ClinicDocument, type FiledDocument, saveDocument, sizeOf } from './documents.ts';
import { Problem } from './notices.tsx';
import { PageLink } from './page-link.tsx';
import { ChartPage } from './pages.ts';

interface DocumentTableProps {
  readonly documents: readonly (ClinicDocument | FiledDocument)[];
  /** Whether this reader may have the contents. */
  readonly mayOpen: boolean;
}

export function DocumentTable({ documents, mayOpen }: DocumentTableProps) {
  const { busy, problem, run } = useAttempt();
  return (
    <>
      {problem && <Problem>{problem}</Problem>}
      <ul className="entries">
        {documents.map((document) => (
          <li key={document.id}>
            <span>
              {mayOpen ? (
                <button
                  type="button"
                  className="link"
                  disabled={busy}
                  onClick={() => run(() => saveDocument(document))}
                >
                  <span className="unseen">Download </span>
                  {document.name}
                </button>
              ) : (
                document.name
              )}
            </span>
            <span className="muted">
              {'client_id' in document && (
                <>
                  <PageLink to={`/clients/${encodeURIComponent(document.client_id)}`} page={ChartPage}>
                    {nameOf(document)}
                  </PageLink>{' '}
                  ·{' '}
                </>
              )}
              {sizeOf(document.size_bytes)} · {dateOf(document.uploaded_at)} · {document.uploaded_by}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
