import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nameHash } from '../browser/frames.ts';
import type { Frame } from '../browser/wire.ts';
import { Stacks } from './stacks.ts';

const SOURCE = `export function book() {
  if (globalThis.first) throw new TypeError('first');
  return save();
}
export function save() {
  throw new RangeError('second');
}
`;

let folder: string;
let stacks: Stacks;
let code: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clinic-stacks-'));
  const [scripts, maps] = [join(folder, 'assets'), join(folder, '.maps')];
  for (const each of [scripts, maps]) mkdirSync(each);
  const input = join(folder, 'book.js');
  writeFileSync(input, SOURCE);
  const bundle = await rolldown({ input });
  const { output } = await bundle.generate({ dir: scripts, sourcemap: true, minify: true });
  await bundle.close();
  code = output[0].code;
  for (const name of ['mapped.js', 'unmapped.js', 'broken.js']) writeFileSync(join(scripts, name), code);
  writeFileSync(join(maps, 'mapped.js.map'), output[0].map!.toString());
  writeFileSync(join(maps, 'broken.js.map'), '{');
  stacks = new Stacks({ scripts, maps, capacity: 2 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The frame of the first occurrence of a text in a script. */
function frameAt(script: string, text: string): Frame {
  const before = code.slice(0, code.indexOf(text)).split('\n');
  return [nameHash(script), before.length, before.at(-1)!.length + 1];
}

test('frames become places in the sources, in their order; without a map they stay where they are', async () => {
  const [line, column] = frameAt('unmapped.js', 'RangeError').slice(1);
  stacks.add(
    {
      n: 'RangeError',
      p: '/clients',
      f: [
        frameAt('mapped.js', 'RangeError'),
        frameAt('unmapped.js', 'RangeError'),
        frameAt('mapped.js', 'TypeError'),
        frameAt('elsewhere.js', 'TypeError'),
        frameAt('broken.js', 'RangeError'),
      ],
    },
    1,
  );
  const frames = await stacks.resolve(stacks.list()[0]!.hash);
  const places = frames?.map((frame) => ({ ...frame, file: frame.file.split('/').at(-1) }));
  expect(places).toEqual([
    { file: 'book.js', line: 6, column: expect.any(Number), function: 'save' },
    { file: 'unmapped.js', line, column },
    { file: 'book.js', line: 2, column: expect.any(Number), function: 'book' },
    { file: 'broken.js', line, column },
  ]);
  expect(await stacks.resolve('0123456789abcdef')).toBeUndefined();
});

test('a stack is counted, the one seen longest ago is forgotten, and one without a frame of ours is not kept', () => {
  const add = (text: string, now: number, script = 'mapped.js') =>
    stacks.add({ n: 'Error', p: '/clients', f: [frameAt(script, text)] }, now);
  for (const [index, text] of ['TypeError', 'RangeError', 'TypeError'].entries()) add(text, index);
  add('TypeError', 9, 'elsewhere.js');
  const listed = stacks.list();
  expect(listed.map(({ count, first, last }) => [count, first, last])).toEqual([
    [2, 0, 2],
    [1, 1, 1],
  ]);
  expect(Object.keys(listed[0]!)).not.toContain('frames');
});
