/** Route templates of the clinic. Telemetry knows these and `unknown`, never a path that somebody typed. */
export const UNKNOWN_ROUTE = 'unknown';

/** Pages of the web app, as React Router declares them. */
export const PAGE_ROUTES = ['/', '/sign-in', '/clients', '/clients/:id'] as const;

/** What the browser calls and the API serves. */
export const API_ROUTES = [
  '/auth',
  '/api/clients',
  '/api/clients/:id',
  '/api/appointments',
  '/api/health/database',
] as const;

/** Served as well, but not timed as an API call. */
export const OTHER_ROUTES = ['/telemetry', '/assets/:file'] as const;

export type PageRoute = (typeof PAGE_ROUTES)[number];
export type ApiRoute = (typeof API_ROUTES)[number];
