import { usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useAttempt } from './attempt.ts';
import { ClientPicker } from './client-picker.tsx';
import type { Client } from './clients.ts';
import { LONGEST_NOTE, NOTE_KINDS, type NoteKind, writeNote } from './notes.ts';
import { Problem } from './notices.tsx';

const WHY: Readonly<Record<string, string>> = {
  request_invalid: `A note needs a client and a text of at most ${LONGEST_NOTE.toLocaleString('en')} characters.`,
};

interface NoteFormProps {
  /** Without one the form asks for it. */
  readonly clientId?: string;
  cancelled(): void;
  /** With the new note's id. */
  written(id: string): void;
}

export function NoteForm({ clientId, cancelled, written }: NoteFormProps) {
  const { trackAction } = usePerformanceTracking('NoteForm');
  const { busy, problem, run, say } = useAttempt(WHY);
  const [picked, pick] = useState<Client>();
  const [isEmpty, setEmpty] = useState(true);
  const form = useRef<HTMLFormElement>(null);
  const id = useId();

  useEffect(() => form.current?.querySelector<HTMLElement>('input, select')?.focus(), []);
  useEffect(() => {
    if (isEmpty) return;
    const ask = (event: Event) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isEmpty]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const client_id = clientId ?? picked?.id;
    if (!client_id) return say('Choose a client from the list.');
    const note = { client_id, kind: fields.get('kind') as NoteKind, body: String(fields.get('body')).trim() };
    if (!note.body) return say('Write something first.');
    let made = '';
    const done = await run(async () => {
      made = (await trackAction('write_note', () => writeNote(note))).id;
    });
    if (done) written(made);
  }

  return (
    <form ref={form} className="note-form" onSubmit={submit} aria-label="New note">
      {clientId === undefined && <ClientPicker picked={picked} pick={pick} />}
      <label htmlFor={`${id}-kind`}>Kind</label>
      <select id={`${id}-kind`} name="kind" defaultValue="progress">
        {Object.entries(NOTE_KINDS).map(([kind, label]) => (
          <option key={kind} value={kind}>
            {label}
          </option>
        ))}
      </select>
      <label htmlFor={`${id}-body`}>Note</label>
      <textarea
        id={`${id}-body`}
        name="body"
        rows={8}
        required
        maxLength={LONGEST_NOTE}
        autoComplete="off"
        onChange={(event) => setEmpty(event.target.value.trim() === '')}
      />
      {problem && <Problem>{problem}</Problem>}
      <div className="buttons">
        <button type="submit" className="primary" disabled={busy}>
          {busy ? 'Saving…' : 'Save note'}
        </button>
        <button type="button" onClick={() => (isEmpty || confirm('Throw away what you have written?')) && cancelled()}>
          Cancel
        </button>
      </div>
    </form>
  );
}
