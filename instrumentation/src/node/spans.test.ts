import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { TraceState } from '@opentelemetry/core';
import { AlwaysOffSampler, createAlwaysRecordSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { allowList, errorType, isErrorType } from './attributes.ts';
import { AllowListedSpans, nanosecondsOf, TraceBuffer } from './spans.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const OTHER = 'b7ad6b7169203332';

function setup({ keepSlow = false } = {}) {
  const sent: string[] = [];
  const spans = new AllowListedSpans(allowList({ routes: ['/clients/:id'], tables: ['clients'], hosts: [] }), {
    add: (record) => void sent.push(record),
    refuses: () => false,
  });
  const buffer = new TraceBuffer({ spans, maxRequests: 2, maxSpans: 2 });
  const provider = new TracerProvider({
    spanProcessors: [buffer],
    ...(keepSlow ? { sampler: createAlwaysRecordSampler(new AlwaysOffSampler()) } : {}),
  });
  return { sent, spans, buffer, tracer: provider.getTracer('canary') };
}

test('nothing planted leaves with a span', () => {
  const { sent, spans, tracer } = setup();
  const remote = {
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    traceState: new TraceState('vendor=canary'),
  };
  const link = { context: { traceId: TRACE, spanId: SPAN, traceFlags: 1 }, attributes: { note: 'canary' } };
  const span = tracer.startSpan(
    'GET /clients/canary',
    { kind: SpanKind.SERVER, links: [link] },
    trace.setSpanContext(ROOT_CONTEXT, remote),
  );
  span.setAttributes({
    'http.request.method': 'GET',
    'http.route': '/clients/canary',
    'url.path': '/canary',
    'http.response.status_code': 200,
    'error.type': 'CanaryError',
    'db.collection.name': 'canary',
    'db.response.status_code': 'CANRY',
    slow: 'canary',
  });
  span.recordException(new Error('canary'));
  span.addEvent('canary', { canary: 'canary' });
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'canary' });
  span.end();
  expect(sent.join()).not.toMatch(/canary|CANRY|CanaryError/i);
  const { startTimeUnixNano, endTimeUnixNano, spanId, ...rest } = JSON.parse(sent[0]!);
  expect(rest).toEqual({
    traceId: TRACE,
    parentSpanId: SPAN,
    flags: 0x301,
    name: 'GET',
    kind: 2,
    attributes: [
      { key: 'http.request.method', value: { stringValue: 'GET' } },
      { key: 'http.response.status_code', value: { intValue: '200' } },
    ],
    status: { code: 2 },
  });
  expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  expect(spans.dropped).toEqual({ attribute: 6, event: 2, link: 1, status_message: 1, trace_state: 1, name: 1 });
});

test('an error type is a listed word, an SQLSTATE or a status', () => {
  for (const good of ['TypeError', 'ECONNREFUSED', '23505', '40P01', '503', '404', 'aborted'])
    expect(isErrorType(good)).toBe(true);
  for (const bad of ['PatientError', 'EPATIENT', 'EPIPS', 'SMITH', '200', '23505 ', 'jane', '', 500, null]) {
    expect(isErrorType(bad)).toBe(false);
  }
  expect(errorType(Object.assign(new Error('Jane'), { code: '23505' }))).toBe('23505');
  expect(errorType(Object.assign(new Error('Jane'), { name: 'JaneDoeError', code: 'JANE' }))).toBe('Error');
  expect(errorType('Jane')).toBe('Error');
});

test('what a slow request did is kept although it was not sampled, that of a fast one and of no request is not', () => {
  const { sent, buffer, tracer } = setup({ keepSlow: true });
  for (const [spanId, slow] of [
    [SPAN, true],
    [OTHER, false],
  ] as const) {
    const root = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId, traceFlags: 0 });
    tracer.startSpan('SELECT', { kind: SpanKind.CLIENT, attributes: { 'db.operation.name': 'SELECT' } }, root).end();
    buffer.finish(spanId, slow);
    buffer.finish(spanId, true);
  }
  tracer.startSpan('SELECT', { attributes: { slow: true } }, ROOT_CONTEXT).end();
  expect(sent.map((span) => JSON.parse(span).parentSpanId)).toEqual([SPAN]);
});

test('requests of one trace at the same time each keep or forget their own spans, those below others included', () => {
  const { sent, buffer, tracer } = setup({ keepSlow: true });
  const contextOf = (spanId: string) => trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId, traceFlags: 0 });
  const outer = tracer.startSpan('call', {}, contextOf(SPAN));
  tracer.startSpan('SELECT', {}, contextOf(OTHER)).end();
  const inner = tracer.startSpan('SELECT', {}, trace.setSpan(ROOT_CONTEXT, outer));
  inner.end();
  buffer.finish(OTHER, false);
  outer.end();
  buffer.finish(SPAN, true);
  expect(sent.map((span) => JSON.parse(span).spanId)).toEqual([inner.spanContext().spanId, outer.spanContext().spanId]);
  expect(buffer.dropped).toBe(0);
});

test('what waits for the end of unsampled requests is bounded and counted', () => {
  const { buffer, tracer } = setup({ keepSlow: true });
  for (let request = 0; request < 3; request++) {
    const root = trace.setSpan(ROOT_CONTEXT, tracer.startSpan('GET', {}, ROOT_CONTEXT));
    for (let i = 0; i < 3; i++) tracer.startSpan('SELECT', {}, root).end();
  }
  expect(buffer.dropped).toBe(3 + 2); // the third span of each, and the two of the oldest request
});

test('a name without attributes must be a listed one', () => {
  const { sent, spans } = setup();
  for (const name of ['page_load', 'Jane Doe']) {
    spans.send({
      name,
      kind: SpanKind.INTERNAL,
      traceId: TRACE,
      spanId: SPAN,
      start: '1',
      end: '2',
      attributes: {},
      failed: false,
    });
  }
  expect(sent.map((span) => JSON.parse(span).name)).toEqual(['page_load', 'internal']);
});

test('milliseconds keep their fraction as nanoseconds', () => {
  expect(nanosecondsOf(1_790_000_000_123.5)).toBe('1790000000123500000');
  expect(nanosecondsOf(5)).toBe('5000000');
});
