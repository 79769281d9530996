import { METRICS } from '@clinic/catalogue/limits';
import { API_ROUTES, PAGE_ROUTES } from '@clinic/catalogue/routes';
import { errorType } from '@clinic/instrumentation/node/attributes';
import { browserTelemetry } from '@clinic/instrumentation/node/browser-telemetry';
import { activeRequest } from '@clinic/instrumentation/node/request';
import type { Telemetry } from '@clinic/instrumentation/node/telemetry';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { ZodError } from 'zod';
import { bookAppointment } from './appointments.ts';
import { listClients, showClient } from './clients.ts';
import { type Database, DatabaseUnavailable } from './database.ts';
import { databaseHealth } from './database-health.ts';
import type { Log } from './log.ts';
import { PROBLEMS, Problem, type ProblemCode, sendProblem } from './problem.ts';
import { userOf } from './sessions.ts';
import { signIn } from './sign-in.ts';
import { SignInThrottle } from './sign-in-throttle.ts';

export interface AppOptions {
  readonly database: Database;
  readonly telemetry: Telemetry;
  /** Serves pages and their files. */
  readonly web: Router;
  readonly log: Log;
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

/** `type` of the errors of Express' body parser. */
const BODY_PROBLEMS: Readonly<Record<string, ProblemCode>> = {
  'entity.parse.failed': 'body_malformed',
  'entity.too.large': 'body_too_large',
  'encoding.unsupported': 'body_unsupported',
  'charset.unsupported': 'body_unsupported',
};

function problemOf(error: unknown): ProblemCode {
  if (error instanceof Problem) return error.code;
  if (error instanceof ZodError) return 'request_invalid';
  if (error instanceof DatabaseUnavailable) return 'database_unavailable';
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (typeof type === 'string' && Object.hasOwn(BODY_PROBLEMS, type)) return BODY_PROBLEMS[type]!;
  // Express' own, such as a path that cannot be decoded.
  return typeof status === 'number' && status >= 400 && status < 500 ? 'request_invalid' : 'internal';
}

/** The clinic: API, telemetry of browsers, and the web app. */
export function createApp({ database, telemetry, web, log }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // nothing that is computed may be kept
  app.use(telemetry.middleware, secure);

  app.post(
    '/telemetry',
    browserTelemetry({ telemetry, service: 'clinic-web', pages: PAGE_ROUTES, api: API_ROUTES, metrics: METRICS }),
  );

  const signedIn: RequestHandler = async (req, _res, next) => {
    if (!(await userOf(database.query, req.headers.authorization))) throw new Problem('signed_out');
    next();
  };
  const json = express.json({ limit: '100kb' });
  app.use(['/auth', '/api'], uncached);
  app.post('/auth', json, signIn({ database, throttle: new SignInThrottle() }));
  app.get('/api/health/database', databaseHealth(database));
  app.get('/api/clients', signedIn, listClients(database));
  app.get('/api/clients/:id', signedIn, showClient(database));
  app.post('/api/appointments', signedIn, json, bookAppointment(database));
  app.use(web);

  app.use((_req, res) => sendProblem(res, 'not_found'));
  app.use(((error, _req, res, next) => {
    const code = problemOf(error);
    const [status] = PROBLEMS[code];
    if (status >= 500) {
      const cause = error instanceof DatabaseUnavailable ? error.cause : error;
      log('error', 'request_failed', {
        route: activeRequest()?.route.template ?? 'unknown',
        status,
        code,
        error: errorType(cause),
      });
    }
    if (res.headersSent) next(error);
    else sendProblem(res, code);
  }) satisfies ErrorRequestHandler);
  return app;
}
