import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { RequestContext, RequestSpan } from './request-span.ts';
import type { OutgoingSpan } from './spans.ts';

function setup({ sampled = false, keepSlow = false } = {}) {
  const sent: OutgoingSpan[] = [];
  const finished: unknown[] = [];
  const dropped = { attribute: 0, event: 0, link: 0, status_message: 0, trace_state: 0, name: 0 };
  const shared = {
    spans: { send: (span: OutgoingSpan) => void sent.push(span), dropped },
    buffer: { finish: (...args: unknown[]) => void finished.push(args) },
    sampled: () => sampled,
    keepSlow,
  };
  const span = (parent?: { traceId: string; spanId: string; traceFlags: number }) =>
    new RequestSpan(shared, 'GET /clients/:id', parent);
  return { sent, finished, dropped, span };
}
const end = (span: RequestSpan, slow = false) =>
  span.finish(12.5, slow, () => ({ 'http.route': '/clients/:id' }), false);

test.each([
  [{ sampled: false, keepSlow: false }, false, 0],
  [{ sampled: false, keepSlow: false }, true, 0],
  [{ sampled: false, keepSlow: true }, false, 0],
  [{ sampled: false, keepSlow: true }, true, 1],
  [{ sampled: true, keepSlow: false }, false, 1],
] as const)('with %o and slow=%s, %i spans are sent', (options, slow, count) => {
  const { sent, finished, span } = setup(options);
  const one = span();
  expect(one.isRecording()).toBe(options.sampled || options.keepSlow);
  end(one, slow);
  expect(sent).toHaveLength(count);
  expect(finished).toEqual(options.keepSlow && !options.sampled ? [[one.spanContext().spanId, slow]] : []);
});

test('ids are well-formed, never repeated, and fall into the sampled share as often as they should', () => {
  const { span } = setup();
  const seen = new Set<string>();
  const sampler = new TraceIdRatioBasedSampler(0.25);
  let sampled = 0;
  for (let i = 0; i < 4000; i++) {
    const { traceId, spanId } = span().spanContext();
    expect(`${traceId}-${spanId}`).toMatch(/^[0-9a-f]{32}-[0-9a-f]{16}$/);
    seen.add(traceId).add(spanId);
    if (sampler.shouldSample(ROOT_CONTEXT, traceId).decision) sampled++;
  }
  expect(seen.size).toBe(8000);
  expect(sampled).toBeGreaterThan(800);
  expect(sampled).toBeLessThan(1200);
});

test("what the application puts on it waits for the allow-list; the rest is counted; its end is not the application's to say", () => {
  const { sent, dropped, span } = setup({ sampled: true });
  const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 0 };
  const one = span(parent);
  one.setAttributes({ note: 'canary' }).setStatus({ code: SpanStatusCode.ERROR, message: 'canary' });
  one.recordException(new Error('canary'));
  one
    .addEvent()
    .addLinks([{ context: parent }])
    .addLink({ context: parent });
  for (let i = 0; i < 40; i++) one.setAttribute(`key${i}`, i);
  one.end();
  expect(one.isRecording()).toBe(true);
  end(one);
  one.setAttribute('late', 1);
  const { start, end: ended, ...rest } = sent[0]!;
  expect(rest).toMatchObject({
    traceId: parent.traceId,
    parent: { spanId: parent.spanId, isRemote: true },
    failed: true,
  });
  expect(Object.keys(rest.attributes)).toHaveLength(33);
  expect(BigInt(ended) - BigInt(start)).toBe(12_500_000n);
  expect(dropped).toEqual({ attribute: 9, event: 2, link: 2, status_message: 1, trace_state: 0, name: 0 });
});

test('its context works as one of the API: the active span is found, values can be added and taken away', () => {
  const { span } = setup();
  const one = span();
  const [own, other] = [Symbol('own'), Symbol('other')];
  const made = new RequestContext(one, own, 1);
  expect([trace.getSpan(made), made.getValue(own), made.getValue(other)]).toEqual([one, 1, undefined]);
  const more = made.setValue(other, 2);
  expect([trace.getSpan(more), more.getValue(own), more.getValue(other), made.getValue(other)]).toEqual([
    one,
    1,
    2,
    undefined,
  ]);
  expect(trace.getSpan(trace.deleteSpan(more))).toBeUndefined();
  expect(more.deleteValue(own).getValue(own)).toBeUndefined();
  expect(context.active()).toBe(ROOT_CONTEXT);
});
