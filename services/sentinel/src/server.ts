import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ConfigurationError, listenOn } from '@clinic/instrumentation/node/configuration';
import { instruments } from '@clinic/instrumentation/node/instruments';
import { openMetricsRegistry, serveManagement } from '@clinic/instrumentation/node/management';
import { endWhenUncaught } from '@clinic/instrumentation/node/uncaught';
import { collectDefaultMetrics } from 'prom-client';
import { startAudit } from './audit/audit.ts';
import { startBackups } from './backup/backups.ts';
import { startCanaryScan } from './canary/canary-scan.ts';
import { openPool } from './database.ts';
import { reasonOf } from './health/check.ts';
import { startHealth } from './health/health.ts';
import { log } from './log.ts';
import { openMemory } from './memory.ts';
import { createPage } from './page/page.ts';
import { createSchedule, systemClock } from './schedule.ts';
import { readSettings } from './settings.ts';

/** Milliseconds; a container is killed after ten seconds. */
const STOP_WITHIN_MS = 8000;

async function start(): Promise<void> {
  const settings = readSettings();
  const folder = (name: string) => {
    const path = join(settings.STATE, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const clock = systemClock;
  const memory = openMemory(join(folder('memory'), 'sentinel.sqlite'));
  const database = openPool({ url: settings.DATABASE_URL, password: settings.DATABASE_PASSWORD_FILE });
  const registry = openMetricsRegistry();
  collectDefaultMetrics({ register: registry });
  const make = instruments(registry);
  const schedule = createSchedule({
    clock,
    memory,
    failed: (job, error) => log('error', 'job_failed', { job, error: reasonOf(error) }),
  });

  const health = startHealth({ settings, schedule, clock, instruments: make, log });
  const backups = await startBackups({
    settings,
    schedule,
    clock,
    memory,
    instruments: make,
    state: folder('backup'),
    log,
  });
  const audit = await startAudit({
    database,
    schedule,
    memory,
    now: clock.now,
    instruments: make,
    state: folder('audit'),
    clinicUrl: settings.CLINIC_URL,
    auditKey: settings.AUDIT_KEY_FILE,
    databaseUrl: settings.DATABASE_URL,
    proxies: settings.PROXIES,
    openingHours: settings.OPENING_HOURS,
    log,
  });
  const canary = startCanaryScan({
    prometheusUrl: settings.PROMETHEUS_URL,
    tempoUrl: settings.TEMPO_URL,
    schedule,
    clock,
    memory,
    instruments: make,
    log,
  });
  const page = createPage({ health, backups, now: clock.now });
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '/';
    if (!audit.handle(path, request, response)) page(path, request, response);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;

  const management = await serveManagement({
    listen: settings.MANAGEMENT_LISTEN,
    registry,
    healthy: () => server.listening,
    routes: {
      // For `npm run ops:restore-drill`: the drill runs here, so that none runs beside it.
      'POST /restore-drill': async (_request, response) => {
        const report = await backups.drillNow().catch((error: unknown) => {
          log('warn', 'restore_drill_impossible', { error: reasonOf(error) });
          return undefined;
        });
        response
          .writeHead(report ? 200 : 409, { 'content-type': 'application/json' })
          .end(JSON.stringify(report ?? null));
      },
      'POST /canary-scan': async (_request, response) => {
        const report = await canary.scanNow();
        const whole = report.prometheus && report.tempo;
        response.writeHead(whole ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(report));
      },
      // For `npm run ops:restore-finish`: nobody but sentinel signs the audit log.
      'POST /restored': async (request, response) => {
        const at = new URL(request.url ?? '/', 'http://sentinel').searchParams.get('at');
        const time = at === null ? undefined : Date.parse(at);
        if (Number.isNaN(time)) {
          response.writeHead(400).end();
          return;
        }
        const { breaks, length } = await audit.finishRestore(time);
        await backups.finishRestore();
        log('warn', 'restore_finished', { rows: length, breaks: breaks.length });
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ breaks, length }));
      },
      'POST /backup': async (_request, response) => {
        const id = await backups.backUp();
        response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ id }));
      },
    },
  });
  const port = await listenOn(server, settings.LISTEN);
  log('info', 'listening', { port, management_port: management.port });

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    // A drill may take longer than a container is given; what it started ends with this process.
    setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
    server.close();
    server.closeAllConnections();
    await Promise.all([audit.close(), backups.close(), management.close(), schedule.close()]);
    await database.end();
    memory.close();
    log('info', 'stopped');
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

endWhenUncaught((uncaught) => log('error', 'uncaught', { ...uncaught }));

try {
  await start();
} catch (error) {
  // What starting says is about configuration, never about a person.
  const why = error instanceof ConfigurationError || error instanceof Error ? error.message : 'unknown error';
  process.stderr.write(`sentinel cannot start: ${why}\n`);
  process.exit(1);
}
