import type { Place } from './places.ts';
import type { Patch } from './tree-copy.ts';

/** What keeps words in, how it is taken away, and where a word is then found. */
export interface Defence {
  readonly name: string;
  /** Several where one alone is backed by another. */
  readonly without: readonly Patch[];
  readonly leaks: readonly { readonly outlet: string; readonly place: Place }[];
}

const SPANS = 'instrumentation/src/node/spans.ts';
const ATTRIBUTES = 'instrumentation/src/node/attributes.ts';
const BATCH = 'instrumentation/src/node/browser-batch.ts';
const APP = 'services/clinic-api/src/app.ts';

const TRACES = 'OTLP traces to the Collector';
const EVENTS = 'OTLP logs to the Collector';
const METRICS = 'metrics of clinic-api';
const LOG = 'log of clinic-api';
const ANSWER = 'answer to a request that failed';
const BROWSER = 'browser to /telemetry';

const anyAttribute: Patch = {
  file: SPANS,
  from: 'if (this.#allowed.get(key)?.(value))',
  to: 'if (this.#allowed)',
};

/**
 * In the clinic's own process. Those of a group can be taken away at the same time: no two of them write over each other, and
 * none lets out what another one is there to keep in, which is tried with each by itself (`npm run privacy-mutants`).
 */
export const NODE_DEFENCES: readonly (readonly Defence[])[] = [
  [
    {
      name: 'library: attributes of spans are compared with the allow-list',
      without: [anyAttribute],
      leaks: [
        { outlet: TRACES, place: 'span: attribute' },
        { outlet: TRACES, place: 'span: list in an attribute' },
      ],
    },
    {
      name: 'library: the name of a span is a listed one, or is made of attributes that passed',
      without: [{ file: SPANS, from: 'names.has(name) ? name : KINDS[kind]!', to: 'name' }],
      leaks: [{ outlet: TRACES, place: 'span: name' }],
    },
    {
      name: 'library: requests are told by their route template',
      without: [
        {
          file: 'instrumentation/src/node/express.ts',
          from: 'const route = routes.find(req.url);',
          to: 'const route = { ...routes.find(req.url), template: req.url };',
        },
      ],
      leaks: [
        { outlet: METRICS, place: 'path: page of a client' },
        { outlet: METRICS, place: 'query: search for a client' },
      ],
    },
    {
      name: 'library: a metric that is not declared is called other, and a slow event has a template in place of a path',
      without: [
        {
          file: 'instrumentation/src/node/performance-monitor.ts',
          from: 'metric: series.metric,\n      durationMs',
          to: 'metric: metric,\n      durationMs',
        },
      ],
      leaks: [{ outlet: EVENTS, place: 'metric: name' }],
    },
    {
      name: 'library: an error is told by a listed class or code',
      without: [
        {
          file: ATTRIBUTES,
          from: "return isErrorType(name) ? (name as string) : 'Error';",
          to: 'return (error as Error).message;',
        },
      ],
      leaks: [{ outlet: LOG, place: 'error: message' }],
    },
    {
      name: 'clinic: an answer holds a code and a sentence of ours',
      without: [
        {
          file: APP,
          from: 'else sendProblem(res, code);',
          to: 'else res.status(status).send(String(error?.message ?? error));',
        },
      ],
      leaks: [
        { outlet: ANSWER, place: 'error: message' },
        { outlet: ANSWER, place: 'body: malformed JSON' },
        { outlet: ANSWER, place: 'body: charset that is none' },
        { outlet: ANSWER, place: 'thrown: text' },
      ],
    },
  ],
  [
    {
      name: 'library: of a statement only its operation and its table are told',
      without: [
        anyAttribute,
        {
          file: 'instrumentation/src/node/pg.ts',
          from: "'db.operation.name': operation,",
          to: "'db.query.text': String(sql),",
        },
      ],
      leaks: [
        { outlet: TRACES, place: 'SQL: literal' },
        { outlet: TRACES, place: 'SQL: comment' },
      ],
    },
    {
      name: 'browserTelemetry: names of spans are listed, and checked again when they are sent',
      without: [
        { file: BATCH, from: 's: [oneOf(SPAN_NAMES),', to: 's: [() => true,' },
        { file: SPANS, from: 'names.has(name) ? name : KINDS[kind]!', to: 'name' },
      ],
      leaks: [{ outlet: TRACES, place: 'telemetry: name of a span' }],
    },
    {
      name: 'clinic: its log tells the type of an error only',
      without: [{ file: APP, from: 'error: errorType(rootOf(error)),', to: 'error: String(rootOf(error)),' }],
      leaks: [
        { outlet: LOG, place: 'error: class' },
        { outlet: LOG, place: 'database error: message' },
      ],
    },
    {
      name: 'browserTelemetry: pages are listed',
      without: [
        {
          file: BATCH,
          from: 'const isPage = oneOf([UNKNOWN_ROUTE, ...pages]);',
          to: 'const isPage: Check = () => true;',
        },
      ],
      leaks: [
        { outlet: METRICS, place: 'telemetry: page' },
        { outlet: EVENTS, place: 'telemetry: word list' },
      ],
    },
  ],
  [
    {
      name: 'browserTelemetry: routes of calls are listed, and spans go through the allow-list',
      without: [anyAttribute, { file: BATCH, from: '      oneOf(api),', to: '      () => true,' }],
      leaks: [{ outlet: TRACES, place: 'telemetry: route of a call' }],
    },
    {
      name: 'clinic: its log tells the template of a route only',
      without: [
        {
          file: APP,
          from: "route: activeRequest()?.route.template ?? 'unknown',",
          to: 'route: String(error?.stack),',
        },
      ],
      leaks: [{ outlet: LOG, place: 'error: message' }],
    },
    {
      name: 'browserTelemetry: metrics are listed',
      without: [
        {
          file: BATCH,
          from: 'const isMetric = oneOf([...metrics, ...WEB_VITALS]);',
          to: 'const isMetric: Check = () => true;',
        },
      ],
      leaks: [
        { outlet: METRICS, place: 'telemetry: metric' },
        { outlet: EVENTS, place: 'telemetry: metric' },
      ],
    },
    {
      name: 'clinic: what nothing catches is told by its type',
      without: [
        {
          file: 'services/clinic-api/src/server.ts',
          from: 'endWhenUncaught((uncaught) =>',
          to: 'void ((uncaught: object) =>',
        },
      ],
      leaks: [
        { outlet: LOG, place: 'uncaught error' },
        { outlet: LOG, place: 'unhandled rejection' },
      ],
    },
  ],
  [
    {
      name: 'library: a span is written anew, without events, links and the text of its status',
      without: [
        {
          file: SPANS,
          from: '      name: span.name,\n',
          to: '      name: span.name,\n      ...({ events: span.events, links: span.links, said: span.status } as object),\n',
        },
        { file: SPANS, from: 'JSON.stringify({\n', to: 'JSON.stringify({\n        ...span,\n' },
      ],
      leaks: [
        { outlet: TRACES, place: 'span: event' },
        { outlet: TRACES, place: 'span: exception' },
        { outlet: TRACES, place: 'span: link' },
        { outlet: TRACES, place: 'span: status message' },
      ],
    },
    {
      name: "clinic: Express' own handler of errors is never reached",
      without: [{ file: APP, from: 'if (res.headersSent) next(error);', to: 'if (status >= 500) next(error);' }],
      leaks: [
        { outlet: LOG, place: 'error: cause of the cause' },
        { outlet: LOG, place: 'error: property' },
        { outlet: ANSWER, place: 'error: message' },
      ],
    },
    {
      name: 'browserTelemetry: types of errors are listed',
      without: [
        { file: BATCH, from: 'const errorType = oneOf(ERROR_TYPES);', to: 'const errorType: Check = () => true;' },
      ],
      leaks: [{ outlet: METRICS, place: 'telemetry: type of an error' }],
    },
    {
      name: 'browserTelemetry: trace ids are hex digits',
      without: [
        {
          file: BATCH,
          from: 'const traceId = shape(',
          to: 'const traceId: Check = () => true;\nexport const was = shape(',
        },
      ],
      leaks: [{ outlet: TRACES, place: 'telemetry: trace id' }],
    },
  ],
];

const TRANSPORT = 'instrumentation/src/browser/allow-list-transport.ts';
const BROWSER_CHUNK = 'instrumentation/src/browser/telemetry.ts';

/** In the pages, which are built anew without them. */
export const BROWSER_DEFENCES: readonly Defence[] = [
  {
    name: 'browser: the transport builds a new record of listed parts of an error',
    without: [{ file: TRANSPORT, from: "listed(ERROR_TYPES, type) ?? 'Error'", to: 'type as never' }],
    leaks: [{ outlet: BROWSER, place: 'browser: class of an error' }],
  },
  {
    name: 'browser: frames are of our own build, their files are hashed and their functions left out',
    without: [
      {
        file: TRANSPORT,
        from: 'framesOf(stacktrace?.frames ?? [], this.#folder)',
        to: '(stacktrace?.frames ?? []) as never',
      },
      {
        file: 'instrumentation/src/browser/encode.ts',
        from: '...item.f.flatMap(([file, line, column]) => [word(file), line, column])',
        to: 'JSON.stringify(item.f)',
      },
    ],
    leaks: [
      { outlet: BROWSER, place: 'browser: function name in a stack' },
      { outlet: BROWSER, place: 'browser: error of a script with a path' },
    ],
  },
  {
    name: 'browser: paths become templates',
    without: [
      {
        file: BROWSER_CHUNK,
        from: 'const common = { v, t, p: p ?? pageOf(path), i: i!, j: j!, u };',
        to: 'const common = { v, t, p: path as never, i: i!, j: j!, u };',
      },
    ],
    leaks: [{ outlet: BROWSER, place: 'browser: path while offline' }],
  },
  {
    name: 'browser: calls are told by their route',
    without: [{ file: BROWSER_CHUNK, from: "k: 'c', n: method, a: route,", to: "k: 'c', n: method, a: a as never," }],
    leaks: [
      { outlet: BROWSER, place: 'browser: fetch of a client' },
      { outlet: BROWSER, place: 'browser: fetch query' },
      { outlet: BROWSER, place: 'browser: typed search' },
    ],
  },
  {
    name: 'browser: names of spans are listed',
    without: [
      {
        file: 'instrumentation/src/browser/tracing.ts',
        from: 'SPAN_NAMES.find((name) => name === span.name)',
        to: '(SPAN_NAMES, span.name as never)',
      },
    ],
    leaks: [{ outlet: BROWSER, place: 'browser: name of a span' }],
  },
  {
    name: 'clinic: no page tells where it was called from (header, meta element, request)',
    without: [
      { file: APP, from: "'Referrer-Policy': 'no-referrer'", to: "'Referrer-Policy': 'unsafe-url'" },
      { file: 'services/clinic-web/index.html', from: '<meta name="referrer" content="no-referrer">', to: '' },
      { file: 'instrumentation/src/browser/sender.ts', from: "referrerPolicy: 'no-referrer',", to: '' },
    ],
    leaks: [
      { outlet: BROWSER, place: 'browser: replaceState' },
      { outlet: BROWSER, place: 'browser: path of a client' },
    ],
  },
];
