import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The secrets of a local installation. */
const names = [
  'postgres_password',
  'app_password',
  'sentinel_password',
  'backup_password',
  'demo_password',
  'totp_key',
  'audit_key',
  'email_webhook_key',
  'backup_key',
  'grafana_admin_password',
  'grafana_secret_key',
];

/**
 * Writes each secret that does not exist yet, 24 random characters, into `folder`; never overwrites one.
 * @param mode of the files: only their owner reads them natively; in containers other users do, whom only the mount lets in
 */
export function writeSecrets(folder: string, mode: number): void {
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const path = join(folder, name);
    const partial = `${path}.${process.pid}`;
    try {
      const file = openSync(partial, 'wx', mode);
      writeSync(file, randomBytes(18).toString('base64url'));
      closeSync(file);
      linkSync(partial, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(partial, { force: true });
    }
  }
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  const mode = process.env.SECRETS_MODE ?? '600';
  if (!folder || !/^[0-7]{3}$/.test(mode)) {
    console.error('usage: [SECRETS_MODE=600] node stack/secrets.ts DIR');
    process.exit(2);
  }
  writeSecrets(folder, Number.parseInt(mode, 8));
}
