import { call } from './api.ts';

export interface Dashboard {
  /** One's own. */
  readonly unsigned_notes: number;
  /** To clients, of the last seven days. */
  readonly emails_undelivered: number;
}

export const readDashboard = (signal: AbortSignal) => call<Dashboard>('/api/dashboard', { signal });
