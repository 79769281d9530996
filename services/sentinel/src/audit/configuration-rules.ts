/** What the configuration that runs is held against. */
import type { SEVERITIES } from '@clinic/catalogue/vocabulary';
import { reasonOf } from '../health/check.ts';

export type Severity = (typeof SEVERITIES)[number];

export interface Rule {
  readonly severity: Severity;
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  readonly fix: string;
}

export const RULES = {
  transport_plain: {
    severity: 'high',
    title: 'The clinic is reached without TLS from outside this machine',
    why: 'Whoever is on the way reads charts and takes over sessions.',
    fix: 'Put the proxy of docs/production.md in front and let nothing else reach the clinic.',
  },
  transport_certificate: {
    severity: 'high',
    title: 'The certificate has ended, ends within 14 days, or does not belong to the name',
    why: 'Browsers refuse the clinic, and people learn to click through warnings.',
    fix: 'Renew it; find out why the renewal did not run.',
  },
  transport_old: {
    severity: 'high',
    title: 'The clinic accepts TLS older than 1.2',
    why: 'Older versions can be broken on the way.',
    fix: 'Set the least version of the proxy to TLS 1.2.',
  },
  header_missing: {
    severity: 'medium',
    title: 'A security header is missing or weaker than it should be',
    why: 'The browser then runs, embeds or guesses what it was told nothing about.',
    fix: 'Set it for every answer of the clinic, errors included.',
  },
  header_reveals: {
    severity: 'low',
    title: 'An answer names the software that made it',
    why: 'It tells which known holes to try.',
    fix: 'Switch the header off.',
  },
  answer_cacheable: {
    severity: 'medium',
    title: 'Answers of the API may be kept by a cache',
    why: 'A chart then outlives the session on a shared computer.',
    fix: 'Send Cache-Control: no-store with every answer below /api and /auth.',
  },
  cookie_weak: {
    severity: 'medium',
    title: 'A cookie lacks HttpOnly or SameSite, or Secure over TLS',
    why: 'A script or another site can use the session that it carries.',
    fix: 'Set the attributes where the cookie is made.',
  },
  open_to_all: {
    severity: 'critical',
    title: 'Data of people is served to somebody who has not signed in',
    why: 'Anybody can read it.',
    fix: 'Take the route away until it asks who is there.',
  },
  management_public: {
    severity: 'medium',
    title: 'Metrics or management are served on the public port',
    why: 'They tell about staff and load, and are not made to be attacked.',
    fix: 'Serve them on the management port only.',
  },
  password_default: {
    severity: 'critical',
    title: 'A database account accepts a password that anybody would try first',
    why: 'The data are open to whoever reaches the port.',
    fix: 'Give it a random password.',
  },
  role_powerful: {
    severity: 'high',
    title: 'A role of a service may do more in the server than its service needs',
    why: 'Who takes over the service takes over the server.',
    fix: 'Take superuser, CREATEROLE, CREATEDB, BYPASSRLS, replication or the membership away.',
  },
  privilege_excess: {
    severity: 'high',
    title: 'A role holds a privilege on a table that it should not have',
    why: 'A mistake or an intruder in that service can do what nobody would see.',
    fix: 'REVOKE it, and put the REVOKE into a migration.',
  },
  audit_writable: {
    severity: 'critical',
    title: 'A service may change or remove rows of the audit log, or its chain is switched off',
    why: 'What was done can be hidden by whoever did it.',
    fix: 'REVOKE UPDATE, DELETE, TRUNCATE; enable the trigger audit_log_chain.',
  },
  database_setting: {
    severity: 'medium',
    title: 'A setting of the database server is weaker than it should be',
    why: 'See the finding: passwords hashed in an old way, values of people in its log, damage that goes unnoticed.',
    fix: 'Set it in postgresql.conf or on the command line of the server.',
  },
  database_plain: {
    severity: 'high',
    title: 'The database is reached over a network without TLS',
    why: 'Whoever is on the way reads every row.',
    fix: 'Switch ssl on, and require it in pg_hba.conf (hostssl).',
  },
  second_factor_missing: {
    severity: 'high',
    title: 'Administrators sign in without a second factor',
    why: 'One password opens every account.',
    fix: 'They sign in and enrol; or set the account inactive.',
  },
  audit_chain_broken: {
    severity: 'critical',
    title: 'The audit log is not what it was',
    why: 'What was done can no longer be proved.',
    fix: 'See runbooks/AuditChainBroken.md.',
  },
  port_open: {
    severity: 'medium',
    title: 'A port that should be reached from this machine only listens to others',
    why: 'Databases, metrics and inboxes are not made to face a network.',
    fix: 'Bind it to 127.0.0.1.',
  },
  secret_readable: {
    severity: 'high',
    title: 'A file with a secret can be read by others than its owner',
    why: 'Every program on the machine can use it.',
    fix: 'chmod 700 the folder, chmod 600 the file.',
  },
  secret_weak: {
    severity: 'high',
    title: 'A secret is short, is known, or is used twice',
    why: 'It can be guessed, or one that leaks opens two doors.',
    fix: 'Remove the file and let stack/secrets.ts write it anew; then restart what uses it.',
  },
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;

export interface Finding {
  readonly rule: RuleId;
  /** What it was found on: a header, a role and table, a port, a file. Never a value. */
  readonly subject: string;
}

/** What a part of the audit came to. */
export interface Checked {
  readonly findings: readonly Finding[];
  /** What could not be looked at, and why. Nothing is known about it. */
  readonly unchecked: readonly string[];
}

/** Runs a part; one that throws was not checked. */
export async function checked(part: string, look: () => Promise<readonly Finding[]>): Promise<Checked> {
  try {
    return { findings: await look(), unchecked: [] };
  } catch (error) {
    return { findings: [], unchecked: [`${part}: ${reasonOf(error)}`] };
  }
}

export const together = (parts: readonly Checked[]): Checked => ({
  findings: parts.flatMap(({ findings }) => findings),
  unchecked: parts.flatMap(({ unchecked }) => unchecked),
});
