import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import type { Copy } from './copy.ts';
import { start } from './program.ts';

/** Where the clinic's own program is: beside sentinel, in the repository as in the image. */
const CLINIC = join(import.meta.dirname, '../../../clinic-api/src');
const ACCOUNT = 'restore-drill@clinic.invalid';
const DEADLINE_MS = 60_000;

export interface ClinicOnCopyOptions {
  readonly copy: Copy;
  readonly database: string;
  /** A folder of its own: secrets for this run, and an empty store of documents. */
  readonly work: string;
}

export interface ClinicOnCopy {
  /** Throws when the copy does not let its account in. */
  signIn(): Promise<void>;
  /** Throws when a chart does not open. To be called after `signIn`. */
  openChart(): Promise<void>;
  stop(): Promise<void>;
}

/** An account of the drill's own, since nobody's password is known; and no mail of the copy must ever be sent. */
async function prepare(
  client: pg.Client,
  { password, hash }: { readonly password: string; readonly hash: string },
): Promise<void> {
  await client.query(`UPDATE emails SET next_attempt_at = 'infinity' WHERE state IN ('queued', 'deferred')`);
  await client.query(`ALTER ROLE clinic_app LOGIN PASSWORD ${client.escapeLiteral(password)}`);
  await client.query(
    `INSERT INTO users (email, name, role, password_hash) VALUES ($1, 'Restore drill', 'clinician', $2)
     ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash, active = true`,
    [ACCOUNT, hash],
  );
}

/** Starts the real clinic on a restored copy that can be written. */
export async function startClinicOnCopy({ copy, database, work }: ClinicOnCopyOptions): Promise<ClinicOnCopy> {
  mkdirSync(join(work, 'documents'), { recursive: true, mode: 0o700 });
  const secret = (name: string, value = randomBytes(18).toString('base64url')) => {
    const file = join(work, name);
    writeFileSync(file, value, { mode: 0o600 });
    return file;
  };
  const client = await copy.connect(database);
  const account = randomBytes(18).toString('base64url');
  let chart: string;
  try {
    const passwords: { hashPassword(password: string): Promise<string> } = await import(join(CLINIC, 'passwords.ts'));
    await prepare(client, { password: copy.password, hash: await passwords.hashPassword(account) });
    const { rows } = await client.query<{ id: string }>('SELECT id FROM clients ORDER BY id LIMIT 1');
    if (!rows[0]) throw new Error('The copy holds no client whose chart could be opened.');
    chart = rows[0].id;
  } finally {
    await client.end();
  }
  const { child, ended } = start(
    [process.execPath, '--import', join(CLINIC, 'telemetry.ts'), join(CLINIC, 'server.ts')],
    {
      environment: {
        NODE_ENV: 'production',
        LISTEN: '127.0.0.1:0',
        MANAGEMENT_LISTEN: '127.0.0.1:0',
        // Nobody listens there: neither telemetry nor mail leaves the copy.
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        SMTP_URL: 'smtp://127.0.0.1:9',
        TRACE_SAMPLE_RATIO: '0',
        DATABASE_URL: `postgres://clinic_app@127.0.0.1:${copy.port}/${database}`,
        DATABASE_PASSWORD_FILE: secret('app_password', copy.password),
        TOTP_KEY_FILE: secret('totp_key'),
        AUDIT_KEY_FILE: secret('audit_key'),
        EMAIL_WEBHOOK_KEY_FILE: secret('email_webhook_key'),
        DOCUMENT_STORE: join(work, 'documents'),
        SEED_CLIENTS: '0',
        WEB_ROOT: join(CLINIC, '../../clinic-web/dist'),
      },
    },
  );
  let said = '';
  const port = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('The clinic did not start on the copy in time.')), DEADLINE_MS);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-8000);
      const found = /"event":"listening","port":(\d+)/.exec(said)?.[1];
      if (!found) return;
      clearTimeout(late);
      resolve(found);
    });
    ended.catch((error: unknown) => {
      clearTimeout(late);
      reject(error instanceof Error ? error : new Error('The clinic ended.'));
    });
  }).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const url = `http://127.0.0.1:${port}`;
  let token = '';
  return {
    async signIn() {
      const response = await fetch(`${url}/auth`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: ACCOUNT, password: account }),
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      const answer = (await response.json()) as { access_token?: string };
      if (response.status !== 200 || !answer.access_token)
        throw new Error(`The sign-in was answered with ${response.status}.`);
      token = answer.access_token;
    },
    async openChart() {
      const response = await fetch(`${url}/api/clients/${chart}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      const answer = (await response.json()) as { client?: { id?: string } };
      if (response.status !== 200 || answer.client?.id !== chart)
        throw new Error(`A chart was answered with ${response.status}.`);
    },
    async stop() {
      child.kill('SIGTERM');
      await ended.catch(() => {});
    },
  };
}
