import {
  ConfigurationError,
  configuration,
  listen,
  secretFile,
  url,
  wholeNumber,
} from '@clinic/instrumentation/node/configuration';
import { z } from 'zod';

const database = z
  .url({ protocol: /^postgres(?:ql)?$/, error: 'must be a postgres:// URL without a password' })
  .refine((text) => new URL(text).password === '', 'must not hold a password: put it into the _PASSWORD_FILE');

const folder = z.string().min(1, 'must name a folder');

export interface ServiceAddress {
  readonly name: string;
  /** What answers 200 when the service is well. */
  readonly url: string;
}

const services = z.string().transform((text, context): ServiceAddress[] => {
  const found = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => ({ name: part.slice(0, part.indexOf('=')), url: part.slice(part.indexOf('=') + 1) }));
  const usable = found.every(
    ({ name, url: address }) => /^[a-z][a-z0-9-]*$/.test(name) && url.safeParse(address).success,
  );
  if (usable && new Set(found.map(({ name }) => name)).size === found.length) return found;
  context.addIssue({ code: 'custom', message: 'must be name=http://… of each service once, separated by spaces' });
  return z.NEVER;
});

/** `Europe/Zurich 7-20`: on weekdays, from the first full hour to the second. */
const openingHours = z.string().transform((text, context) => {
  const [, timeZone = '', from, to] = /^(\S+) (\d{1,2})-(\d{1,2})$/.exec(text) ?? [];
  const hours = { timeZone, from: Number(from), to: Number(to) };
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    if (hours.from < hours.to && hours.to <= 24) return hours;
  } catch {}
  context.addIssue({ code: 'custom', message: 'must be a time zone and two hours, for example Europe/Zurich 7-20' });
  return z.NEVER;
});

const variables = {
  LISTEN: listen,
  MANAGEMENT_LISTEN: listen,
  /** As clinic_sentinel, which reads, and writes to the audit log only. */
  DATABASE_URL: database,
  DATABASE_PASSWORD_FILE: secretFile,
  /** As clinic_backup, which may replicate. */
  BACKUP_URL: database,
  BACKUP_PASSWORD_FILE: secretFile,
  /** What backups are encrypted with: whoever loses it has no backup. */
  BACKUP_KEY_FILE: secretFile,
  AUDIT_KEY_FILE: secretFile,
  /** Folder of postgres, pg_basebackup and their kin. */
  POSTGRES_BIN: folder,
  /** The clinic's documents; read only. */
  DOCUMENT_STORE: folder,
  /** Folder of sentinel's own: what it remembers, backups, drills. */
  STATE: folder,
  /** A folder, or https://<endpoint>/<bucket> of a store that speaks S3. */
  OFFSITE: z.string().min(1, 'must be a folder, or https://endpoint/bucket'),
  /** Holds ACCESS_KEY_ID:SECRET_ACCESS_KEY; for S3 only. */
  OFFSITE_CREDENTIALS_FILE: secretFile.optional(),
  CLINIC_URL: url,
  /** Searched for the synthetic patient. */
  PROMETHEUS_URL: url,
  TEMPO_URL: url,
  /** When the practice is open: a sign-in at another time is counted. */
  OPENING_HOURS: openingHours.default({ timeZone: 'UTC', from: 7, to: 20 }),
  SERVICES: services,
  /** How many proxies in front of it write X-Forwarded-For; 0: none, the header is not believed. */
  PROXIES: wholeNumber(0, 9).default(0),
};

export type Settings = z.output<z.ZodObject<typeof variables>>;

/** Throws a ConfigurationError that names every wrong key. */
export function readSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const settings = configuration(variables, environment);
  if (/^https?:/.test(settings.OFFSITE) && !settings.OFFSITE_CREDENTIALS_FILE) {
    throw new ConfigurationError(
      'OFFSITE_CREDENTIALS_FILE is not set, and OFFSITE is an S3 store. Set it to a file with ACCESS_KEY_ID:SECRET_ACCESS_KEY.',
    );
  }
  return settings;
}
