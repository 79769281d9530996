import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { errorType } from '@clinic/instrumentation/node/attributes';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import { endWhenUncaught } from '@clinic/instrumentation/node/uncaught';
import { createApp } from './app.ts';
import { auditHashes } from './audit.ts';
import { openDatabase, waitForDatabase } from './database.ts';
import { openDocumentStore } from './document-store.ts';
import { runSweeps } from './document-sweep.ts';
import { eventCounters } from './event-counters.ts';
import { log } from './log.ts';
import { openMailServer } from './mail-server.ts';
import { checkSchema, MIGRATIONS } from './migrations.ts';
import { runOutbox } from './outbox.ts';
import { TotpSecrets } from './second-factor.ts';
import { settings } from './settings.ts';
import { delay, readiness, telemetry } from './telemetry.ts';
import { webApp } from './web-app.ts';

/** Together below the ten seconds after which a container is killed, unless a mail on its way keeps it longer. */
const DRAIN_MS = 4000;
const FLUSH_MS = 5000;

endWhenUncaught((uncaught) => log('error', 'uncaught', { ...uncaught }));

const database = openDatabase({ url: settings.DATABASE_URL, password: settings.DATABASE_PASSWORD_FILE });
const server = createServer();
server.headersTimeout = 10_000;
server.requestTimeout = 30_000;

const leaving = new AbortController();
const sleep = (ms: number) => wait(ms, undefined, { signal: leaving.signal });
const background: Promise<void>[] = [];

async function start(): Promise<void> {
  const web = webApp({ root: settings.WEB_ROOT, delay: delay.wait });
  await waitForDatabase(database, {
    waiting: (secondsLeft) => log('warn', 'waiting_for_database', { seconds_left: secondsLeft }),
  });
  const documents = await openDocumentStore(settings.DOCUMENT_STORE);
  const mailServer = openMailServer({
    url: settings.SMTP_URL,
    password: settings.SMTP_PASSWORD_FILE,
    from: settings.EMAIL_FROM,
  });
  await checkSchema(database, MIGRATIONS);
  telemetry.observePool(database.pool);
  server.on(
    'request',
    createApp({
      database,
      telemetry,
      hashes: auditHashes(settings.AUDIT_KEY_FILE),
      secrets: new TotpSecrets(settings.TOTP_KEY_FILE),
      counters: eventCounters(telemetry.instruments),
      documents,
      mailServer,
      emailWebhookKey: settings.EMAIL_WEBHOOK_KEY_FILE,
      proxies: settings.PROXIES,
      web,
      log,
    }),
  );
  const port = await listenOn(server, settings.LISTEN);
  readiness.ready = true;
  background.push(
    inBackground(runOutbox({ database, server: mailServer, log, signal: leaving.signal, sleep })),
    inBackground(runSweeps({ database, store: documents, log, sleep })),
  );
  log('info', 'listening', { port, management_port: telemetry.managementPort });
}

/** Runs beside the requests, until the clinic is stopped. */
async function inBackground(work: Promise<never>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!leaving.signal.aborted) log('error', 'background_failed', { error: errorType(error) });
  });
}

/** Serves what has begun, sends what is waiting, ends. */
async function stop(): Promise<void> {
  readiness.ready = false;
  leaving.abort();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  // A connection that becomes idle after its last answer would be kept open for the next request.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(cut);
  clearInterval(sweep);
  await Promise.all(background);
  await database.close();
  await telemetry.shutdown(FLUSH_MS);
  log('info', 'stopped');
}

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}

try {
  await start();
} catch (error) {
  // What starting says is about configuration and schema, never about a person.
  process.stderr.write(`clinic-api cannot start: ${error instanceof Error ? error.message : 'unknown error'}\n`);
  process.exit(1);
}
