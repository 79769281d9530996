import { context } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import type { RequestHandler } from 'express';
import type { Histogram } from 'prom-client';
import { methodOf } from './attributes.ts';
import type { PerformanceMonitor } from './performance-monitor.ts';
import { contextOf, isSynthetic, type RequestInfo, SYNTHETIC_LABEL } from './request.ts';
import { RequestSpan, type RequestSpansOptions } from './request-span.ts';
import type { Route, RouteTable } from './routes.ts';
import { Series } from './series.ts';
import { callUid } from './slow-events.ts';

export interface ExpressTelemetryOptions {
  readonly requests: RequestSpansOptions;
  readonly routes: RouteTable;
  readonly histogram: Histogram<
    'http_request_method' | 'http_route' | 'http_response_status_code' | 'user_agent_synthetic_type'
  >;
  readonly monitor: PerformanceMonitor;
}

/** What all requests of one method and route share. */
interface Kind {
  readonly method: string;
  readonly name: string;
  readonly byStatus: Map<number, Series>;
  readonly synthetic: Map<number, Series>;
}

/** One server span and one histogram sample per request. Must be the application's first middleware. */
export function expressTelemetry({ requests, routes, histogram, monitor }: ExpressTelemetryOptions): RequestHandler {
  const kinds = new Map<Route, Map<string, Kind>>();
  const kindOf = (route: Route, method: string): Kind => {
    let byMethod = kinds.get(route);
    if (!byMethod) {
      byMethod = new Map();
      kinds.set(route, byMethod);
    }
    let kind = byMethod.get(method);
    if (!kind) {
      kind = { method, name: `${method} ${route.template}`, byStatus: new Map(), synthetic: new Map() };
      byMethod.set(method, kind);
    }
    return kind;
  };
  const seriesOf = (kind: Kind, { route, synthetic }: RequestInfo, status: number): Series => {
    const byStatus = synthetic ? kind.synthetic : kind.byStatus;
    let series = byStatus.get(status);
    if (!series) {
      series = new Series(histogram, {
        http_request_method: kind.method,
        http_route: route.template,
        http_response_status_code: status,
        ...(synthetic ? SYNTHETIC_LABEL : {}),
      });
      byStatus.set(status, series);
    }
    return series;
  };

  return (req, res, next) => {
    const start = performance.now();
    const route = routes.find(req.url);
    const kind = kindOf(route, methodOf(req.method));
    const { traceparent } = req.headers;
    const caller = typeof traceparent === 'string' ? (parseTraceParent(traceparent) ?? undefined) : undefined;
    const span = new RequestSpan(requests, kind.name, caller);
    const synthetic = isSynthetic(req.headers);
    const info: RequestInfo = { route, span, synthetic, slow: false };

    res.once('close', () => {
      const ms = performance.now() - start;
      const status = res.writableFinished ? res.statusCode : 499; // the client went away
      if (route.kind === 'api') {
        const uid = caller ? () => callUid(caller.traceId, caller.spanId) : undefined;
        monitor.recordMetric('api_call', ms, { request: info, uid });
      }
      const spanContext = span.spanContext();
      const kept = spanContext.traceFlags !== 0 || (requests.keepSlow && info.slow);
      seriesOf(kind, info, status).observe(ms / 1000, kept ? spanContext : undefined);
      span.finish(
        ms,
        info.slow,
        () => ({
          'http.request.method': kind.method,
          'http.route': route.template,
          'http.response.status_code': status,
          ...(synthetic ? { 'user_agent.synthetic.type': SYNTHETIC_LABEL.user_agent_synthetic_type } : {}),
          ...(status >= 500 ? { 'error.type': String(status) } : status === 499 ? { 'error.type': 'aborted' } : {}),
        }),
        status >= 500,
      );
    });
    context.with(contextOf(info), next);
  };
}
