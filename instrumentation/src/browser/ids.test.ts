import { expect, test } from 'vitest';
import { z } from 'zod';
import { hexId, uuid } from './ids.ts';

test('ids are of the length and the alphabet that trace context asks for', () => {
  for (let round = 0; round < 200; round++) {
    expect(hexId(32)).toMatch(/^[0-9a-f]{32}$/);
    expect(hexId(16)).toMatch(/^[0-9a-f]{16}$/);
  }
});

test('a batch is named by a UUID that a strict validator takes', () => {
  const all = Array.from({ length: 200 }, uuid);
  for (const each of all) expect(z.uuidv4().safeParse(each).success).toBe(true);
  expect(new Set(all).size).toBe(200);
});
