import { ConfigurationError, configuration, listen, url } from '@clinic/instrumentation/node/configuration';
import { z } from 'zod';
import { replicaName, startRecorder } from './recorder.ts';

const prometheusUrls = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(url).min(1))
  .refine((urls) => new Set(urls.map(replicaName)).size === urls.length, 'names the same server twice');

function log(message: string): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), service: 'slow-event-recorder', message }));
}

try {
  const settings = configuration({
    LISTEN: listen,
    MANAGEMENT_LISTEN: listen,
    DATABASE_FILE: z.string().min(1, 'must be the path of a file'),
    PROMETHEUS_URLS: prometheusUrls,
  });
  const recorder = await startRecorder({
    listen: settings.LISTEN,
    managementListen: settings.MANAGEMENT_LISTEN,
    databaseFile: settings.DATABASE_FILE,
    prometheusUrls: settings.PROMETHEUS_URLS,
    log,
  });
  log(`Listening on port ${recorder.port}, management on ${recorder.managementPort}.`);
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log(`Stopping on ${signal}.`);
      recorder.close().then(
        () => process.exit(0),
        (error: Error) => {
          log(`Stopping failed: ${error.message}.`);
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  log(error.message);
  process.exitCode = 1;
}
