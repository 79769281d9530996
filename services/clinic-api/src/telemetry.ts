// Loaded by `node --import`, before the application, so that every request and query is seen.
import { METRICS } from '@clinic/catalogue/limits';
import { API_ROUTES, OTHER_ROUTES, PAGE_ROUTES } from '@clinic/catalogue/routes';
import { TABLES } from '@clinic/catalogue/vocabulary';
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
    'POST /auth': [200, 401, 500, 503],
    'GET /api/clients': [200, 401, 500, 503],
    'GET /api/clients/:id': [200, 401, 404, 500, 503],
    'POST /api/appointments': [201, 401, 409, 500, 503],
    'GET /api/health/database': [200, 503],
    'POST /telemetry': [204],
  },
  sampleRatio: settings.TRACE_SAMPLE_RATIO,
  pg,
  managementRoutes: delay.routes,
  healthy: () => readiness.ready,
});
