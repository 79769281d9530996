import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OtlpSink, otlpSink } from '@clinic/instrumentation/node/testing/otlp-sink';
import { type Database, openDatabase } from '../database.ts';
import { giveRolesPasswords } from '../database-roles.ts';
import { type ClinicProcess, endLeftovers, startClinic } from './clinic-process.ts';
import { sharedPostgres, type TestPostgres } from './postgres.ts';

/** Of every secret that a service reads from a file: its content. */
const SECRETS = {
  postgres_password: undefined,
  app_password: 'app-password-of-a-test',
  sentinel_password: 'sentinel-password-of-a-test',
  backup_password: 'backup-password-of-a-test',
  demo_password: 'demo-password-of-a-test',
  totp_key: 'totp-key-of-a-test-24-ch',
  audit_key: 'audit-key-of-a-test-24-c',
  email_webhook_key: 'email-key-of-a-test-24-c',
} as const;
type Secret = keyof typeof SECRETS;

export interface Prepared {
  /** Of the clinic's process. */
  readonly environment: Readonly<Record<string, string>>;
  /** As the owner of the tables. */
  readonly owner: Database;
  /** As the clinic itself. */
  readonly app: Database;
}

export interface PrepareOptions {
  /** Synthetic clients; 0: neither clients nor accounts. */
  readonly clients: number;
}

/** Everything that a clinic needs: a real PostgreSQL with the real roles, secrets, a folder for documents, a sink for telemetry. */
export interface TestClinic {
  readonly postgres: TestPostgres;
  readonly sink: OtlpSink;
  readonly folder: string;
  secret(name: Exclude<Secret, 'postgres_password'>): string;
  secretFile(name: Secret): string;
  /** A new database, made ready by the program that does so in production. */
  prepare(name: string, options: PrepareOptions): Promise<Prepared>;
  /** Starts the clinic, as the database role clinic_app. */
  start(environment: Readonly<Record<string, string>>): Promise<ClinicProcess>;
  close(): Promise<void>;
}

const MIGRATE = fileURLToPath(new URL('../migrate.ts', import.meta.url));

async function run(program: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, [program], { env: { PATH: process.env.PATH, ...environment } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output}`);
}

/** Of the server that the worker's files have in common, unless it is given another, which it closes as well. */
export async function testClinic(server?: TestPostgres): Promise<TestClinic> {
  const folder = mkdtempSync(join(tmpdir(), 'test-clinic-'));
  const [postgres, sink] = await Promise.all([server ?? sharedPostgres(), otlpSink()]);
  const secretFile = (name: Secret) => join(folder, 'secrets', name);
  mkdirSync(join(folder, 'secrets'));
  for (const [name, content] of Object.entries(SECRETS)) {
    writeFileSync(secretFile(name as Secret), `${content ?? postgres.password}\n`);
  }
  mkdirSync(join(folder, 'web/assets'), { recursive: true });
  writeFileSync(join(folder, 'web/index.html'), '<!doctype html><head><!--traceparent--></head><body>clinic</body>');
  writeFileSync(join(folder, 'web/assets/app-1234.js'), 'export {}');
  const opened: Database[] = [];
  const open = (url: string, password: string) => {
    const database = openDatabase({ url, password });
    opened.push(database);
    return database;
  };
  return {
    postgres,
    sink,
    folder,
    secret: (name) => SECRETS[name],
    secretFile,
    async prepare(name, { clients }) {
      const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
      const template = `clinic_of_${clients}_on_${today}`;
      const filed = join(postgres.folder, 'documents', template);
      await postgres.template(template, async (url) => {
        rmSync(filed, { recursive: true, force: true });
        mkdirSync(filed, { recursive: true });
        await run(MIGRATE, {
          DATABASE_URL: url,
          DATABASE_PASSWORD_FILE: secretFile('postgres_password'),
          APP_PASSWORD_FILE: secretFile('app_password'),
          SENTINEL_PASSWORD_FILE: secretFile('sentinel_password'),
          BACKUP_PASSWORD_FILE: secretFile('backup_password'),
          DEMO_PASSWORD_FILE: secretFile('demo_password'),
          DOCUMENT_STORE: filed,
          SEED_CLIENTS: String(clients),
        });
      });
      await (await postgres.create(name, template)).close();
      const owner = open(postgres.urlOf(name), postgres.password);
      // Roles are the server's, and whoever used it before may have given them other passwords.
      await giveRolesPasswords(owner, {
        clinic_app: SECRETS.app_password,
        clinic_sentinel: SECRETS.sentinel_password,
        clinic_backup: SECRETS.backup_password,
      });
      const asApp = new URL(postgres.urlOf(name));
      asApp.username = 'clinic_app';
      const documents = join(folder, 'documents', name);
      cpSync(filed, documents, { recursive: true });
      return {
        owner,
        app: open(asApp.href, SECRETS.app_password),
        environment: {
          NODE_ENV: 'development',
          LISTEN: '127.0.0.1:0',
          MANAGEMENT_LISTEN: '127.0.0.1:0',
          OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
          TRACE_SAMPLE_RATIO: '1',
          DATABASE_URL: asApp.href,
          DATABASE_PASSWORD_FILE: secretFile('app_password'),
          TOTP_KEY_FILE: secretFile('totp_key'),
          AUDIT_KEY_FILE: secretFile('audit_key'),
          EMAIL_WEBHOOK_KEY_FILE: secretFile('email_webhook_key'),
          // Nothing listens there: mail waits.
          SMTP_URL: 'smtp://127.0.0.1:9',
          DOCUMENT_STORE: documents,
          WEB_ROOT: join(folder, 'web'),
        },
      };
    },
    start: startClinic,
    async close() {
      endLeftovers();
      await Promise.all(opened.map((database) => database.close()));
      await Promise.all([postgres.close(), sink.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
