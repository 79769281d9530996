import { usePageLoad, usePerformanceTracking } from '@clinic/instrumentation/react';
import { useCallback, useState } from 'react';
import { DocumentTable } from './document-table.tsx';
import { DocumentUpload } from './document-upload.tsx';
import { listDocuments } from './documents.ts';
import { useLoad } from './load.ts';
import { Empty, Failure, Loading } from './notices.tsx';
import { Page } from './page.tsx';
import { Paging } from './paging.tsx';
import { useSession } from './session.ts';

export function DocumentsPage() {
  usePerformanceTracking('DocumentsPage');
  const isClinician = useSession()?.user.role === 'clinician';
  const [page, setPage] = useState(1);
  const { state, value, error, isSettled, again } = useLoad(
    useCallback((signal: AbortSignal) => listDocuments(page, signal), [page]),
  );
  usePageLoad('/documents', isSettled);
  return (
    <Page title="Documents">
      <div className={isClinician ? 'columns' : undefined}>
        <div className={state === 'loading' && value ? 'stale' : undefined} aria-busy={state === 'loading'}>
          {error && <Failure what="The documents could not be loaded." error={error} again={again} />}
          {!isSettled && <Loading what="documents" lines={8} />}
          {value &&
            (value.documents.length === 0 ? (
              <Empty>
                <h2>No documents yet</h2>
                <p>What is stored for a client, here or in a chart, is listed here.</p>
              </Empty>
            ) : (
              <section className="card" aria-label="Stored documents">
                <DocumentTable documents={value.documents} mayOpen={isClinician} />
                <Paging of="documents" list={value} turn={setPage} />
              </section>
            ))}
        </div>
        {isClinician && (
          <div>
            <section className="card" aria-labelledby="store">
              <h2 id="store">Store a document</h2>
              <DocumentUpload stored={again} />
            </section>
          </div>
        )}
      </div>
    </Page>
  );
}
