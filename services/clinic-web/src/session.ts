/** Who is signed in: kept for this tab, so that a reload stays signed in, and gone when the tab is closed. */
import { clearTelemetry } from '@clinic/instrumentation/browser/schedule';
import { useSyncExternalStore } from 'react';

export type Role = 'clinician' | 'frontdesk' | 'admin';

export interface Session {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expires: number;
  /** `enrolment`: nothing is allowed but to set up a second factor. */
  readonly scope: 'full' | 'enrolment';
  readonly user: { readonly id: number; readonly name: string; readonly role: Role };
}

/** How the last session of this tab ended, and where, so that the same person can go on there. */
export interface Ended {
  readonly how: 'signed_out' | 'expired';
  readonly path: string;
  readonly userId: number;
}

const KEY = 'session';
/** So long after the last call the API ends a session, ms. */
const IDLE = 30 * 60_000;
const listeners = new Set<() => void>();
let end: ReturnType<typeof setTimeout> | undefined;
let ended: Ended | undefined;
let lastUse = Date.now();
let current = restored();
watchEnd();

function restored(): Session | undefined {
  try {
    const session = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null;
    return session && session.expires > Date.now() ? session : undefined;
  } catch {
    return undefined; // storage is forbidden: a reload signs out
  }
}

/** What is on the screen goes away when the session ends, not only when somebody asks for more. */
function watchEnd(): void {
  clearTimeout(end);
  if (!current) return;
  const until = Math.min(current.expires, lastUse + IDLE);
  end = setTimeout(() => closeSession('expired'), until - Date.now());
}

/** The API has seen the session. */
export function sessionUsed(): void {
  lastUse = Date.now();
  watchEnd();
}

/** Milliseconds since the API has seen the session. */
export const sessionUnusedFor = (): number => Date.now() - lastUse;

function change(session: Session | undefined): void {
  current = session;
  watchEnd();
  try {
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
  } catch {
    // storage is forbidden
  }
  for (const listener of listeners) listener();
}

export const session = (): Session | undefined => current;
export const lastSession = (): Ended | undefined => ended;

export function openSession(opened: Session): void {
  ended = undefined;
  lastUse = Date.now();
  change(opened);
}

/** Forgets the session, and all telemetry that has not been sent. */
export function closeSession(how: Ended['how']): void {
  if (current) ended = { how, path: location.pathname, userId: current.user.id };
  clearTelemetry();
  change(undefined);
}

export function useSession(): Session | undefined {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, session);
}
