import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, configuration, listen, listenOn, url } from '@clinic/instrumentation/node/configuration';
import { createPreview } from './preview.ts';

const log = (line: string) => console.log(line);

function folder(key: string, path: string | undefined, hint: string): string {
  if (path && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new ConfigurationError(
    `The configuration cannot be used. ${key} ${path ? 'must be a folder' : 'is not set'}: ${hint}`,
  );
}

async function start(): Promise<void> {
  const settings = configuration({ LISTEN: listen, PROMETHEUS_URL: url, TEMPO_URL: url });
  const preview = createPreview({
    app: folder(
      'The app',
      join(import.meta.dirname, '../../dist'),
      'build it with npm start, or vite build in preview/.',
    ),
    dashboards: folder('DASHBOARDS', process.env.DASHBOARDS, 'give the folder of the dashboards, grafana/dashboards.'),
    urls: { prometheus: settings.PROMETHEUS_URL, tempo: settings.TEMPO_URL },
    log,
  });
  const port = await listenOn(preview.server, settings.LISTEN);
  log(`preview: dashboards and Explore on port ${port}.`);

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await preview.close();
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
