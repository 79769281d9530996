import {
  ConfigurationError,
  configuration,
  listen,
  secretFile,
  url,
  wholeNumber,
} from '@clinic/instrumentation/node/configuration';
import { z } from 'zod';
import { databaseUrl } from './database-url.ts';

/** Random characters. */
const key = secretFile.refine((text) => text.length >= 24, 'must hold at least 24 random characters');

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
  DATABASE_URL: databaseUrl,
  DATABASE_PASSWORD_FILE: secretFile,
  /** What the secrets of second factors are encrypted with. */
  TOTP_KEY_FILE: key,
  /** What addresses and accounts are hashed with for the audit log. */
  AUDIT_KEY_FILE: key,
  /** How many proxies in front of it write X-Forwarded-For; 0: none, the header is not believed. */
  PROXIES: wholeNumber(0, 9).default(0),
  /** Shared with the mail provider, which signs with it what it reports. */
  EMAIL_WEBHOOK_KEY_FILE: key,
  /** The mail server; a user in the URL goes with SMTP_PASSWORD_FILE, and both only over TLS. */
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: 'must be an smtp:// or smtps:// URL' })
    .refine((text) => new URL(text).password === '', 'must not hold a password: put it into SMTP_PASSWORD_FILE'),
  SMTP_PASSWORD_FILE: secretFile.optional(),
  /** Who writes to clients. */
  EMAIL_FROM: z.email('must be an e-mail address').default('practice@clinic.example'),
  /** Folder of the documents. */
  DOCUMENT_STORE: z.string().min(1, 'must name a folder'),
  /** Folder of the built web app. */
  WEB_ROOT: z.string().min(1, 'must name a folder'),
};

function read() {
  try {
    const values = configuration(variables);
    if ((new URL(values.SMTP_URL).username === '') !== (values.SMTP_PASSWORD_FILE === undefined)) {
      throw new ConfigurationError(
        'The configuration cannot be used. A user in SMTP_URL goes with SMTP_PASSWORD_FILE: set both, or neither, and start again.',
      );
    }
    return values;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // The message says it all; a stack trace would bury it.
    console.error(error.message);
    process.exit(1);
  }
}

export const settings = read();
