import { randomInt } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import {
  ConfigurationError,
  configuration,
  listen,
  listenOn,
  secretFile,
  url,
  wholeNumber,
} from '@clinic/instrumentation/node/configuration';
import { z } from 'zod';
import { openClinic } from './clinic.ts';
import { seededRandom } from './random.ts';
import { type Log, visit } from './visitor.ts';

const log = (event: Parameters<Log>[0] | 'started' | 'stopped', facts: Readonly<Record<string, number>> = {}) =>
  console.log(JSON.stringify({ time: new Date().toISOString(), event, ...facts }));

async function start(): Promise<void> {
  const settings = configuration({
    /** `/healthz`, for as long as the process runs: that the clinic is away is the clinic's own trouble. */
    MANAGEMENT_LISTEN: listen,
    CLINIC_URL: url,
    /** The e-mail address of a synthetic account. */
    ACCOUNT: z.string().min(3, 'must be an e-mail address'),
    /** And of a clinician, who reads notes as well; without it there is one visitor. */
    CLINICIAN_ACCOUNT: z.string().min(3, 'must be an e-mail address').optional(),
    /** Of both. */
    ACCOUNT_PASSWORD_FILE: secretFile,
    /** More would be a load test, not background. */
    REQUESTS_PER_MINUTE: wholeNumber(1, 600),
    /** The same seed makes the same visits. */
    SEED: wholeNumber(0, 2 ** 32 - 1).default(() => randomInt(2 ** 32)),
  });
  const leaving = new AbortController();
  const health = createServer((request, response) => {
    response.writeHead(request.url === '/healthz' ? 200 : 404).end();
  });
  await listenOn(health, settings.MANAGEMENT_LISTEN);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => leaving.abort());
  log('started', { requests_per_minute: settings.REQUESTS_PER_MINUTE, seed: settings.SEED });
  try {
    const accounts = [settings.ACCOUNT, settings.CLINICIAN_ACCOUNT].filter((account) => account !== undefined);
    await Promise.all(
      accounts.map((email, index) =>
        visit({
          clinic: openClinic({ url: settings.CLINIC_URL, signal: leaving.signal }),
          account: { email, password: settings.ACCOUNT_PASSWORD_FILE },
          clinician: email === settings.CLINICIAN_ACCOUNT,
          requestsPerMinute: settings.REQUESTS_PER_MINUTE / accounts.length,
          random: seededRandom(settings.SEED + index),
          sleep: (ms) => wait(ms, undefined, { signal: leaving.signal }),
          log: (event, status) => log(event, status === undefined ? {} : { status }),
        }),
      ),
    );
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    health.close();
    health.closeAllConnections();
    log('stopped');
  }
}

try {
  await start();
} catch (error) {
  console.error(error instanceof ConfigurationError ? error.message : error);
  process.exit(1);
}
