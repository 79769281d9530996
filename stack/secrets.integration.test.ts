import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeSecrets } from './secrets.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return join(path, 'new');
}
const read = (path: string) =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'utf8')]));
const mode = (path: string) => statSync(path).mode & 0o777;

it('writes random secrets that only their owner reads, and never overwrites one', () => {
  const path = folder();
  writeSecrets(path, 0o600);
  const first = read(path);
  expect(Object.keys(first).sort()).toEqual([
    'app_password',
    'audit_key',
    'backup_key',
    'backup_password',
    'demo_password',
    'email_webhook_key',
    'grafana_admin_password',
    'grafana_secret_key',
    'postgres_password',
    'sentinel_password',
    'totp_key',
  ]);
  expect(first.demo_password).toMatch(/^[\w-]{24}$/);
  expect(first.demo_password).not.toBe(first.postgres_password);
  expect(mode(join(path, 'demo_password'))).toBe(0o600);
  rmSync(join(path, 'postgres_password'));
  writeSecrets(path, 0o600);
  expect(read(path).demo_password).toBe(first.demo_password);
  expect(read(path).postgres_password).not.toBe(first.postgres_password);
});

it('takes the mode from SECRETS_MODE, and refuses one that is none', () => {
  const path = folder();
  const run = (value: string) =>
    execFileSync(process.execPath, [join(import.meta.dirname, 'secrets.ts'), path], {
      env: { SECRETS_MODE: value },
      stdio: 'pipe',
    });
  expect(() => run('rw')).toThrow('usage:');
  run('444');
  expect(mode(join(path, 'demo_password'))).toBe(0o444);
});
