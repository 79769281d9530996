import { expect, test } from 'vitest';
import { framesOf, nameHash } from './frames.ts';

const FOLDER = 'https://clinic.example/assets/';
const frame = (filename: string, lineno = 1, colno = 4711) => ({ filename, lineno, colno });
const ours = frame(`${FOLDER}index-a1B2.js`);

test('a frame of our own build is the hash of its file, line and column', () => {
  expect(framesOf([ours], FOLDER)).toEqual([[nameHash('index-a1B2.js'), 1, 4711]]);
  expect(nameHash('index-a1B2.js')).toMatch(/^[0-9a-f]{16}$/);
  expect(nameHash('index-a1B2.js')).not.toBe(nameHash('index-a1B3.js'));
});

test.each([
  'https://clinic.example/clients/anna',
  'https://clinic.example/assets.js',
  'https://clinic.example/assets/anna/x.js',
  'https://elsewhere.example/assets/index-a1B2.js',
  `${FOLDER}anna example.js`,
  `${FOLDER}index.js?name=anna`,
  'anna',
])('%s leaves no trace', (filename) => {
  expect(framesOf([frame(filename), ours], FOLDER)).toEqual(framesOf([ours], FOLDER));
});

test('an endless stack is cut after ten frames', () => {
  const many = Array.from({ length: 500 }, (_, line) => ({ ...ours, lineno: line + 1 }));
  expect(framesOf(many, FOLDER)).toEqual(framesOf(many.slice(0, 10), FOLDER));
});
