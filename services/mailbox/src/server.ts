import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { errorType } from '@clinic/instrumentation/node/attributes';
import {
  ConfigurationError,
  configuration,
  listen,
  listenOn,
  secretFile,
  url,
} from '@clinic/instrumentation/node/configuration';
import { endWhenUncaught } from '@clinic/instrumentation/node/uncaught';
import { createMailbox } from './mailbox.ts';
import { createReports } from './reports.ts';

/** Listed words and numbers only: nothing of a mail, and nobody's address. */
const log = (event: string, facts: Readonly<Record<string, string | number>> = {}) =>
  console.log(JSON.stringify({ time: new Date().toISOString(), event, ...facts }));

async function start(): Promise<void> {
  const settings = configuration({
    /** SMTP. */
    LISTEN: listen,
    /** `/healthz`, and `/counts` of mails and reports. */
    MANAGEMENT_LISTEN: listen,
    /** Where the clinic hears what became of its mails. */
    EVENTS_URL: url,
    WEBHOOK_KEY_FILE: secretFile,
  });
  const leaving = new AbortController();
  const reports = createReports({
    url: settings.EVENTS_URL,
    key: settings.WEBHOOK_KEY_FILE,
    sleep: (ms) => wait(ms, undefined, { signal: leaving.signal }),
    log,
  });
  const mailbox = createMailbox({ taken: reports.add });
  const management = createServer((request, response) => {
    if (request.url === '/healthz') response.end('ok\n');
    else if (request.url === '/counts') {
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ ...mailbox.counts, ...reports.counts }));
    } else response.writeHead(404).end();
  });
  const { host, port } = settings.LISTEN;
  const smtpPort = await mailbox.listen(port, host).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigurationError(`LISTEN: cannot listen on ${host}:${port} (${error.code}). Choose another port.`);
  });
  const managementPort = await listenOn(management, settings.MANAGEMENT_LISTEN);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => leaving.abort());
  log('listening', { port: smtpPort, management_port: managementPort });
  try {
    await reports.run();
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
  management.close();
  management.closeAllConnections();
  await mailbox.close();
  log('stopped', { waiting: reports.counts.waiting });
}

endWhenUncaught((uncaught) => log('uncaught', { ...uncaught }));

try {
  await start();
} catch (error) {
  // Another error's message may quote a mail.
  console.error(error instanceof ConfigurationError ? error.message : `mailbox ended: ${errorType(error)}`);
  process.exit(1);
}
