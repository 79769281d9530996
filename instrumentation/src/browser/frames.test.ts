import { expect, test } from 'vitest';
import { hashFrames } from './frames.ts';

const frame = (filename: string, lineno = 1, colno = 2) => ({ filename, lineno, colno });
const ours = frame('https://clinic.example/assets/index-a1B2.js', 1, 4711);

test('the same place has the same hash, another place another one', () => {
  expect(hashFrames([ours])).toMatch(/^[0-9a-f]{16}$/);
  expect(hashFrames([ours])).toBe(hashFrames([{ ...ours }]));
  expect(hashFrames([ours])).not.toBe(hashFrames([{ ...ours, colno: 4712 }]));
});

test('files that are not our build leave no trace, not even in the hash', () => {
  expect(hashFrames([frame('https://clinic.example/clients/anna')])).toBe('');
  expect(hashFrames([frame('https://clinic.example/clients/anna'), ours])).toBe(hashFrames([ours]));
});

test('an endless stack is cut after ten frames', () => {
  const many = Array.from({ length: 500 }, (_, line) => ({ ...ours, lineno: line }));
  expect(hashFrames(many)).toBe(hashFrames(many.slice(0, 10)));
});
