/**
 * The closed list of values of every label, or a shape too narrow to hold anything else. A sample with a label value that
 * is not listed here does not get past the Collector.
 */
import { METRICS } from './limits.ts';
import { API_ROUTES, OTHER_ROUTES, PAGE_ROUTES, UNKNOWN_ROUTE } from './routes.ts';
import type { signals } from './signals.ts';
import { ERROR_TYPES, HTTP_METHODS, SOURCES, WEB_VITALS } from './vocabulary.ts';

export type LabelName = (typeof signals)[keyof typeof signals]['labels'][number];

export const ROUTES = [...PAGE_ROUTES, ...API_ROUTES, ...OTHER_ROUTES, UNKNOWN_ROUTE] as const;

export const LABEL_VALUES = {
  error_type: ERROR_TYPES,
  http_request_method: HTTP_METHODS,
  http_response_status_code: /[1-5][0-9]{2}/,
  http_route: ROUTES,
  kind: ['span', 'slow_event', 'metric', 'name', 'attribute', 'event', 'link', 'status_message', 'trace_state'],
  metric: METRICS,
  name: WEB_VITALS,
  // Of batches and items: accepted, repeated, refused, lost. Of pages: new, repeated, resolved, refused. Of what is sent: the rest.
  outcome: [
    'accepted',
    'repeated',
    'refused',
    'lost',
    'new',
    'resolved',
    'recorded',
    'delivered',
    'dropped',
    'retried',
  ],
  page: [...PAGE_ROUTES, UNKNOWN_ROUTE],
  reason: ['burst', 'expired', 'event_name', 'metric', 'duration', 'uid', 'time', 'not_slow'],
  /** Host and port of a Prometheus server; one of another name is added here. */
  replica: /(prometheus(-[0-9]{1,2})?|localhost|127\.0\.0\.1)(:[0-9]{2,5})?/,
  source: SOURCES,
  state: ['idle', 'used', 'pending', 'unacknowledged', 'acknowledged'],
} as const satisfies Record<LabelName, readonly string[] | RegExp>;

/** Labels of what prom-client reports about a Node process, and their values. */
export const NODE_LABEL_VALUES = {
  kind: ['major', 'minor', 'incremental', 'weakcb'],
  space: [
    'read_only',
    'new',
    'old',
    'code',
    'shared',
    'trusted',
    'shared_trusted',
    'new_large_object',
    'large_object',
    'code_large_object',
    'shared_large_object',
    'trusted_large_object',
    'shared_trusted_large_object',
  ],
  version: /v[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}/,
  major: /[0-9]{1,3}/,
  minor: /[0-9]{1,3}/,
  patch: /[0-9]{1,3}/,
} as const satisfies Record<string, readonly string[] | RegExp>;
