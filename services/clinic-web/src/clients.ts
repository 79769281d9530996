import { call, parameters, segment } from './api.ts';
import type { Appointment, Clinician } from './appointments.ts';
import type { ClinicDocument } from './documents.ts';
import type { NoteKind } from './notes.ts';

export interface Client {
  readonly id: string;
  readonly given_name: string;
  readonly family_name: string;
  /** `YYYY-MM-DD`. */
  readonly born_on: string;
}

export interface ClientList {
  readonly clients: readonly Client[];
  /** From 1. */
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
}

export interface Medication {
  readonly id: string;
  readonly name: string;
  readonly dose: string;
  /** `YYYY-MM-DD`. */
  readonly started_on: string;
  readonly ended_on: string | null;
  readonly prescribed_by: string;
}

export interface ChartNote {
  readonly id: string;
  readonly kind: NoteKind;
  readonly written_at: string;
  readonly author: string;
  readonly signed: boolean;
}

/** What a role may not see is not there. */
export interface Chart {
  readonly client: Client & {
    readonly email: string;
    readonly phone: string;
    readonly address?: string;
    readonly primary_clinician?: string | null;
  };
  readonly appointments: readonly Appointment[];
  readonly notes?: readonly ChartNote[];
  readonly medications?: readonly Medication[];
  readonly documents?: readonly ClinicDocument[];
  /** Who can be booked. */
  readonly clinicians: readonly Clinician[];
}

export const BREAK_GLASS_REASONS = {
  emergency: 'Emergency',
  covering_colleague: 'I cover for a colleague',
  client_request: 'The client asked for it',
  legal_duty: 'Legal duty',
} as const;
export type BreakGlassReason = keyof typeof BREAK_GLASS_REASONS;

/** So long a pause in typing starts a search, ms. */
export const TYPING_PAUSE = 200;

export const nameOf = ({ given_name, family_name }: Pick<Client, 'given_name' | 'family_name'>): string =>
  `${given_name} ${family_name}`;

export const listClients = (search: string, page: number, signal: AbortSignal) =>
  call<ClientList>(`/api/clients${parameters({ search, page })}`, { signal });

export const readChart = (id: string, signal: AbortSignal) => call<Chart>(`/api/clients/${segment(id)}`, { signal });

export const breakGlass = (id: string, reason: BreakGlassReason) =>
  call<{ readonly ends_at: string }>(`/api/clients/${segment(id)}/break-glass`, { method: 'POST', body: { reason } });
