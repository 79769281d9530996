/** Who is signed in: kept for this tab, so that a reload stays signed in, and gone when the tab is closed. */
import { clearTelemetry } from '@clinic/instrumentation/browser/schedule';
import { useSyncExternalStore } from 'react';

export interface Session {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expires: number;
  readonly user: { readonly name: string; readonly role: string };
}

const KEY = 'session';
const listeners = new Set<() => void>();
let current = restored();

function restored(): Session | undefined {
  try {
    const session = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null;
    return session && session.expires > Date.now() ? session : undefined;
  } catch {
    return undefined; // storage is forbidden: a reload signs out
  }
}

function change(session: Session | undefined): void {
  current = session;
  try {
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
  } catch {
    // storage is forbidden
  }
  for (const listener of listeners) listener();
}

export const session = (): Session | undefined => current;
export const openSession = (opened: Session): void => change(opened);

/** Forgets the session, and all telemetry that has not been sent. */
export function closeSession(): void {
  clearTelemetry();
  change(undefined);
}

export function useSession(): Session | undefined {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, session);
}
