import { AsyncLocalStorage } from 'node:async_hooks';
import { context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { errorType, isSqlState } from './attributes.ts';
import type { PerformanceMonitor } from './performance-monitor.ts';
import { requestOf } from './request.ts';
import { sqlSummariser } from './sql.ts';

export interface PgTelemetryOptions {
  readonly tracer: Tracer;
  readonly monitor: PerformanceMonitor;
  /** Tables that may be named on spans. */
  readonly tables: readonly string[];
}

/** The parts of the `pg` module that are wrapped; `import pg from 'pg'` fits. */
export interface Pg {
  readonly Client: { readonly prototype: object };
  readonly Pool: { readonly prototype: object };
}

type Callback = (error: unknown, result?: unknown) => void;
type Method = (this: unknown, ...args: unknown[]) => unknown;
/** What `Client.query` takes in place of a text. */
interface QueryConfig {
  readonly text?: unknown;
  readonly submit?: unknown;
  readonly callback?: unknown;
}

/**
 * Times every query of `pg` 8, and gives it a span below a recorded one. Queries through `pool.query`, a client, a
 * transaction or a prepared statement all pass `Client.prototype.query`; cursors and streams are not timed. Returns a
 * function that undoes it. Throws a TypeError for a version of `pg` that has no such method.
 */
export function instrumentPg(pg: Pg, { tracer, monitor, tables }: PgTelemetryOptions): () => void {
  const summarise = sqlSummariser(tables);

  const begin = (sql: unknown): ((error: unknown) => void) => {
    const start = performance.now();
    const current = context.active();
    let span: Span | undefined;
    if (trace.getSpan(current)?.isRecording()) {
      const { operation, table, name } = summarise(typeof sql === 'string' ? sql : '');
      const attributes = {
        'db.system.name': 'postgresql',
        'db.operation.name': operation,
        ...(table ? { 'db.collection.name': table } : {}),
      };
      span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, current);
    }
    return (error) => {
      monitor.recordMetric('database_query', performance.now() - start, { request: requestOf(current) });
      if (!span) return;
      if (error) {
        const type = errorType(error);
        span.setAttribute('error.type', type);
        if (isSqlState(type)) span.setAttribute('db.response.status_code', type);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    };
  };

  const wrapQuery = (original: Method): Method =>
    function (query, ...rest) {
      // A `Submittable` (cursor, stream) has a life of its own; pg itself complains about null.
      const config: QueryConfig | undefined = typeof query === 'string' ? { text: query } : (query as QueryConfig);
      if (!config || typeof config.submit === 'function') return original.call(this, query, ...rest);
      const end = begin(config.text);
      const ending = (callback: Callback): Callback => {
        const bound = AsyncLocalStorage.bind(callback);
        return (error, result) => {
          end(error);
          bound(error, result);
        };
      };
      const last = rest.at(-1);
      if (typeof last === 'function') {
        return original.call(this, query, ...rest.slice(0, -1), ending(last as Callback));
      }
      if (typeof config.callback === 'function') {
        const { callback, ...without } = config;
        return original.call(this, without, ...rest, ending(callback as Callback));
      }
      const result = original.call(this, query, ...rest) as Promise<unknown>;
      result.then(() => end(undefined), end);
      return result;
    };

  // pg-pool runs a waiting request's callback inside whichever request gave the client back: spans would get a wrong parent.
  const wrapConnect = (original: Method): Method =>
    function (callback, ...rest) {
      const bound = typeof callback === 'function' ? AsyncLocalStorage.bind(callback as Callback) : callback;
      return original.call(this, bound, ...rest);
    };

  const undo = [wrap(pg.Client.prototype, 'query', wrapQuery), wrap(pg.Pool.prototype, 'connect', wrapConnect)];
  return () => {
    for (const each of undo) each();
  };
}

function wrap(prototype: object, name: string, wrapper: (original: Method) => Method): () => void {
  let owner: object | null = prototype;
  while (owner && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object | null;
  if (!owner) throw new TypeError(`pg has no method ${name}: use version 8`);
  const methods = owner as Record<string, Method>;
  const original = methods[name]!;
  methods[name] = wrapper(original);
  return () => {
    methods[name] = original;
  };
}
