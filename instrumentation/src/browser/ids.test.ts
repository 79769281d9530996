import { expect, test } from 'vitest';
import { hexId } from './ids.ts';

test('ids are of the length and the alphabet that trace context asks for, and differ', () => {
  const all = Array.from({ length: 200 }, () => [hexId(32), hexId(16)] as const);
  for (const [trace, span] of all) {
    expect(trace).toMatch(/^[0-9a-f]{32}$/);
    expect(span).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(new Set(all.flat()).size).toBe(400);
});
