import { call, parameters, segment } from './api.ts';

export const NOTE_KINDS = {
  progress: 'Progress note',
  intake: 'Intake',
  treatment_plan: 'Treatment plan',
  phone: 'Phone call',
} as const;
export type NoteKind = keyof typeof NOTE_KINDS;

/** Characters. */
export const LONGEST_NOTE = 20_000;

export interface NoteSummary {
  readonly id: string;
  readonly client_id: string;
  /** The client's. */
  readonly given_name: string;
  readonly family_name: string;
  readonly kind: NoteKind;
  readonly written_at: string;
  readonly signed: boolean;
}

export interface NoteList {
  readonly notes: readonly NoteSummary[];
  /** From 1. */
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
  /** Of all pages. */
  readonly unsigned: number;
}

export interface Note extends NoteSummary {
  readonly body: string;
  readonly author: string;
  readonly signed_at: string | null;
  /** Whether it is this reader's to sign. */
  readonly own: boolean;
}

export interface NewNote {
  readonly client_id: string;
  readonly kind: NoteKind;
  readonly body: string;
}

export const listNotes = (page: number, signal: AbortSignal) =>
  call<NoteList>(`/api/clinical-notes${parameters({ page })}`, { signal });
export const readNote = (id: string, signal: AbortSignal) =>
  call<Note>(`/api/clinical-notes/${segment(id)}`, { signal });
export const writeNote = (note: NewNote) =>
  call<{ readonly id: string }>('/api/clinical-notes', { method: 'POST', body: note });
export const signNote = (id: string) =>
  call<unknown>(`/api/clinical-notes/${segment(id)}/signature`, { method: 'POST' });
