import { expect, test } from 'vitest';
import { toTrace } from './trace.ts';

const START = 1_750_000_000_000_000_000n;
const span = (id: string, parent: string | undefined, from: number, to: number) => ({
  spanId: btoa(String.fromCharCode(...(id.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)))),
  ...(parent !== undefined && { parentSpanId: parent }),
  name: id.slice(-1),
  startTimeUnixNano: String(START + BigInt(from) * 1_000_000n),
  endTimeUnixNano: String(START + BigInt(to) * 1_000_000n),
});
const id = (last: number) => `00000000000000${String(last).padStart(2, '0')}`;
const trace = (...spans: ReturnType<typeof span>[]) => toTrace('x', { batches: [{ scopeSpans: [{ spans }] }] });

test('a waterfall: parents first, children by start, ids as hex or base64', () => {
  const { spans, durationMs } = trace(
    span(id(3), id(1), 50, 60),
    span(id(2), id(1), 10, 40),
    span(id(1), undefined, 0, 100),
  );
  expect(spans.map(({ id, depth, startMs }) => [id, depth, startMs])).toEqual([
    [id(1), 0, 0],
    [id(2), 1, 10],
    [id(3), 1, 50],
  ]);
  expect(durationMs).toBe(100);
});

test('the slow span is the one whose own time is longest; children that overlap are not taken off twice', () => {
  const { spans, slowest } = trace(
    span(id(1), undefined, 0, 100),
    span(id(2), id(1), 10, 60),
    span(id(3), id(1), 40, 90),
  );
  expect(spans[0]?.selfMs).toBe(20);
  expect(slowest?.id).toBe(id(2));
});

test('an orphan, a repeated span and a circle are each shown once', () => {
  const { spans } = trace(
    span(id(1), id(9), 0, 10),
    span(id(1), id(9), 0, 10),
    span(id(4), id(5), 0, 5),
    span(id(5), id(4), 0, 5),
  );
  expect(spans.map(({ id, orphan }) => [id, orphan])).toEqual([
    [id(1), true],
    [id(4), false],
    [id(5), false],
  ]);
});

test('no spans', () => {
  expect(toTrace('x', { batches: [] })).toMatchObject({ spans: [], slowest: undefined });
});
