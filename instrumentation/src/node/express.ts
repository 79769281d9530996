import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { RequestHandler } from 'express';
import type { Histogram } from 'prom-client';
import { methodOf } from './attributes.ts';
import { observeWithExemplar } from './instruments.ts';
import type { PerformanceMonitor } from './performance-monitor.ts';
import { type RequestInfo, withRequest } from './request.ts';
import type { Route, RouteTable } from './routes.ts';
import { callUid } from './slow-events.ts';

export interface ExpressTelemetryOptions {
  readonly tracer: Tracer;
  readonly routes: RouteTable;
  readonly histogram: Histogram<'http_request_method' | 'http_route' | 'http_response_status_code'>;
  readonly monitor: PerformanceMonitor;
  /** Whether the trace of a slow request is kept although it was not sampled. */
  readonly keepSlow: boolean;
}

/** One server span and one histogram sample per request. Must be the application's first middleware. */
export function expressTelemetry(options: ExpressTelemetryOptions): RequestHandler {
  const { tracer, routes, histogram, monitor, keepSlow } = options;
  const names = new Map<Route, Map<string, string>>();
  const nameOf = (method: string, route: Route): string => {
    let byMethod = names.get(route);
    if (!byMethod) {
      byMethod = new Map();
      names.set(route, byMethod);
    }
    let name = byMethod.get(method);
    if (!name) {
      name = `${method} ${route.template}`;
      byMethod.set(method, name);
    }
    return name;
  };

  return (req, res, next) => {
    const start = performance.now();
    const method = methodOf(req.method);
    const route = routes.find(req.url);
    const parent: Context =
      req.headers.traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, req.headers);
    const span: Span = tracer.startSpan(nameOf(method, route), { kind: SpanKind.SERVER }, parent);
    const info: RequestInfo = { route, span, slow: false };
    const current = withRequest(trace.setSpan(parent, span), info);

    res.once('close', () => {
      const ms = performance.now() - start;
      const status = res.writableFinished ? res.statusCode : 499; // the client went away
      if (route.kind === 'api') {
        const caller = trace.getSpanContext(parent);
        const uid = caller ? () => callUid(caller.traceId, caller.spanId) : undefined;
        monitor.recordMetric('api_call', ms, { request: info, uid });
      }
      const spanContext = span.spanContext();
      const kept = (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0 || (keepSlow && info.slow);
      const labels = {
        http_request_method: method,
        http_route: route.template,
        http_response_status_code: status,
      };
      if (kept) observeWithExemplar(histogram, labels, ms / 1000, spanContext);
      else histogram.observe({ labels, value: ms / 1000 });
      if (span.isRecording()) {
        span.setAttributes({
          'http.request.method': method,
          'http.route': route.template,
          'http.response.status_code': status,
        });
        if (info.slow) span.setAttribute('slow', true);
        if (status >= 500) {
          span.setAttribute('error.type', String(status));
          span.setStatus({ code: SpanStatusCode.ERROR });
        } else if (status === 499) span.setAttribute('error.type', 'aborted');
      }
      span.end();
    });
    context.with(current, next);
  };
}
