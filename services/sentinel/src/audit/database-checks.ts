/** What the roles of the database may do, as granted, and how the server is set. */
import { TABLES } from '@clinic/catalogue/vocabulary';
import pg from 'pg';
import { connectionOf } from '../database.ts';
import { type Checked, checked, type Finding, together } from './configuration-rules.ts';
import type { Query } from './query.ts';
import { isNear } from './web-checks.ts';

const SERVICE_ROLES = ['clinic_app', 'clinic_sentinel', 'clinic_backup'] as const;
const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] as const;
type Privilege = (typeof PRIVILEGES)[number];

/** What a role may hold on a whole table. What is not here is too much; column privileges are looked at apart. */
const ALLOWED: Readonly<Record<(typeof SERVICE_ROLES)[number], (table: string) => readonly Privilege[]>> = {
  clinic_app: (table) => {
    if (table === 'schema_migrations') return ['SELECT'];
    if (table === 'audit_log' || table === 'break_glass') return ['SELECT', 'INSERT'];
    if (table === 'clinical_notes' || table === 'documents') return ['SELECT', 'INSERT'];
    const passing = ['sessions', 'recovery_codes', 'sign_in_attempts'].includes(table);
    return ['SELECT', 'INSERT', 'UPDATE', ...(passing ? (['DELETE'] as const) : [])];
  },
  clinic_sentinel: (table) => (table === 'audit_log' ? ['SELECT', 'INSERT'] : ['SELECT']),
  // It copies whole files; to tell that a copy is right it compares every row.
  clinic_backup: () => ['SELECT'],
};

/** What only the application may read, by role that may not: what signs somebody in, and what somebody wrote. */
const UNREADABLE = [
  ['users', 'password_hash'],
  ['users', 'totp_secret'],
  ['sessions', 'token_hash'],
  ['recovery_codes', 'code_hash'],
  ['clinical_notes', 'body'],
  ['messages', 'body'],
] as const;

const MEMBERSHIPS: Readonly<Record<string, readonly string[]>> = {
  clinic_sentinel: ['pg_monitor'],
  clinic_backup: ['pg_read_all_data', 'pg_checkpoint'],
};

const SETTINGS: Readonly<Record<string, RegExp>> = {
  password_encryption: /^scram-sha-256$/,
  // Statements hold what people typed.
  log_statement: /^(?:none|ddl)$/,
  log_min_duration_statement: /^-1$/,
  log_parameter_max_length_on_error: /^0$/,
  data_checksums: /^on$/,
  fsync: /^on$/,
  full_page_writes: /^on$/,
};

/** Tried for every account of the server that a service uses. */
const KNOWN_PASSWORDS = ['', 'postgres', 'password', 'clinic', 'admin', 'changeme'];

export interface DatabaseTarget {
  readonly query: Query;
  /** `postgres://user@host:port/name`, to try passwords on. */
  readonly url: string;
}

export async function databaseChecks({ query, url }: DatabaseTarget): Promise<Checked> {
  return together(
    await Promise.all([
      checked('roles', () => roleFindings(query)),
      checked('privileges', () => privilegeFindings(query)),
      checked('chain of the audit log', () => triggerFindings(query)),
      checked('settings of the database', () => settingFindings(query)),
      checked('encryption of connections', () => connectionFindings(query, new URL(url).hostname)),
      checked('known passwords', () => passwordFindings(url)),
    ]),
  );
}

async function roleFindings(query: Query): Promise<Finding[]> {
  const rows = await query<{ role: string; powers: string[]; memberships: string[]; owned: number }>(
    `SELECT rolname AS role, array_remove(ARRAY[
        CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
        CASE WHEN rolreplication AND rolname <> 'clinic_backup' THEN 'REPLICATION' END], NULL) AS powers,
      ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS memberships,
      (SELECT count(*)::int FROM pg_class c WHERE c.relowner = r.oid) AS owned
     FROM pg_roles r WHERE rolname = ANY($1)`,
    [SERVICE_ROLES],
  );
  if (rows.length < SERVICE_ROLES.length) throw new Error('a role of a service does not exist');
  return rows.flatMap(({ role, powers, memberships, owned }): Finding[] => [
    ...powers.map((power): Finding => ({ rule: 'role_powerful', subject: `${role}: ${power}` })),
    ...memberships
      .filter((group) => !MEMBERSHIPS[role]?.includes(group))
      .map((group): Finding => ({ rule: 'role_powerful', subject: `${role}: member of ${group}` })),
    ...(owned > 0 ? [{ rule: 'role_powerful' as const, subject: `${role}: owns what it should only use` }] : []),
  ]);
}

async function privilegeFindings(query: Query): Promise<Finding[]> {
  const held = await query<{ role: string; table: string; privilege: Privilege }>(
    `SELECT r.role, c.relname AS "table", p.privilege
     FROM unnest($1::text[]) AS r (role), pg_class c, unnest($2::text[]) AS p (privilege)
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
     AND has_table_privilege(r.role, c.oid, p.privilege)`,
    [SERVICE_ROLES, PRIVILEGES],
  );
  const excess = held.filter(
    ({ role, table, privilege }) => !ALLOWED[role as keyof typeof ALLOWED](table).includes(privilege),
  );
  const readable = await query<{ table: string; column: string; role: string }>(
    `SELECT c.tab AS "table", c.col AS "column", r.role
     FROM unnest($1::text[], $2::text[]) AS c (tab, col), unnest(ARRAY['clinic_sentinel']) AS r (role)
     WHERE has_column_privilege(r.role, 'public.' || c.tab, c.col, 'SELECT')`,
    [UNREADABLE.map(([table]) => table), UNREADABLE.map(([, column]) => column)],
  );
  const [open] = await query<{ create: boolean; tables: string[] }>(
    `SELECT has_schema_privilege('public', 'public', 'CREATE') AS create, ARRAY(
      SELECT DISTINCT c.relname::text FROM pg_class c, aclexplode(c.relacl) a
      WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0) AS tables`,
  );
  const name = (table: string) => (TABLES.some((each) => each === table) ? table : 'a table that is not in the schema');
  return [
    ...excess.map(
      ({ role, table, privilege }): Finding => ({
        rule: table === 'audit_log' ? 'audit_writable' : 'privilege_excess',
        subject: `${role}: ${privilege} on ${name(table)}`,
      }),
    ),
    ...readable.map(
      ({ role, table, column }): Finding => ({
        rule: 'privilege_excess',
        subject: `${role}: reads ${table}.${column}`,
      }),
    ),
    ...(open!.create ? [{ rule: 'privilege_excess' as const, subject: 'everybody: CREATE in the schema' }] : []),
    ...open!.tables.map((table): Finding => ({ rule: 'privilege_excess', subject: `everybody: ${name(table)}` })),
  ];
}

async function triggerFindings(query: Query): Promise<Finding[]> {
  const [row] = await query<{ enabled: boolean }>(
    `SELECT count(*) = 1 AS enabled FROM pg_trigger
     WHERE tgrelid = 'public.audit_log'::regclass AND tgname = 'audit_log_chain' AND tgenabled IN ('O', 'A')`,
  );
  return row!.enabled ? [] : [{ rule: 'audit_writable', subject: 'the trigger audit_log_chain is missing or off' }];
}

async function settingFindings(query: Query): Promise<Finding[]> {
  const rows = await query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
    [Object.keys(SETTINGS)],
  );
  return rows
    .filter(({ name, setting }) => !SETTINGS[name]!.test(setting))
    .map(({ name }) => ({ rule: 'database_setting', subject: name }));
}

async function connectionFindings(query: Query, host: string): Promise<Finding[]> {
  if (isNear(host)) return [];
  const [row] = await query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  return row!.ssl ? [] : [{ rule: 'database_plain', subject: 'the connection of sentinel' }];
}

async function passwordFindings(url: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const user of ['clinic', 'postgres', ...SERVICE_ROLES]) {
    for (const password of [...KNOWN_PASSWORDS, user]) {
      const client = new pg.Client({
        ...connectionOf({ url, password }),
        user,
        password: () => password,
        connectionTimeoutMillis: 5000,
      });
      client.on('error', () => {});
      const opened = await client.connect().then(
        () => true,
        (error: unknown) => {
          // 28P01, 28000: refused, as it should be. Anything else says nothing about the password.
          const refused = /^(?:28P01|28000)$/.test((error as { code?: string }).code ?? '');
          if (!refused && password !== '') throw error;
          return false;
        },
      );
      await client.end();
      if (opened) {
        findings.push({ rule: 'password_default', subject: `${user} of the database` });
        break;
      }
    }
  }
  return findings;
}
