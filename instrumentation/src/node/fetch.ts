import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, propagation, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { errorType, methodOf } from './attributes.ts';

interface UndiciRequest {
  readonly origin: string | URL;
  readonly method: string;
  addHeader(name: string, value: string): void;
}

export interface FetchTelemetryOptions {
  readonly tracer: Tracer;
  readonly hosts: readonly string[];
}

/** One client span per outgoing `fetch` of a request; only the listed hosts get `traceparent`, only they are named. Returns a function that stops it. */
export function instrumentFetch({ tracer, hosts }: FetchTelemetryOptions): () => void {
  const listed = new Set(hosts);
  const spans = new WeakMap<object, Span>();

  const create = (message: unknown) => {
    const { request } = message as { request: UndiciRequest };
    const current = context.active();
    const parent = trace.getSpan(current);
    if (!parent) return;
    const host = new URL(request.origin).hostname;
    const known = listed.has(host);
    let carrier = current;
    if (parent.isRecording()) {
      const method = methodOf(request.method);
      const attributes = { 'http.request.method': method, 'server.address': known ? host : 'other' };
      const span = tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes }, current);
      spans.set(request, span);
      carrier = trace.setSpan(current, span);
    }
    if (known) propagation.inject(carrier, request, { set: (to, key, value) => to.addHeader(key, value) });
  };
  const fail = (span: Span, type: string) => {
    span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', type);
  };
  const headers = (message: unknown) => {
    const { request, response } = message as { request: object; response: { statusCode: number } };
    const span = spans.get(request);
    if (!span) return;
    span.setAttribute('http.response.status_code', response.statusCode);
    if (response.statusCode >= 400) fail(span, String(response.statusCode));
  };
  const finish = (message: unknown) => {
    const { request, error } = message as { request: object; error?: unknown };
    const span = spans.get(request);
    if (!span) return;
    spans.delete(request);
    if (error) fail(span, errorType(error));
    span.end();
  };
  const channels = [
    ['undici:request:create', create],
    ['undici:request:headers', headers],
    ['undici:request:trailers', finish],
    ['undici:request:error', finish],
  ] as const;
  for (const [name, listener] of channels) subscribe(name, listener);
  return () => {
    for (const [name, listener] of channels) unsubscribe(name, listener);
  };
}
