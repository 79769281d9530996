import { METRICS } from '@clinic/catalogue/limits';
import { API_ROUTES, PAGE_ROUTES } from '@clinic/catalogue/routes';
import { errorType } from '@clinic/instrumentation/node/attributes';
import { browserTelemetry } from '@clinic/instrumentation/node/browser-telemetry';
import { activeRequest } from '@clinic/instrumentation/node/request';
import type { Telemetry } from '@clinic/instrumentation/node/telemetry';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { bookAppointment, changeAppointment, listAppointments } from './appointments.ts';
import type { AuditHashes } from './audit.ts';
import { breakGlass } from './break-glass.ts';
import { listClients, showClient } from './clients.ts';
import { listNotes, showNote, signNote, writeNote } from './clinical-notes.ts';
import { showDashboard } from './dashboard.ts';
import { type Database, DatabaseUnavailable } from './database.ts';
import { databaseHealth } from './database-health.ts';
import type { DocumentStore } from './document-store.ts';
import { documentBody, listDocuments, showDocument, storeDocument } from './documents.ts';
import { emailEvents } from './email-events.ts';
import { emailHealth } from './email-health.ts';
import { beginEnrolment, confirmEnrolment } from './enrolment.ts';
import type { EventCounters } from './event-counters.ts';
import type { Log } from './log.ts';
import type { MailServer } from './mail-server.ts';
import { PROBLEMS, Problem, problemOf, sendProblem } from './problem.ts';
import { type Route, serveRoutes } from './route.ts';
import type { TotpSecrets } from './second-factor.ts';
import { showSession, signOut } from './session-routes.ts';
import { signIn } from './sign-in.ts';
import { storageHealth } from './storage-health.ts';
import { changeUser, createUser, listUsers } from './users.ts';

export interface AppOptions extends Services {
  /** Serves pages and their files. */
  readonly web: Router;
  readonly log: Log;
  /** How many proxies in front of it write `X-Forwarded-For`. */
  readonly proxies: number;
}

const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

const secure: RequestHandler = (_req, res, next) => {
  res.set(SECURITY_HEADERS);
  next();
};

/** What the API says is about a person: no cache may keep it. */
const uncached: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};

/** What the routes work with. */
export interface Services {
  readonly database: Database;
  readonly telemetry: Telemetry;
  /** For what the audit log knows of an address and an account. */
  readonly hashes: AuditHashes;
  readonly secrets: TotpSecrets;
  readonly counters: EventCounters;
  readonly documents: DocumentStore;
  readonly mailServer: MailServer;
  /** Shared with the mail provider. */
  readonly emailWebhookKey: string;
}

const MEMBERS = ['clinician', 'frontdesk', 'admin'] as const;
const CARE = ['clinician', 'frontdesk'] as const;
const CLINICAL = ['clinician'] as const;
const ADMIN = ['admin'] as const;

/**
 * Everything that the clinic serves besides its pages: who may, what the audit log calls it, and who does it. A route that is
 * not here does not exist; one without an action says why it is not recorded.
 */
export function routesOf({
  database,
  telemetry,
  hashes,
  secrets,
  counters,
  documents,
  mailServer,
  emailWebhookKey,
}: Services): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/telemetry',
      roles: ['none'],
      audit: { exempt: 'Timings and listed words from a browser; nothing of a person, no access to data.' },
      serve: browserTelemetry({
        telemetry,
        service: 'clinic-web',
        pages: PAGE_ROUTES,
        api: API_ROUTES,
        metrics: METRICS,
      }),
    },
    {
      method: 'POST',
      path: '/auth',
      roles: ['none'],
      audit: 'sign_in',
      handler: signIn({ database, hashes, secrets, counted: counters.signIn }),
    },
    { method: 'DELETE', path: '/auth', roles: MEMBERS, enrolment: true, audit: 'sign_out', handler: signOut },
    {
      method: 'GET',
      path: '/api/session',
      roles: MEMBERS,
      enrolment: true,
      audit: { exempt: 'Tells somebody who they are; nothing of anybody else.' },
      serve: showSession,
    },
    {
      method: 'POST',
      path: '/api/second-factor',
      roles: MEMBERS,
      enrolment: true,
      audit: { exempt: 'Makes a secret that counts for nothing until it is confirmed; the confirmation is recorded.' },
      serve: beginEnrolment({ database, secrets }),
    },
    {
      method: 'POST',
      path: '/api/second-factor/confirmation',
      roles: MEMBERS,
      enrolment: true,
      audit: 'second_factor_enrolled',
      handler: confirmEnrolment({ secrets }),
    },
    { method: 'GET', path: '/api/users', roles: ADMIN, audit: 'user_list_read', handler: listUsers(hashes) },
    { method: 'POST', path: '/api/users', roles: ADMIN, audit: 'user_created', handler: createUser },
    { method: 'PATCH', path: '/api/users/:id', roles: ADMIN, audit: 'user_changed', handler: changeUser(hashes) },
    {
      method: 'GET',
      path: '/api/health/database',
      roles: ['none'],
      audit: { exempt: 'Says whether the database answers and how busy the pool is.' },
      serve: databaseHealth(database),
    },
    { method: 'GET', path: '/api/clients', roles: CARE, audit: 'client_list_read', handler: listClients },
    { method: 'GET', path: '/api/clients/:id', roles: CARE, audit: 'chart_read', handler: showClient },
    {
      method: 'POST',
      path: '/api/clients/:id/break-glass',
      roles: CLINICAL,
      audit: 'break_glass',
      handler: breakGlass,
    },
    {
      method: 'POST',
      path: '/api/clients/:id/documents',
      roles: CLINICAL,
      audit: 'document_stored',
      body: documentBody,
      handler: storeDocument(documents),
    },
    { method: 'GET', path: '/api/dashboard', roles: MEMBERS, audit: 'dashboard_read', handler: showDashboard },
    {
      method: 'GET',
      path: '/api/appointments',
      roles: CARE,
      audit: 'appointment_list_read',
      handler: listAppointments,
    },
    { method: 'POST', path: '/api/appointments', roles: CARE, audit: 'appointment_created', handler: bookAppointment },
    {
      method: 'PATCH',
      path: '/api/appointments/:id',
      roles: CARE,
      audit: 'appointment_changed',
      handler: changeAppointment,
    },
    { method: 'GET', path: '/api/clinical-notes', roles: CLINICAL, audit: 'note_list_read', handler: listNotes },
    { method: 'POST', path: '/api/clinical-notes', roles: CLINICAL, audit: 'note_written', handler: writeNote },
    { method: 'GET', path: '/api/clinical-notes/:id', roles: CLINICAL, audit: 'note_read', handler: showNote },
    {
      method: 'POST',
      path: '/api/clinical-notes/:id/signature',
      roles: CLINICAL,
      audit: 'note_signed',
      handler: signNote,
    },
    { method: 'GET', path: '/api/documents', roles: CARE, audit: 'document_list_read', handler: listDocuments },
    {
      method: 'GET',
      path: '/api/documents/:id',
      roles: CLINICAL,
      audit: 'document_read',
      handler: showDocument({ database, documents }),
    },
    {
      method: 'GET',
      path: '/api/health/email',
      roles: ['none'],
      audit: { exempt: 'Says whether the mail server answers and how many mails wait.' },
      serve: emailHealth(database, mailServer),
    },
    {
      method: 'GET',
      path: '/api/health/storage',
      roles: ['none'],
      audit: { exempt: 'Says whether documents can be stored and how much room there is.' },
      serve: storageHealth(documents),
    },
    {
      method: 'POST',
      path: '/email-events',
      roles: ['none'],
      audit: {
        exempt: 'The mail provider says what became of a mail; it reads nothing, and its signature says who it is.',
      },
      serve: emailEvents({ database, key: emailWebhookKey }),
    },
  ];
}

/** What an error of ours was made from: that says more than its own type. */
const rootOf = (error: unknown): unknown =>
  (error instanceof DatabaseUnavailable || error instanceof Problem) && error.cause !== undefined
    ? rootOf(error.cause)
    : error;

/** The clinic: API, telemetry of browsers, and the web app. */
export function createApp(options: AppOptions): Express {
  const { database, telemetry, hashes, counters, web, log, proxies } = options;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', proxies);
  app.disable('etag'); // nothing that is computed may be kept
  app.use(telemetry.middleware, secure);

  app.use(['/auth', '/api'], uncached);
  serveRoutes(app, routesOf(options), { database, hashes, recorded: counters.recorded });
  app.use(web);

  app.use((_req, res) => sendProblem(res, 'not_found'));
  app.use(((error, _req, res, next) => {
    const code = problemOf(error);
    const [status] = PROBLEMS[code];
    if (status >= 500) {
      log('error', 'request_failed', {
        route: activeRequest()?.route.template ?? 'unknown',
        status,
        code,
        error: errorType(rootOf(error)),
      });
    }
    if (res.headersSent) next(error);
    else sendProblem(res, code);
  }) satisfies ErrorRequestHandler);
  return app;
}
