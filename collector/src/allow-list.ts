/**
 * collector/allow-list.yaml: what may pass, from the catalogue. A key is not enough: an allowed key may hold a sentence, a
 * list or a map. So each field is compared with a closed set of values, or with a shape too narrow for a name.
 */
import { APP_TARGETS } from '@clinic/catalogue/apps';
import { LABEL_VALUES, NODE_LABEL_VALUES, ROUTES } from '@clinic/catalogue/labels';
import { DEFAULT_LIMIT, LIMITS, METRICS, OTHER_METRIC } from '@clinic/catalogue/limits';
import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { NODE_SIGNALS, SCRAPE_SIGNALS, SLOW_EVENT_POINT, signals } from '@clinic/catalogue/signals';
import {
  DATABASES,
  ENVIRONMENTS,
  ERROR_TYPES,
  EXPRESS_LAYERS,
  HOSTS,
  HTTP_METHODS,
  SERVICES,
  SPAN_NAMES,
  SQL_OPERATIONS,
  SYNTHETIC_TYPES,
  SYSTEM_ERRORS,
  TABLES,
} from '@clinic/catalogue/vocabulary';
import { stringify } from 'yaml';

type Words = readonly string[];

const escaped = (word: string) =>
  word.replace(/[.*+?^${}()|[\]\\/]/g, (character) => (character === '/' ? '/' : `\\${character}`));
const oneOf = (words: Words) => `(${[...new Set(words)].map(escaped).join('|')})`;
/** An OTTL string literal. */
const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
const whole = (pattern: string) => quoted(`^${pattern}$`);
const patternOf = (values: Words | RegExp) => (values instanceof RegExp ? `(${values.source})` : oneOf(values));

const matches = (path: string, pattern: string) => `IsMatch(${path}, ${whole(pattern)})`;
/** Holds for values that are a string of this pattern. */
const text = (pattern: string) => (path: string) => `IsString(${path}) and ${matches(path, pattern)}`;
const integer = (min: number, max: number) => (path: string) =>
  `IsInt(${path}) and ${path} >= ${min} and ${path} <= ${max}`;
const bool = (path: string) => `IsBool(${path})`;
const amount = (max: number) => (path: string) =>
  `(IsDouble(${path}) or IsInt(${path})) and ${path} >= 0 and ${path} <= ${max}`;
const numberOf = (values: readonly number[]) => (path: string) =>
  `(IsDouble(${path}) or IsInt(${path})) and (${values.map((value) => `${path} == ${value}`).join(' or ')})`;

type Check = (path: string) => string;
type Checks = Readonly<Record<string, Check>>;

/** SQLSTATE classes of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SQLSTATE =
  '(00|01|02|03|08|09|0A|0B|0F|0L|0P|0Z|10|20|21|22|23|24|25|26|27|28|2B|2D|2F|34|38|39|3B|3D|3F|40|42|44|53|54|55|57|58|72|F0|HV|P0|XX)[0-9A-Z]{3}';
const STATUS = '[1-5][0-9]{2}';
const DAY_MS = 86_400_000;

const RESOURCE: Checks = {
  'service.name': text(oneOf(SERVICES)),
  'service.version': text('[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}'),
  // Random, and of a length that no record number has; or the service, where there is one of it.
  'service.instance.id': text(
    `(${oneOf(SERVICES)}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})`,
  ),
  'deployment.environment.name': text(oneOf(ENVIRONMENTS)),
};

const SPAN: Checks = {
  'http.request.method': text(oneOf(HTTP_METHODS)),
  'http.route': text(oneOf(ROUTES)),
  'http.response.status_code': integer(100, 599),
  'db.system.name': text(oneOf(DATABASES)),
  'db.operation.name': text(oneOf(SQL_OPERATIONS)),
  'db.collection.name': text(oneOf(TABLES)),
  'db.response.status_code': text(SQLSTATE),
  'error.type': text(`(${oneOf([...ERROR_TYPES, ...SYSTEM_ERRORS, 'aborted'])}|${STATUS}|${SQLSTATE})`),
  'server.address': text(oneOf(HOSTS)),
  'express.type': text(oneOf(EXPRESS_LAYERS)),
  metric: text(oneOf(METRICS)),
  slow: bool,
  'user_agent.synthetic.type': text(oneOf(SYNTHETIC_TYPES)),
};

const LOG: Checks = {
  metric: text(oneOf(METRICS)),
  duration_ms: amount(DAY_MS),
  threshold_ms: numberOf([...new Set([...Object.values(LIMITS), DEFAULT_LIMIT])]),
  'log.record.uid': text('[0-9a-f]{32}'),
  'http.route': text(oneOf(ROUTES)),
};

const LABELS: Checks = Object.fromEntries(
  [...new Set([...Object.keys(LABEL_VALUES), ...Object.keys(NODE_LABEL_VALUES)])].sort().map((name) => {
    const lists: Readonly<Record<string, Words | RegExp>>[] = [LABEL_VALUES, NODE_LABEL_VALUES];
    return [name, text(`(${lists.flatMap((list) => (list[name] ? [patternOf(list[name])] : [])).join('|')})`)];
  }),
);

const SPAN_NAME = `(${oneOf(HTTP_METHODS)}( ${oneOf(ROUTES)})?|${oneOf(SQL_OPERATIONS)}( ${oneOf(TABLES)})?|${oneOf(SPAN_NAMES)})`;

const METRIC_NAMES = [
  ...Object.values(signals).map(({ name }) => name),
  ...NODE_SIGNALS,
  ...SCRAPE_SIGNALS,
  SLOW_EVENT_POINT.otlp,
];

const list = (words: Words) => `[${words.map(quoted).join(', ')}]`;
const keepKeys = (path: string, checks: Checks) => `keep_keys(${path}, ${list(Object.keys(checks))})`;

/** Keeps the keys of `checks` with values that pass; a value that does not is replaced by its key's word, or removed. */
const keep = (path: string, checks: Checks, words: Readonly<Record<string, string>> = {}) => [
  keepKeys(path, checks),
  ...Object.entries(checks).map(([key, check]) => {
    const value = `${path}[${quoted(key)}]`;
    const word = words[key];
    const change = word === undefined ? `delete_key(${path}, ${quoted(key)})` : `set(${value}, ${quoted(word)})`;
    return `${change} where ${value} != nil and not (${check(value)})`;
  }),
];

const AROUND = [
  'set(resource.schema_url, "")',
  ...keep('resource.attributes', RESOURCE),
  'set(scope.name, "")',
  'set(scope.version, "")',
  'set(scope.schema_url, "")',
  'keep_keys(scope.attributes, [])',
];

/** The Collector's processors, by id. */
export const processors = {
  // Span links and span events cannot be emptied by a statement, and nothing of ours sends them.
  'filter/traces': {
    error_mode: 'propagate',
    trace_conditions: ['Len(span.links) > 0', 'Len(spanevent.name) >= 0'],
  },
  // A sample with a label that is not known is dropped: without the label it would be a second value of another series.
  'filter/metrics': {
    error_mode: 'propagate',
    metric_conditions: [
      `not ${matches('metric.name', oneOf(METRIC_NAMES))}`,
      ...Object.entries(LABELS).map(([name, check]) => {
        const value = `datapoint.attributes[${quoted(name)}]`;
        return `${value} != nil and not (${check(value)})`;
      }),
    ],
  },
  // The logs that we send are slow events. Everything else is free text, and is dropped and counted.
  'filter/logs': { error_mode: 'propagate', log_conditions: ['log.event_name != "slow_event"'] },
  redaction: {
    allow_all_keys: false,
    allowed_keys: [
      ...new Set([...Object.keys(RESOURCE), ...Object.keys(SPAN), ...Object.keys(LOG), ...Object.keys(LABELS)]),
    ].sort(),
    // A second net under the closed sets: e-mail addresses, social security numbers, record numbers, telephone numbers.
    blocked_values: [
      '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}',
      '\\b[0-9]{3}-[0-9]{2}-[0-9]{4}\\b',
      '\\b(MRN|mrn)[-_ ]?[0-9]+\\b',
      '\\b[0-9]{3}[-. ][0-9]{3}[-. ][0-9]{4}\\b',
    ],
    summary: 'silent',
  },
  'transform/strip': {
    error_mode: 'propagate',
    trace_statements: [
      ...AROUND,
      'set(span.status.message, "")',
      'set(span.trace_state, "")',
      `set(span.name, "internal") where not ${matches('span.name', SPAN_NAME)}`,
      ...keep('span.attributes', SPAN, { 'http.route': UNKNOWN_ROUTE }),
    ],
    log_statements: [
      ...AROUND,
      'set(log.body, "")',
      'set(log.severity_text, "")',
      // An event of a metric that is not known still counts, without its name.
      ...keep('log.attributes', LOG, { metric: OTHER_METRIC, 'http.route': UNKNOWN_ROUTE }),
    ],
    metric_statements: [
      ...AROUND,
      'set(metric.description, "")',
      `set(metric.unit, "") where not ${matches('metric.unit', oneOf(['s', 'ms', 'By']))}`,
      'set(metric.metadata, {})',
      // The values have passed filter/metrics.
      keepKeys('datapoint.attributes', LABELS),
    ],
  },
};

/** Apps beside the clinic, from catalogue/apps.ts: their `/metrics` is scraped as the clinic's is in config.yaml. */
const scraped = Object.entries(APP_TARGETS as Readonly<Record<string, string>>).map(([service, target]) => ({
  job_name: service,
  static_configs: [{ targets: [target], labels: { instance: service } }],
  metric_relabel_configs: [
    { source_labels: ['__name__'], regex: 'nodejs_active_(handles|requests|resources)', action: 'drop' },
  ],
}));
const apps =
  scraped.length === 0
    ? {}
    : {
        receivers: {
          'prometheus/apps': {
            config: {
              global: {
                scrape_interval: '5s',
                scrape_timeout: '4s',
                scrape_protocols: ['OpenMetricsText1.0.0', 'OpenMetricsText0.0.1', 'PrometheusText0.0.4'],
              },
              scrape_configs: scraped,
            },
          },
        },
        service: { pipelines: { metrics: { receivers: ['prometheus', 'prometheus/apps'] } } },
      };

export const allowList: string = `# Generated from catalogue/ by collector/src/allow-list.ts. Do not edit; run: npm run build\n${stringify(
  { ...apps, processors },
  { lineWidth: 0 },
)}`;
