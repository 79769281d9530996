import { usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useId, useState } from 'react';
import { useAttempt } from './attempt.ts';
import { ClientPicker } from './client-picker.tsx';
import type { Client } from './clients.ts';
import { LARGEST_DOCUMENT, sizeOf, uploadDocument } from './documents.ts';
import { Problem } from './notices.tsx';

const WHY: Readonly<Record<string, string>> = {
  document_type_refused: 'Only PDF, JPEG, PNG and plain text are kept.',
  document_too_large: `A document may have at most ${sizeOf(LARGEST_DOCUMENT)}.`,
};

interface DocumentUploadProps {
  /** Without one the form asks for it. */
  readonly clientId?: string;
  stored(): void;
}

export function DocumentUpload({ clientId, stored }: DocumentUploadProps) {
  const { trackAction } = usePerformanceTracking('DocumentUpload');
  const { busy, problem, run, say } = useAttempt(WHY);
  const [picked, pick] = useState<Client>();
  const [share, setShare] = useState(0);
  const [done, setDone] = useState('');
  const id = useId();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const file = new FormData(form).get('file');
    const client = clientId ?? picked?.id;
    setDone('');
    if (!client) return say('Choose a client from the list.');
    if (!(file instanceof File) || file.size === 0) return say('Choose a file that is not empty.');
    if (file.size > LARGEST_DOCUMENT) return say(WHY.document_too_large!);
    setShare(0);
    if (!(await run(() => trackAction('upload_document', () => uploadDocument(client, file, setShare))))) return;
    form.reset();
    setDone('The document is stored.');
    stored();
  }

  const percent = Math.round(share * 100);
  return (
    <form onSubmit={submit} aria-label="Store a document">
      {clientId === undefined && <ClientPicker picked={picked} pick={pick} />}
      <label htmlFor={`${id}-file`}>Document</label>
      <input
        id={`${id}-file`}
        name="file"
        type="file"
        required
        accept="application/pdf,image/jpeg,image/png,text/plain"
        aria-describedby={`${id}-hint`}
      />
      <p className="hint" id={`${id}-hint`}>
        PDF, JPEG, PNG or text, at most {sizeOf(LARGEST_DOCUMENT)}
      </p>
      {busy && (
        <div className="progress">
          <progress max={100} value={percent} aria-label="Sent" />
          <span aria-hidden="true">{percent} %</span>
        </div>
      )}
      {problem && <Problem>{problem}</Problem>}
      <button type="submit" className="wide" disabled={busy}>
        {busy ? 'Storing…' : 'Store document'}
      </button>
      <div role="status">{done && <p className="notice good">{done}</p>}</div>
    </form>
  );
}
