/**
 * The closed list of values of every label, or a shape too narrow to hold anything else. A sample with a label value that
 * is not listed here does not get past the Collector.
 */
import { METRICS } from './limits.ts';
import { API_ROUTES, OTHER_ROUTES, PAGE_ROUTES, UNKNOWN_ROUTE } from './routes.ts';
import type { signals } from './signals.ts';
import {
  ACCESS_PATTERNS,
  AUDIT_ACTIONS,
  BACKUP_FAILURES,
  BACKUP_KINDS,
  CANARY_PLACES,
  CHAIN_BREAKS,
  DRILL_CHECKS,
  EMAIL_STATES,
  ERROR_TYPES,
  EXPLANATIONS,
  HEALTH_CHECKS,
  HEALTH_STATES,
  HTTP_METHODS,
  INTEGRITY_CHECKS,
  LOAD_SCENARIOS,
  LOAD_STEPS,
  ROLES,
  SCAN_SCOPES,
  SCANNERS,
  SERVICES,
  SEVERITIES,
  SIGN_IN_ATTACKS,
  SIGN_IN_OUTCOMES,
  SOURCES,
  SYNTHETIC_TYPES,
  WEB_VITALS,
} from './vocabulary.ts';

export type LabelName = (typeof signals)[keyof typeof signals]['labels'][number];

export const ROUTES = [...PAGE_ROUTES, ...API_ROUTES, ...OTHER_ROUTES, UNKNOWN_ROUTE] as const;

export const LABEL_VALUES = {
  action: AUDIT_ACTIONS,
  check: [...HEALTH_CHECKS, ...SERVICES, ...DRILL_CHECKS, ...INTEGRITY_CHECKS],
  error_type: ERROR_TYPES,
  explanation: EXPLANATIONS,
  fixable: ['true', 'false'],
  http_request_method: HTTP_METHODS,
  http_response_status_code: /[1-5][0-9]{2}/,
  http_route: ROUTES,
  kind: [
    'span',
    'slow_event',
    'metric',
    'name',
    'attribute',
    'event',
    'link',
    'status_message',
    'trace_state',
    ...BACKUP_KINDS,
    ...CHAIN_BREAKS,
  ],
  metric: METRICS,
  name: WEB_VITALS,
  objective: ['rto', 'rpo'],
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
    // Of the audit log.
    'allowed',
    ...SIGN_IN_OUTCOMES.filter((outcome) => outcome !== 'accepted'),
  ],
  page: [...PAGE_ROUTES, UNKNOWN_ROUTE],
  place: CANARY_PLACES,
  pattern: [...ACCESS_PATTERNS, ...SIGN_IN_ATTACKS],
  reason: ['burst', 'expired', 'event_name', 'metric', 'duration', 'uid', 'time', 'not_slow', ...BACKUP_FAILURES],
  /** Host and port of a Prometheus server; one of another name is added here. */
  replica: /(prometheus(-[0-9]{1,2})?|localhost|127\.0\.0\.1)(:[0-9]{2,5})?/,
  quantile: ['0.5', '0.95', '0.99'],
  role: ROLES,
  scenario: LOAD_SCENARIOS,
  scanner: SCANNERS,
  scope: SCAN_SCOPES,
  severity: SEVERITIES,
  source: SOURCES,
  step: LOAD_STEPS,
  user_agent_synthetic_type: SYNTHETIC_TYPES,
  state: ['idle', 'used', 'pending', 'unacknowledged', 'acknowledged', ...HEALTH_STATES, ...EMAIL_STATES],
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
