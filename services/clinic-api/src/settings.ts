import { ConfigurationError, configuration, listen, secretFile, url } from '@clinic/instrumentation/node/configuration';
import { z } from 'zod';

const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= max, `must be at most ${max}`);

const variables = {
  /** A stack that forgets to say what it is, is a production one: drills stay off. */
  NODE_ENV: z.enum(['development', 'test', 'production']).default('production'),
  LISTEN: listen,
  MANAGEMENT_LISTEN: listen,
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  /** Share of traces kept, 0..1; slow ones are kept in any case. */
  TRACE_SAMPLE_RATIO: z
    .string()
    .regex(/^(?:0(?:\.\d+)?|1(?:\.0+)?)$/, 'must be a number from 0 to 1, for example 0.1')
    .transform(Number),
  DATABASE_URL: z
    .url({ protocol: /^postgres(?:ql)?$/, error: 'must be a postgres:// URL without a password' })
    .refine((text) => new URL(text).password === '', 'must not hold a password: put it into DATABASE_PASSWORD_FILE'),
  DATABASE_PASSWORD_FILE: secretFile,
  /** Password of the synthetic accounts; needed when there are to be any. */
  DEMO_PASSWORD_FILE: secretFile.optional(),
  /** Synthetic clients of an empty database; 0: neither clients nor accounts. */
  SEED_CLIENTS: wholeNumber(100_000),
  /** Folder of the built web app. */
  WEB_ROOT: z.string().min(1, 'must name a folder'),
};

function read() {
  try {
    return configuration(variables);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // The message says it all; a stack trace would bury it.
    console.error(error.message);
    process.exit(1);
  }
}

export const settings = read();
