import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFolder, readText, removePartial } from './target.ts';

let folder: string;
const files = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((each) => (each.isFile() ? each.name : []));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'target-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what a killed process had half written is not there, and is cleared away', async () => {
  const target = openFolder(folder);
  await target.write('base/whole', Readable.from(['whole']));
  const program = `
    import { readdirSync } from 'node:fs';
    import { Readable } from 'node:stream';
    import { openFolder } from ${JSON.stringify(join(import.meta.dirname, 'target.ts'))};
    const half = async function* () {
      yield 'half';
      while (readdirSync(${JSON.stringify(join(folder, 'base'))}).length < 2) await new Promise(setImmediate);
      process.kill(process.pid, 'SIGKILL');
    };
    await openFolder(${JSON.stringify(folder)}).write('base/half', Readable.from(half()));`;
  expect(spawnSync(process.execPath, ['--input-type=module', '-e', program]).signal).toBe('SIGKILL');
  expect(files()).toHaveLength(2);
  expect((await target.list('base')).map(({ name }) => name)).toEqual(['base/whole']);
  await removePartial(folder);
  expect(files()).toEqual(['whole']);
});

test('a folder that is not there yet holds nothing', async () => {
  const target = openFolder(join(folder, 'later'));
  expect(await target.list('base')).toEqual([]);
  await removePartial(target.path(''));
  await expect(target.read('base/none')).rejects.toMatchObject({ code: 'ENOENT' });
  await target.remove('base/none');
});

test('what is written again under a name takes its place', async () => {
  const target = openFolder(folder);
  await target.write('documents/index.json', Readable.from(['a longer one']));
  const written = await target.write('documents/index.json', Readable.from(['short']));
  expect(await readText(target, 'documents/index.json')).toBe('short');
  expect(await target.list('documents')).toEqual([{ name: 'documents/index.json', size: written.size }]);
  await target.remove('documents/index.json');
  // Nor does an empty folder stay.
  expect(readdirSync(folder)).toEqual([]);
});
