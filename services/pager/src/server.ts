import { statSync } from 'node:fs';
import { ConfigurationError, configuration, listen, listenOn, url } from '@clinic/instrumentation/node/configuration';
import { openMetricsRegistry, serveManagement } from '@clinic/instrumentation/node/management';
import { z } from 'zod';
import { type Inbox, openInbox } from './inbox.ts';
import { createPager } from './pager.ts';
import { pagerMetrics } from './pager-metrics.ts';
import { slowEventsFrom } from './slow-events.ts';
import { createWatchdog } from './watchdog.ts';

const log = (line: string) => console.log(line);

function open(file: string): Inbox {
  try {
    return openInbox(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown error';
    throw new ConfigurationError(`DATABASE_FILE cannot be opened (${why}). Its folder must exist and be writable.`);
  }
}

async function start(): Promise<void> {
  const settings = configuration({
    LISTEN: listen,
    MANAGEMENT_LISTEN: listen,
    DATABASE_FILE: z.string().min(1, 'must be a path'),
    RUNBOOKS: z
      .string()
      .refine((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory(), 'must be a folder of <AlertName>.md'),
    RECORDER_URL: url,
    TRACE_URL: url.refine((text) => text.includes('{trace_id}'), 'must hold {trace_id}'),
    WATCHDOG_SILENCE_SECONDS: z.coerce.number('must be a number of seconds').int().min(5).max(86_400).default(180),
  });
  const now = Date.now;
  const inbox = open(settings.DATABASE_FILE);
  const watchdog = createWatchdog({
    now,
    silenceMs: settings.WATCHDOG_SILENCE_SECONDS * 1000,
    last: inbox.lastSignOfLife(),
  });
  const registry = openMetricsRegistry();
  const pager = createPager({
    inbox,
    watchdog,
    metrics: pagerMetrics({ registry, inbox, watchdog }),
    fetchSlowEvents: slowEventsFrom({ recorderUrl: settings.RECORDER_URL, traceUrl: settings.TRACE_URL }),
    runbooks: settings.RUNBOOKS,
    now,
    log,
  });
  const management = await serveManagement({
    listen: settings.MANAGEMENT_LISTEN,
    registry,
    healthy: () => inbox.open().acknowledged >= 0,
  });
  const port = await listenOn(pager.server, settings.LISTEN);
  log(`pager: the inbox listens on port ${port}, its metrics on ${management.port}.`);

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await Promise.all([pager.close(), management.close()]);
    inbox.close();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

try {
  await start();
} catch (error) {
  console.error(error instanceof ConfigurationError ? error.message : error);
  process.exit(1);
}
