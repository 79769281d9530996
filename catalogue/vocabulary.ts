/** The closed lists of words that telemetry may contain. All that is not listed is dropped and counted. */

export const SERVICES = [
  'clinic-api',
  'clinic-web',
  'slow-event-recorder',
  'pager',
  'collector',
  'prometheus',
  'alertmanager',
  'tempo',
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
export const TABLES = ['users', 'sessions', 'clients', 'appointments', 'schema_migrations'] as const;

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

/** Core web vitals and the two that explain them. */
export const WEB_VITALS = ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'] as const;
export const RATINGS = ['good', 'needs-improvement', 'poor'] as const;

/** Where a duration was measured. */
export const SOURCES = ['server', 'browser'] as const;

/** Span names that are neither `METHOD /route` nor `OPERATION table`. */
export const SPAN_NAMES = [
  'page_load',
  'render',
  'api_call',
  'database_query',
  'server',
  'client',
  'internal',
] as const;

/** Hosts that an outgoing span may name; another one is `other`. */
export const HOSTS = ['postgres', 'collector', 'prometheus', 'localhost', '127.0.0.1', 'other'] as const;

export const DATABASES = ['postgresql'] as const;

export const ENVIRONMENTS = ['development', 'test', 'staging', 'production'] as const;
