import { randomBytes } from 'node:crypto';
import { LABEL_VALUES, NODE_LABEL_VALUES } from '@clinic/catalogue/labels';

type Value = Record<string, unknown>;
interface Attribute {
  readonly key: string;
  readonly value: Value;
}

/** Unique words for places where a patient's data could be, and which of them show up again. */
export class Canary {
  readonly #places = new Map<string, string>();

  /** A new word; `place` says where it is planted. */
  word(place: string): string {
    const word = `PHI${String(this.#places.size + 1).padStart(3, '0')}X`;
    this.#places.set(word, place);
    return word;
  }

  get planted(): number {
    return this.#places.size;
  }

  /** The places whose word `text` holds, as it is, in another case, or as base64. */
  foundIn(text: string): string[] {
    const lower = text.toLowerCase();
    return [...this.#places].flatMap(([word, place]) =>
      lower.includes(word.toLowerCase()) || text.includes(Buffer.from(word).toString('base64')) ? [place] : [],
    );
  }
}

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const now = () => `${Date.now()}000000`;
const string = (text: string): Value => ({ stringValue: text });
const array = (...values: Value[]): Value => ({ arrayValue: { values } });
const map = (...values: Attribute[]): Value => ({ kvlistValue: { values } });
const bytes = (text: string): Value => ({ bytesValue: Buffer.from(text).toString('base64') });
const attribute = (key: string, value: string | Value): Attribute => ({
  key,
  value: typeof value === 'string' ? string(value) : value,
});

const SPAN_KEYS = [
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'db.system.name',
  'db.operation.name',
  'db.collection.name',
  'db.response.status_code',
  'error.type',
  'server.address',
  'express.type',
  'user_agent.synthetic.type',
  'metric',
  'slow',
];
const LOG_KEYS = ['metric', 'duration_ms', 'threshold_ms', 'log.record.uid', 'http.route'];
const RESOURCE_KEYS = ['service.name', 'service.version', 'service.instance.id', 'deployment.environment.name'];

const resource = (canary: Canary, signal: string) => ({
  attributes: [
    ...RESOURCE_KEYS.map((key) => attribute(key, canary.word(`${signal}: value of resource attribute ${key}`))),
    attribute('host.name', canary.word(`${signal}: value of an unknown resource attribute`)),
    attribute('metric', canary.word(`${signal}: value of a resource attribute with the key of a label`)),
    attribute(canary.word(`${signal}: key of a resource attribute`), 'x'),
  ],
});

const resourceWithOtherKinds = (canary: Canary, signal: string) => ({
  attributes: [
    attribute('service.name', array(string(canary.word(`${signal}: list in service.name`)))),
    attribute('service.version', map(attribute('v', canary.word(`${signal}: map in service.version`)))),
    attribute('service.instance.id', bytes(canary.word(`${signal}: bytes in service.instance.id`))),
  ],
});

const scope = (canary: Canary, signal: string) => ({
  name: canary.word(`${signal}: scope name`),
  version: canary.word(`${signal}: scope version`),
  attributes: [
    attribute('x', canary.word(`${signal}: value of a scope attribute`)),
    attribute('metric', canary.word(`${signal}: value of a scope attribute with an allowed key`)),
    attribute(canary.word(`${signal}: key of a scope attribute`), 'x'),
  ],
});

const span = (more: object = {}) => ({
  traceId: hex(16),
  spanId: hex(8),
  name: 'GET /clients/:id',
  kind: 2,
  startTimeUnixNano: now(),
  endTimeUnixNano: now(),
  ...more,
});

export function plantedTraces(canary: Canary): object {
  const plain = (places: Attribute[]) => span({ attributes: places });
  return {
    resourceSpans: [
      {
        resource: resource(canary, 'trace'),
        schemaUrl: `https://${canary.word('trace: resource schema URL')}`,
        scopeSpans: [
          {
            scope: scope(canary, 'trace'),
            schemaUrl: `https://${canary.word('trace: scope schema URL')}`,
            spans: [
              plain([
                ...SPAN_KEYS.map((key) => attribute(key, canary.word(`span: value of ${key}`))),
                attribute('outcome', canary.word('span: value of an attribute with the key of a label')),
                attribute('url.full', `http://x/${canary.word('span: value of an unknown attribute')}`),
                attribute(canary.word('span: key of an attribute'), 'v'),
              ]),
              plain([
                attribute('metric', array(string(canary.word('span: list in an allowed key')))),
                attribute('db.operation.name', map(attribute('a', canary.word('span: map in an allowed key')))),
                attribute('http.route', bytes(canary.word('span: bytes in an allowed key'))),
                attribute('error.type', `mail jane${canary.word('span: e-mail address in error.type')}@example.com`),
                attribute('db.collection.name', `clients\n${canary.word('span: second line of a table')}`),
              ]),
              plain([
                attribute('error.type', `${canary.word('span: name of an error class')}Error`),
                attribute('http.route', `/clients/${canary.word('span: path in http.route')}`),
                attribute('db.operation.name', `SELECT ${canary.word('span: literal in db.operation.name')}`),
              ]),
              span({ name: `GET /clients/${canary.word('span: path in the name')}` }),
              span({ name: `SELECT clients WHERE name = '${canary.word('span: SQL in the name')}'` }),
              span({ name: `GET /clients\n${canary.word('span: second line of the name')}` }),
              span({ traceState: `k=${canary.word('span: trace state')}` }),
              span({ status: { code: 2, message: canary.word('span: status message') } }),
              span({
                events: [
                  {
                    name: 'exception',
                    timeUnixNano: now(),
                    attributes: [
                      attribute('exception.message', canary.word('span event: exception.message')),
                      attribute('exception.stacktrace', canary.word('span event: exception.stacktrace')),
                      attribute('error.type', canary.word('span event: value of an allowed key')),
                      attribute(canary.word('span event: key'), 'x'),
                    ],
                  },
                  { name: canary.word('span event: name'), timeUnixNano: now() },
                ],
              }),
              span({
                links: [
                  {
                    traceId: hex(16),
                    spanId: hex(8),
                    traceState: `a=${canary.word('span link: trace state')}`,
                    attributes: [
                      attribute('l', canary.word('span link: value of an attribute')),
                      attribute('metric', canary.word('span link: value of an allowed key')),
                    ],
                  },
                ],
              }),
            ],
          },
        ],
      },
      { resource: resourceWithOtherKinds(canary, 'trace'), scopeSpans: [{ spans: [span()] }] },
    ],
  };
}

export function plantedLogs(canary: Canary): object {
  const event = (attributes: Attribute[], more: object = {}) => ({
    timeUnixNano: now(),
    eventName: 'slow_event',
    attributes,
    traceId: hex(16),
    spanId: hex(8),
    ...more,
  });
  return {
    resourceLogs: [
      {
        resource: resource(canary, 'log'),
        schemaUrl: `https://${canary.word('log: resource schema URL')}`,
        scopeLogs: [
          {
            scope: scope(canary, 'log'),
            schemaUrl: `https://${canary.word('log: scope schema URL')}`,
            logRecords: [
              event(
                [
                  ...LOG_KEYS.map((key) => attribute(key, canary.word(`log: value of ${key}`))),
                  attribute('event.name', canary.word('log: value of event.name')),
                  attribute('outcome', canary.word('log: value of an attribute with the key of a label')),
                  attribute('note', canary.word('log: value of an unknown attribute')),
                  attribute(canary.word('log: key of an attribute'), 'x'),
                ],
                { body: string(canary.word('log: body')), severityText: canary.word('log: severity text') },
              ),
              event([
                attribute('metric', array(string(canary.word('log: list in an allowed key')))),
                attribute('log.record.uid', map(attribute('q', canary.word('log: map in an allowed key')))),
                attribute('duration_ms', bytes(canary.word('log: bytes in an allowed key'))),
                attribute('http.route', `/clients/${canary.word('log: path in http.route')}`),
              ]),
              event([], {
                body: map(
                  attribute('patient', canary.word('log: map in the body')),
                  attribute('metric', canary.word('log: map in the body, allowed key')),
                ),
              }),
              event([], { body: array(string(canary.word('log: list in the body'))) }),
              event([], { body: bytes(canary.word('log: bytes in the body')) }),
              event([], { eventName: canary.word('log: event name') }),
              { timeUnixNano: now(), body: string(canary.word('log: line of free text')), severityNumber: 9 },
            ],
          },
        ],
      },
      { resource: resourceWithOtherKinds(canary, 'log'), scopeLogs: [{ logRecords: [event([])] }] },
    ],
  };
}

export const EXEMPLAR = 'metric: attribute of an exemplar';

export function plantedMetrics(canary: Canary): object {
  const point = (attributes: Attribute[], more: object = {}) => ({
    timeUnixNano: now(),
    startTimeUnixNano: now(),
    attributes,
    ...more,
  });
  const value = (attributes: Attribute[]) => point(attributes, { asDouble: 1 });
  const gauge = (name: string, ...dataPoints: object[]) => ({ name, gauge: { dataPoints } });
  const buckets = { count: '1', sum: 1, bucketCounts: ['1', '0'], explicitBounds: [1] };
  const attributes = (kind: string) => [
    attribute('patient', canary.word(`metric: value of an unknown label of a ${kind}`)),
    attribute('service.version', canary.word(`metric: value of a label with the key of a resource of a ${kind}`)),
    attribute(canary.word(`metric: name of a label of a ${kind}`), 'x'),
  ];
  const known = (kind: string) => [attribute('metric', canary.word(`metric: value of a known label of a ${kind}`))];
  const kinds = (name: string, make: (kind: string) => Attribute[]) => [
    { name, sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [value(make('sum'))] } },
    { name, histogram: { aggregationTemporality: 2, dataPoints: [point(make('histogram'), buckets)] } },
    {
      name,
      exponentialHistogram: {
        aggregationTemporality: 2,
        dataPoints: [point(make('exponential histogram'), { count: '1', sum: 1, scale: 1, zeroCount: '1' })],
      },
    },
    { name, summary: { dataPoints: [point(make('summary'), { count: '1', sum: 1 })] } },
    gauge(name, value(make('gauge'))),
  ];
  return {
    resourceMetrics: [
      {
        resource: resource(canary, 'metric'),
        schemaUrl: `https://${canary.word('metric: resource schema URL')}`,
        scopeMetrics: [
          {
            scope: scope(canary, 'metric'),
            schemaUrl: `https://${canary.word('metric: scope schema URL')}`,
            metrics: [
              gauge(canary.word('metric: name'), value([])),
              {
                ...gauge('slow_event_outbox_depth', value([])),
                description: canary.word('metric: description'),
                unit: canary.word('metric: unit'),
                metadata: [
                  attribute('m', canary.word('metric: value of metadata')),
                  attribute(canary.word('metric: key of metadata'), 'x'),
                ],
              },
              ...kinds('slow_event_outbox_depth', attributes),
              ...kinds('slow_events_total', known),
              gauge(
                'slow_event_outbox_depth',
                ...[...new Set([...Object.keys(LABEL_VALUES), ...Object.keys(NODE_LABEL_VALUES)])].map((name) =>
                  value([attribute(name, canary.word(`metric: value of label ${name}`))]),
                ),
              ),
              gauge(
                'slow_events_total',
                value([attribute('metric', array(string(canary.word('metric: list in a label'))))]),
                value([attribute('metric', map(attribute('a', canary.word('metric: map in a label'))))]),
                value([attribute('metric', bytes(canary.word('metric: bytes in a label')))]),
              ),
              {
                name: 'operation_duration_seconds',
                histogram: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    point([attribute('metric', 'page_load')], {
                      ...buckets,
                      exemplars: [
                        {
                          timeUnixNano: now(),
                          asDouble: 1,
                          traceId: hex(16),
                          spanId: hex(8),
                          filteredAttributes: [attribute('user', canary.word(EXEMPLAR))],
                        },
                      ],
                    }),
                  ],
                },
              },
            ],
          },
        ],
      },
      { resource: resourceWithOtherKinds(canary, 'metric'), scopeMetrics: [{ metrics: [gauge('up', value([]))] }] },
    ],
  };
}

/** What a service could serve on /metrics by mistake. */
export function plantedPage(canary: Canary): string {
  return [
    '# TYPE target info',
    `target_info{host_name="${canary.word('scrape: target_info')}"} 1`,
    `# HELP slow_events ${canary.word('scrape: help')}`,
    '# TYPE slow_events counter',
    'slow_events_total{metric="page_load"} 1',
    `slow_events_total{metric="${canary.word('scrape: label value')}"} 1`,
    '# TYPE slow_event_outbox_depth gauge',
    `slow_event_outbox_depth{replica="0",patient="${canary.word('scrape: unknown label')}"} 1`,
    `slow_event_outbox_depth{replica="0",otel_scope_name="${canary.word('scrape: scope name')}",otel_scope_x="${canary.word('scrape: scope attribute')}"} 1`,
    '# TYPE patients gauge',
    `patients_${canary.word('scrape: metric name')} 1`,
    '# EOF',
    '',
  ].join('\n');
}
