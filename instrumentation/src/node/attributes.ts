import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import {
  DATABASES,
  ERROR_TYPES,
  EXPRESS_LAYERS,
  HTTP_METHODS,
  SQL_OPERATIONS,
  SYNTHETIC_TYPES,
  SYSTEM_ERRORS,
} from '@clinic/catalogue/vocabulary';

/**
 * What may leave the process on a span. An attribute that is not listed here, or whose value fails its check, is dropped
 * and counted. The checks are closed sets, or shapes too narrow for a name, an address or a sentence.
 */
export type Check = (value: unknown) => boolean;

export const oneOf = (values: Iterable<unknown>): Check => {
  const set = new Set(values);
  return (value) => set.has(value);
};

/** Five characters, at least one of them a digit: without that check `EPIPE` would pass. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;
export const isSqlState: Check = (value) => typeof value === 'string' && SQLSTATE.test(value);

const errorWords = oneOf([...ERROR_TYPES, ...SYSTEM_ERRORS, 'aborted']);
const HTTP_ERROR = /^[45]\d\d$/;
/** A listed class or system error, an SQLSTATE, an HTTP status of 400 or more; never a sentence. */
export const isErrorType: Check = (value) =>
  errorWords(value) || isSqlState(value) || (typeof value === 'string' && HTTP_ERROR.test(value));

const methods = new Set<string>(HTTP_METHODS);
/** The method, or `_OTHER` when it is not a listed one. */
export const methodOf = (method: string | undefined): string =>
  method !== undefined && methods.has(method) ? method : '_OTHER';

export interface AllowListInput {
  /** Route templates, as the application declares them. */
  readonly routes: readonly string[];
  /** Tables that may be named. */
  readonly tables: readonly string[];
  /** Hosts that may be named on outgoing spans. */
  readonly hosts: readonly string[];
}

export type AllowList = ReadonlyMap<string, Check>;

/** Attribute key to the check of its value. */
export function allowList({ routes, tables, hosts }: AllowListInput): AllowList {
  return new Map<string, Check>([
    ['http.request.method', oneOf(HTTP_METHODS)],
    ['http.route', oneOf([UNKNOWN_ROUTE, ...routes])],
    [
      'http.response.status_code',
      (value) => Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 599,
    ],
    ['db.system.name', oneOf(DATABASES)],
    ['db.operation.name', oneOf(SQL_OPERATIONS)],
    ['db.collection.name', oneOf(tables)],
    ['db.response.status_code', isSqlState],
    ['error.type', isErrorType],
    ['slow', oneOf([true])],
    ['user_agent.synthetic.type', oneOf(SYNTHETIC_TYPES)],
    ['server.address', oneOf(['other', ...hosts])],
    ['express.type', oneOf(EXPRESS_LAYERS)],
  ]);
}

/** The error's code or class name when it is a listed one, else `Error`. Its message is never read. */
export function errorType(error: unknown): string {
  if (error === null || typeof error !== 'object') return 'Error';
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (isErrorType(code)) return code as string;
  return isErrorType(name) ? (name as string) : 'Error';
}
