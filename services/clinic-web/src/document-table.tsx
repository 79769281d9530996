import { Link } from 'react-router';
import { useAttempt } from './attempt.ts';
import { nameOf } from './clients.ts';
import { dateOf } from './dates.ts';
import { type ClinicDocument, type FiledDocument, saveDocument, sizeOf } from './documents.ts';
import { Problem } from './notices.tsx';

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
            <span className="document-name">
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
                  <Link to={`/clients/${encodeURIComponent(document.client_id)}`}>{nameOf(document)}</Link> ·{' '}
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
