import { APP_API, APP_OTHER_ROUTES, APP_PAGES } from './apps.ts';

/** Route templates of the clinic. Telemetry knows these and `unknown`, never a path that somebody typed. */
export const UNKNOWN_ROUTE = 'unknown';

/** Pages of the web app, as React Router declares them. */
export const PAGE_ROUTES = [
  ...APP_PAGES,
  '/',
  '/sign-in',
  '/clients',
  '/clients/:id',
  '/schedule',
  '/notes',
  '/notes/:id',
  '/documents',
  '/account',
  '/users',
] as const;

/** What the browser calls and the API serves. */
export const API_ROUTES = [
  ...APP_API,
  '/auth',
  '/api/session',
  '/api/second-factor',
  '/api/second-factor/confirmation',
  '/api/users',
  '/api/users/:id',
  '/api/dashboard',
  '/api/clients',
  '/api/clients/:id',
  '/api/clients/:id/break-glass',
  '/api/clients/:id/documents',
  '/api/appointments',
  '/api/appointments/:id',
  '/api/clinical-notes',
  '/api/clinical-notes/:id',
  '/api/clinical-notes/:id/signature',
  '/api/documents',
  '/api/documents/:id',
  '/api/health/database',
  '/api/health/email',
  '/api/health/storage',
] as const;

/** Served as well, but not timed as an API call. */
export const OTHER_ROUTES = [...APP_OTHER_ROUTES, '/telemetry', '/assets/:file', '/email-events'] as const;

export type PageRoute = (typeof PAGE_ROUTES)[number];
export type ApiRoute = (typeof API_ROUTES)[number];
