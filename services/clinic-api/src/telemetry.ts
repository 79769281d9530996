// Loaded by `node --import`, before the application, so that every request and query is seen.
import { join } from 'node:path';
import { METRICS } from '@clinic/catalogue/limits';
import { API_ROUTES, OTHER_ROUTES, PAGE_ROUTES } from '@clinic/catalogue/routes';
import { TABLES } from '@clinic/catalogue/vocabulary';
import { Stacks } from '@clinic/instrumentation/node/stacks';
import { startTelemetry } from '@clinic/instrumentation/node/telemetry';
import pg from 'pg';
import manifest from '../package.json' with { type: 'json' };
import { pageDelay } from './delay.ts';
import { settings } from './settings.ts';

export const delay = pageDelay({ production: settings.NODE_ENV === 'production' });

/** Whether requests are served. */
export const readiness = { ready: false };

export const telemetry = await startTelemetry({
  service: 'clinic-api',
  version: manifest.version,
  collector: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
  managementListen: settings.MANAGEMENT_LISTEN,
  routes: { pages: PAGE_ROUTES, api: API_ROUTES, other: OTHER_ROUTES },
  tables: TABLES,
  metrics: METRICS,
  responses: {
    ...Object.fromEntries(PAGE_ROUTES.map((page) => [`GET ${page}`, [200]])),
    'POST /auth': [200, 401, 429, 500, 503],
    'DELETE /auth': [204, 401, 500, 503],
    'GET /api/session': [200, 401, 500, 503],
    'POST /api/second-factor': [200, 401, 409, 500, 503],
    'POST /api/second-factor/confirmation': [200, 401, 409, 422, 500, 503],
    'GET /api/users': [200, 401, 403, 500, 503],
    'POST /api/users': [201, 401, 403, 409, 500, 503],
    'PATCH /api/users/:id': [200, 401, 403, 404, 409, 500, 503],
    'GET /api/clients': [200, 401, 500, 503],
    'GET /api/clients/:id': [200, 401, 404, 500, 503],
    'GET /api/dashboard': [200, 401, 500, 503],
    'GET /api/appointments': [200, 401, 500, 503],
    'POST /api/appointments': [201, 401, 409, 500, 503],
    'PATCH /api/appointments/:id': [200, 401, 404, 409, 500, 503],
    'GET /api/clinical-notes': [200, 401, 500, 503],
    'POST /api/clinical-notes': [201, 401, 500, 503],
    'GET /api/clinical-notes/:id': [200, 401, 404, 500, 503],
    'POST /api/clinical-notes/:id/signature': [200, 401, 409, 500, 503],
    'GET /api/documents': [200, 401, 500, 503],
    'GET /api/documents/:id': [200, 401, 404, 500, 503],
    'POST /api/clients/:id/documents': [201, 401, 413, 500, 503, 507],
    'POST /api/clients/:id/break-glass': [201, 401, 500, 503],
    'GET /api/health/database': [200, 503],
    'GET /api/health/email': [200, 503],
    'GET /api/health/storage': [200, 503],
    'POST /email-events': [204, 403, 404, 503],
    'POST /telemetry': [204],
  },
  sampleRatio: settings.TRACE_SAMPLE_RATIO,
  pg,
  // As services/clinic-web/vite.config.ts lays them out.
  stacks: new Stacks({ scripts: join(settings.WEB_ROOT, 'assets'), maps: join(settings.WEB_ROOT, '.maps') }),
  managementRoutes: delay.routes,
  healthy: () => readiness.ready,
});
