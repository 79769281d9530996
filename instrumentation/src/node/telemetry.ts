import { randomBytes } from 'node:crypto';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  createAlwaysRecordSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { RequestHandler } from 'express';
import { collectDefaultMetrics, type Histogram, type OpenMetricsContentType, type Registry } from 'prom-client';
import { allowList } from './attributes.ts';
import { startAutoInstrumentations } from './auto-instrumentations.ts';
import { Delivery } from './delivery.ts';
import { expressTelemetry } from './express.ts';
import { instrumentFetch } from './fetch.ts';
import { type Instruments, instruments } from './instruments.ts';
import { ConfigurationError, type Listen } from './listening.ts';
import { type ManagementHandler, openMetricsRegistry, serveManagement } from './management.ts';
import { otlpEnvelope, otlpSender } from './otlp.ts';
import { PerformanceMonitor } from './performance-monitor.ts';
import { instrumentPg, type Pg } from './pg.ts';
import { type Routes, RouteTable } from './routes.ts';
import { SlowEvents } from './slow-events.ts';
import { AllowListedSpans, TraceBuffer } from './spans.ts';
import type { Stacks } from './stacks.ts';

export interface TelemetryOptions {
  readonly service: string;
  readonly version: string;
  /**
   * `lean` (default): requests, `pg`, `fetch`. `full` adds spans of `@opentelemetry/auto-instrumentations-node`, which must be
   * installed, through the same allow-list; it costs several times as much.
   */
  readonly profile?: 'lean' | 'full';
  /** Base URL of the Collector's OTLP/HTTP receiver. */
  readonly collector: string;
  /** Where `/metrics` and `/healthz` are served: never where clients reach. */
  readonly managementListen: Listen;
  readonly routes: Routes;
  /** Tables, and hosts of outgoing requests, that spans may name. Listed hosts also get `traceparent`. */
  readonly tables?: readonly string[];
  readonly hosts?: readonly string[];
  /** Names that may be timed; every other one is recorded as `other`. */
  readonly metrics: readonly string[];
  /** Status codes expected of each `METHOD /template`: their series exist at 0 from the start. */
  readonly responses?: Readonly<Record<string, readonly number[]>>;
  /** Share of traces sampled at their start, 0..1; decided by the trace id alone. */
  readonly sampleRatio?: number;
  /** Keeps the trace of every slow request as well, at the price of recording all. */
  readonly keepSlow?: boolean;
  /** `import pg from 'pg'`, when its queries are to be timed. */
  readonly pg?: Pg;
  /** Keeps where errors of the web app came from; `/stacks` of the management port tells. */
  readonly stacks?: Stacks;
  /** More handlers of the management port, by `METHOD /path`. */
  readonly managementRoutes?: Readonly<Record<string, ManagementHandler>>;
  /** Answers `/healthz`. */
  readonly healthy?: () => boolean | Promise<boolean>;
}

/** What is read of a `pg.Pool`. */
export interface ObservedPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export interface Telemetry {
  /** Must be the application's first middleware. */
  readonly middleware: RequestHandler;
  readonly performanceMonitor: PerformanceMonitor;
  readonly registry: Registry<OpenMetricsContentType>;
  readonly instruments: Instruments;
  readonly operationDuration: Histogram<'metric' | 'source' | 'user_agent_synthetic_type'>;
  readonly slowEvents: SlowEvents;
  readonly stacks: Stacks | undefined;
  readonly routes: RouteTable;
  readonly managementPort: number;
  /** Whether a trace is in the sampled share. */
  sampled(traceId: string): boolean;
  /** Sends spans that another program made, under its name. */
  spansOf(service: string): AllowListedSpans;
  /** Reports the pool's connections as `db_client_connection_count`. */
  observePool(pool: ObservedPool): void;
  /** Sends what is waiting, for at most `ms`, then stops. To be awaited before the process exits. */
  shutdown(ms?: number): Promise<void>;
}

function refuse(key: string, problem: string): never {
  throw new ConfigurationError(`startTelemetry cannot use ${key}: ${problem}.`);
}

/** Runs a constructor that checks what it is given; what it says then names the option. */
function checked<Result>(key: string, build: () => Result): Result {
  try {
    return build();
  } catch (error) {
    if (error instanceof TypeError) refuse(key, error.message);
    throw error;
  }
}

/**
 * Starts traces, metrics and slow events. To be called before the application is loaded (`node --import`). Rejects with a
 * ConfigurationError that names the option that cannot be used.
 */
export async function startTelemetry({
  service,
  version,
  profile = 'lean',
  collector,
  managementListen,
  routes,
  tables = [],
  hosts = [],
  metrics,
  responses = {},
  sampleRatio = 0.1,
  keepSlow = true,
  pg,
  stacks,
  managementRoutes,
  healthy,
}: TelemetryOptions): Promise<Telemetry> {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(service)) refuse('service', 'it must be a name such as clinic-api');
  if (!/^\d+\.\d+\.\d+$/.test(version)) refuse('version', 'it must have the form 1.2.3');
  if (!/^https?:\/\/[^/]+$/.test(collector)) refuse('collector', 'it must be a base URL such as http://127.0.0.1:4318');
  if (profile !== 'lean' && profile !== 'full') refuse('profile', 'it must be lean or full');
  if (!(sampleRatio >= 0 && sampleRatio <= 1)) refuse('sampleRatio', 'it must be a number from 0 to 1');
  const table = checked('routes', () => new RouteTable(routes));

  const registry = openMetricsRegistry();
  const create = instruments(registry);
  const identity = {
    'service.name': service,
    'service.version': version,
    'service.instance.id': randomBytes(8).toString('hex'),
  };

  const slowEvents = new SlowEvents({ send: otlpSender(`${collector}/v1/logs`), resource: identity });
  const operationDuration = create.histogram('operationDuration', { exemplars: true });
  const performanceMonitor = checked(
    'metrics',
    () => new PerformanceMonitor({ slowEvents, histogram: operationDuration, metrics }),
  );

  const allowed = allowList({ routes: table.routes.map(({ template }) => template), tables, hosts });
  const outlets = new Map<string, { readonly spans: AllowListedSpans; readonly delivery: Delivery }>();
  const outletOf = (resource: Readonly<Record<'service.name', string>>) => {
    const delivery = new Delivery({
      send: otlpSender(`${collector}/v1/traces`),
      envelope: otlpEnvelope('spans', resource, 'instrumentation'),
      capacity: 2048,
      delay: 1000,
      interval: 1000,
    });
    const outlet = { spans: new AllowListedSpans(allowed, delivery), delivery };
    outlets.set(resource['service.name'], outlet);
    return outlet;
  };
  const own = outletOf(identity);

  // Not parent based: a browser's sampled flag would be trusted. The same trace id gives the same answer in every process.
  const byRatio = new TraceIdRatioBasedSampler(sampleRatio);
  const buffer = new TraceBuffer({ spans: own.spans });
  const provider = new TracerProvider({
    sampler: keepSlow ? createAlwaysRecordSampler(byRatio) : byRatio,
    spanProcessors: [buffer],
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32, eventCountLimit: 8, linkCountLimit: 8 },
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const tracer = provider.getTracer('instrumentation');
  const sampled = (traceId: string) =>
    byRatio.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
  const requests = { spans: own.spans, buffer, sampled, keepSlow };

  const histogram = create.histogram('httpServerRequestDuration', { exemplars: true });
  for (const [key, statuses] of Object.entries(responses)) {
    const [method = '', template = ''] = key.split(' ');
    if (!table.routes.some((route) => route.template === template))
      refuse('responses', `${key} is not a declared route`);
    for (const status of statuses) {
      histogram.zero({ http_request_method: method, http_route: template, http_response_status_code: status });
    }
  }
  const pools: ObservedPool[] = [];
  create.gauge('databaseConnections', function () {
    const sum = (count: (pool: ObservedPool) => number) => pools.reduce((total, pool) => total + count(pool), 0);
    this.set(
      { state: 'idle' },
      sum(({ idleCount }) => idleCount),
    );
    this.set(
      { state: 'used' },
      sum(({ totalCount, idleCount }) => totalCount - idleCount),
    );
    this.set(
      { state: 'pending' },
      sum(({ waitingCount }) => waitingCount),
    );
  });
  create.gauge('telemetryQueue', function () {
    this.set({ kind: 'slow_event' }, slowEvents.pending);
    let waiting = 0;
    for (const { delivery } of outlets.values()) waiting += delivery.pending;
    this.set({ kind: 'span' }, waiting);
  });
  create.counter('telemetryItems', function () {
    this.reset();
    const add = (kind: string, counts: Readonly<Record<string, number>>) => {
      for (const [outcome, count] of Object.entries(counts)) this.inc({ kind, outcome }, count);
    };
    add('slow_event', slowEvents.counters);
    for (const { spans, delivery } of outlets.values()) {
      add('span', delivery.counters);
      for (const [kind, dropped] of Object.entries(spans.dropped)) add(kind, { dropped });
    }
    const { refused, undeclared } = performanceMonitor.counters;
    add('span', { dropped: buffer.dropped });
    add('metric', { refused });
    add('name', { refused: undeclared });
  });
  collectDefaultMetrics({ register: registry });

  const management = await serveManagement({
    listen: managementListen,
    registry,
    ...(healthy ? { healthy } : {}),
    routes: { ...stacks?.routes, ...managementRoutes },
  });
  const undo = [
    ...(profile === 'full' ? [await startAutoInstrumentations({ provider, hosts, ownPg: pg !== undefined })] : []),
    instrumentFetch({ tracer, hosts }),
    ...(pg ? [checked('pg', () => instrumentPg(pg, { tracer, monitor: performanceMonitor, tables }))] : []),
  ];

  const stop = async (ms: number): Promise<void> => {
    for (const each of undo) each();
    const deliveries = [...outlets.values()].map(({ delivery }) => delivery);
    await Promise.all([slowEvents.flush(ms), ...deliveries.map((delivery) => delivery.flush(ms))]);
    await provider.shutdown();
    for (const api of [trace, context, propagation]) api.disable();
    await management.close();
  };
  let stopping: Promise<void> | undefined;
  return {
    middleware: expressTelemetry({ requests, routes: table, histogram, monitor: performanceMonitor }),
    performanceMonitor,
    registry,
    instruments: create,
    operationDuration,
    slowEvents,
    stacks,
    routes: table,
    managementPort: management.port,
    sampled,
    spansOf: (name) => (outlets.get(name) ?? outletOf({ 'service.name': name })).spans,
    observePool: (pool) => void pools.push(pool),
    shutdown: (ms = 5000) => {
      stopping ??= stop(ms);
      return stopping;
    },
  };
}
