/** The closed lists of words that telemetry may contain. All that is not listed is dropped and counted. */
import { APP_HOSTS, APP_SERVICES, APP_TABLES } from './apps.ts';

export const SERVICES = [
  'clinic-api',
  'clinic-web',
  'slow-event-recorder',
  'pager',
  'mailbox',
  'sentinel',
  'collector',
  'prometheus',
  'alertmanager',
  'tempo',
  ...APP_SERVICES,
] as const;

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', '_OTHER'] as const;

export const SQL_OPERATIONS = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'CALL',
  'COPY',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT',
  'SET',
  'OTHER',
] as const;

/** Tables of the clinic's schema. */
export const TABLES = [
  ...APP_TABLES,
  'users',
  'sessions',
  'recovery_codes',
  'sign_in_attempts',
  'clients',
  'appointments',
  'clinical_notes',
  'medications',
  'documents',
  'emails',
  'messages',
  'claims',
  'break_glass',
  'audit_log',
  'schema_migrations',
] as const;

/** What a member of the practice is; `none` is somebody who has not signed in. */
export const ROLES = ['clinician', 'frontdesk', 'admin', 'none'] as const;

/** What the audit log records. */
export const AUDIT_ACTIONS = [
  'sign_in',
  'sign_out',
  'account_locked',
  'second_factor_enrolled',
  'recovery_code_used',
  'session_expired',
  'authorization',
  'client_list_read',
  'chart_read',
  'break_glass',
  'appointment_list_read',
  'appointment_created',
  'appointment_changed',
  'note_list_read',
  'note_read',
  'note_written',
  'note_signed',
  'document_list_read',
  'document_read',
  'document_stored',
  'dashboard_read',
  'user_list_read',
  'user_created',
  'user_changed',
  'access_queue_read',
  'access_reviewed',
  'data_exported',
  'database_restored',
] as const;

/** How an attempt to sign in ended. */
export const SIGN_IN_OUTCOMES = [
  'accepted',
  'credentials_wrong',
  'second_factor_needed',
  'second_factor_wrong',
  'locked',
  'throttled',
] as const;

/** Why somebody may have opened a chart; `unexplained` when nothing in the clinic's own data says why. */
export const EXPLANATIONS = [
  'appointment',
  'treating_clinician',
  'note_author',
  'message',
  'billing',
  'supervisor',
  'break_glass',
  'unexplained',
] as const;

/** What stands out in the charts that one person opens. */
export const ACCESS_PATTERNS = ['volume', 'bulk_reading', 'sequential_reading', 'snooping'] as const;

/** Attacks on the sign-in. */
export const SIGN_IN_ATTACKS = [
  'credential_stuffing',
  'password_spraying',
  'slow_attack',
  'second_factor_missing',
] as const;

/** What can be wrong with the chain of the audit log. */
export const CHAIN_BREAKS = ['altered', 'missing', 'unlinked', 'truncated', 'rewritten', 'heads'] as const;

/** Of vulnerabilities and of findings about the configuration. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export const SCANNERS = ['npm', 'debian', 'images'] as const;
/** What a vulnerability is in. */
export const SCAN_SCOPES = ['production', 'development', 'system', 'image'] as const;

export const EMAIL_STATES = ['queued', 'sent', 'delivered', 'bounced', 'deferred'] as const;

/** What a health check finds; too little to say is `unknown`, never `healthy`. */
export const HEALTH_STATES = ['healthy', 'degraded', 'down', 'unknown'] as const;

/** What sentinel asks every half minute, besides each of {@link SERVICES}. */
export const HEALTH_CHECKS = ['database', 'wal_archive', 'email', 'storage'] as const;

/** What is backed up, and `offsite` for the copies elsewhere. */
export const BACKUP_KINDS = ['base', 'wal', 'documents', 'offsite'] as const;

/** Why a backup failed. */
export const BACKUP_FAILURES = [
  'disk_full',
  'database_unreachable',
  'interrupted',
  'refused',
  'page_checksum',
  'busy',
  'slot_lost',
  'target_unreachable',
  'other',
] as const;

/** Of a backup at rest: its own description, its archive, PostgreSQL's manifest of it, the WAL after it, the documents. */
export const VERIFY_CHECKS = ['manifest', 'archive', 'files', 'wal', 'documents'] as const;

/** Of a backup that was restored and started. */
export const DRILL_CHECKS = [
  ...VERIFY_CHECKS,
  'start',
  'pages',
  'row_counts',
  'content',
  'foreign_keys',
  'sequences',
  'audit_chain',
  'document_rows',
  'sign_in',
  'chart',
] as const;

/** Of the database in use. */
export const INTEGRITY_CHECKS = ['mass_deletion', 'immutable_rows', 'page_checksums', 'document_content'] as const;

/** Built-in error classes and what a browser or undici throws. A class of the app's own is reported as `Error`. */
export const ERROR_TYPES = [
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'URIError',
  'EvalError',
  'AggregateError',
  'AbortError',
  'TimeoutError',
  'NetworkError',
  'ChunkLoadError',
  'UnhandledRejection',
] as const;

/** Operating system errors of sockets and files. */
export const SYSTEM_ERRORS = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOSPC',
  'EMFILE',
  'ENOENT',
  'EACCES',
  'EADDRINUSE',
] as const;

/**
 * Who asks when nobody is waiting for the answer, as OpenTelemetry's `user_agent.synthetic.type` says it. Real visitors have no
 * such label: what is promised to people is asked for with `user_agent_synthetic_type=""`.
 */
export const SYNTHETIC_TYPES = ['test'] as const;

/** Load tests, and what their users do: see k6/. */
export const LOAD_SCENARIOS = [
  'critical-paths',
  'arrival-rate',
  'soak',
  'spike',
  'endpoints',
  'browser-journey',
] as const;
export const LOAD_STEPS = [
  'sign_in',
  'list_clients',
  'open_chart',
  'create_appointment',
  'cancel_appointment',
  'list_appointments',
  'write_note',
  'open_note',
] as const;

/** Core web vitals and the two that explain them. */
export const WEB_VITALS = ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'] as const;
export const RATINGS = ['good', 'needs-improvement', 'poor'] as const;

/** Where a duration was measured. */
export const SOURCES = ['server', 'browser'] as const;

/** Where the canary's words are looked for. */
export const CANARY_PLACES = ['prometheus', 'tempo'] as const;

/** Parts of an Express app, as OpenTelemetry's own instrumentation calls them. */
export const EXPRESS_LAYERS = ['middleware', 'router', 'request_handler'] as const;

/** Span names that are neither `METHOD /route` nor `OPERATION table`. */
export const SPAN_NAMES = [
  'page_load',
  'render',
  'api_call',
  'database_query',
  'server',
  'client',
  'internal',
  ...EXPRESS_LAYERS,
] as const;

/** Hosts that an outgoing span may name; another one is `other`. */
export const HOSTS = [
  ...APP_HOSTS,
  'postgres',
  'collector',
  'mailbox',
  'prometheus',
  'localhost',
  '127.0.0.1',
  'other',
] as const;

export const DATABASES = ['postgresql'] as const;

export const ENVIRONMENTS = ['development', 'test', 'staging', 'production'] as const;
