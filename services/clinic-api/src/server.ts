import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { ConfigurationError, listenOn } from '@clinic/instrumentation/node/configuration';
import { createApp } from './app.ts';
import { openDatabase, waitForDatabase } from './database.ts';
import { log } from './log.ts';
import { migrate } from './migrations.ts';
import { seed } from './seed.ts';
import { settings } from './settings.ts';
import { delay, readiness, telemetry } from './telemetry.ts';
import { webApp } from './web-app.ts';

const DATABASE_WAIT_MS = 60_000;
/** Together below the ten seconds after which a container is killed. */
const DRAIN_MS = 4000;
const FLUSH_MS = 5000;

const database = openDatabase({ url: settings.DATABASE_URL, password: settings.DATABASE_PASSWORD_FILE });
const server = createServer();
server.headersTimeout = 10_000;
server.requestTimeout = 30_000;

async function start(): Promise<void> {
  const web = webApp({ root: settings.WEB_ROOT, delay: delay.wait });
  await waitForDatabase(database, {
    timeout: DATABASE_WAIT_MS,
    waiting: (secondsLeft) => log('warn', 'waiting_for_database', { seconds_left: secondsLeft }),
  });
  const migrations = await migrate(database, fileURLToPath(new URL('../migrations', import.meta.url)));
  const seeded = await seedIfAsked();
  telemetry.observePool(database.pool);
  server.on('request', createApp({ database, telemetry, web, log }));
  const port = await listenOn(server, settings.LISTEN);
  readiness.ready = true;
  log('info', 'listening', {
    port,
    management_port: telemetry.managementPort,
    migrations: migrations.length,
    seeded: seeded ? settings.SEED_CLIENTS : 0,
  });
}

async function seedIfAsked(): Promise<boolean> {
  const { SEED_CLIENTS: clients, DEMO_PASSWORD_FILE: password } = settings;
  if (clients === 0) return false;
  if (password !== undefined) return seed(database, { password, clients });
  throw new ConfigurationError('DEMO_PASSWORD_FILE is not set. Set it, or set SEED_CLIENTS to 0 for an empty clinic.');
}

/** Serves what has begun, sends what is waiting, ends. */
async function stop(): Promise<void> {
  readiness.ready = false;
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  // A connection that becomes idle after its last answer would be kept open for the next request.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(cut);
  clearInterval(sweep);
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
