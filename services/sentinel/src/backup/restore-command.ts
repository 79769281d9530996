/**
 * `npm run ops:restore -- --at 2026-01-31T12:00:00Z --into FOLDER`: brings database and documents back as they were at a moment, into
 * a new folder. It needs neither sentinel nor the database to run, and touches nothing that does.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { read, UsageError } from '../../../../stack/commands.mjs';
import { findPostgres } from '../../../../stack/find-postgres.mjs';
import { backupKey } from './key.ts';
import { restoreTo } from './restore-to.ts';
import { openFolder } from './target.ts';

const { values } = read('ops:restore', process.argv.slice(2));

async function source() {
  if (!/^https?:/.test(values.from)) {
    if (!existsSync(join(values.from, 'base')))
      throw new Error(`There are no backups in ${values.from}. Give their folder: --from FOLDER`);
    return openFolder(resolve(values.from));
  }
  if (!values.credentials) throw new Error('A bucket needs --credentials FILE, with ACCESS_KEY_ID:SECRET_ACCESS_KEY.');
  const { openS3 } = await import('./s3-target.ts');
  return openS3({ url: values.from, credentials: readFileSync(values.credentials, 'utf8').trim() });
}

try {
  if (!values.into) throw new Error('Say where to: --into FOLDER, which must not exist yet.');
  if (values.at !== undefined && !/T.*(Z|[+-]\d\d:\d\d)$/.test(values.at)) {
    throw new UsageError('ops:restore', '--at needs a time with its zone, for example 2026-01-31T12:00:00Z');
  }
  const at = values.at === undefined ? undefined : Date.parse(values.at);
  if (Number.isNaN(at)) throw new UsageError('ops:restore', '--at is not a time.');
  if (!existsSync(values.key)) throw new Error(`There is no key at ${values.key}. Give it: --key FILE`);
  const bin = values.bin ?? findPostgres()?.bin;
  if (!bin)
    throw new Error('No PostgreSQL was found. Install the version that the backup is of, or give --bin FOLDER.');
  const begun = performance.now();
  const restored = await restoreTo({
    source: await source(),
    key: backupKey(readFileSync(values.key, 'utf8').replace(/\r?\n$/, '')),
    bin,
    into: resolve(values.into),
    at,
  });
  console.log(`Restored from backup ${restored.backup} in ${((performance.now() - begun) / 1000).toFixed(1)} s.
Last change in it: ${restored.lastCommit?.toISOString() ?? 'the backup itself'}
Database:  ${restored.data}
Documents: ${restored.documents}
How to go on: docs/recovery.md`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
