import { call } from './api.ts';
import { closeSession, type Role } from './session.ts';

interface SignedIn {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: 'full' | 'enrolment';
  readonly user: { readonly id: number; readonly name: string; readonly role: Role };
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** Of the authenticator app, or a recovery code. */
  readonly code?: string;
}

export interface Account {
  readonly user: { readonly name: string; readonly role: Role };
  readonly scope: 'full' | 'enrolment';
  /** Whether one is set up. */
  readonly second_factor: boolean;
  /** ISO 8601. */
  readonly expires_at: string;
}

export interface Enrolment {
  readonly secret: string;
  readonly qr_svg: string;
}

export const signIn = (credentials: Credentials) => call<SignedIn>('/auth', { method: 'POST', body: credentials });

/** The tab forgets the session at once, whether or not the clinic hears of it. */
export function signOut(): void {
  call('/auth', { method: 'DELETE' }).catch(() => {}); // it ends by itself then
  closeSession('signed_out');
}

export const readAccount = (signal?: AbortSignal) => call<Account>('/api/session', signal ? { signal } : {});
export const beginEnrolment = () => call<Enrolment>('/api/second-factor', { method: 'POST' });
export const confirmEnrolment = (code: string) =>
  call<{ readonly recovery_codes: readonly string[] }>('/api/second-factor/confirmation', {
    method: 'POST',
    body: { code },
  });
