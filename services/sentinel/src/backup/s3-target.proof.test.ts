import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type S3Server, startS3Server } from '../testing/s3-server.ts';
import { openS3 } from './s3-target.ts';
import type { Target } from './target.ts';

const MIB = 1024 * 1024;

let server: S3Server;
let target: Target;
let folder: string;

beforeAll(async () => {
  server = await startS3Server();
  target = await openS3(server);
});
afterAll(() => server?.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's3-target-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const name of readdirSync(server.bucket)) rmSync(join(server.bucket, name), { recursive: true });
});

/** A file of so many random bytes. */
function file(size: number): { readonly path: string; readonly bytes: Buffer } {
  const path = join(folder, `of-${size}`);
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, bytes };
}
const read = async (name: string) => buffer(await target.read(name));

test.each([0, 5, 8 * MIB, 8 * MIB + 1, 20 * MIB])('%i bytes come back as they were, and are listed', async (size) => {
  const { path, bytes } = file(size);
  await target.copy('wal/1/000000010000000000000001.zst.age', path);
  expect((await read('wal/1/000000010000000000000001.zst.age')).equals(bytes)).toBe(true);
  expect(await target.list('wal')).toEqual([{ name: 'wal/1/000000010000000000000001.zst.age', size }]);
  expect(await target.list('base')).toEqual([]);
});

test('more than fit into one answer are listed, by name', async () => {
  mkdirSync(join(server.bucket, 'wal/1'), { recursive: true });
  const names = Array.from({ length: 2_100 }, (_, index) => `wal/1/${String(index).padStart(24, '0')}.zst.age`);
  for (const name of names) writeFileSync(join(server.bucket, name), 'x');
  expect((await target.list('wal')).map(({ name }) => name)).toEqual(names);
});

test('what is copied again takes its place; what is removed, or was never there, is said to be missing', async () => {
  await target.copy('documents/index.json', file(3000).path);
  const { path, bytes } = file(20);
  await target.copy('documents/index.json', path);
  expect(await read('documents/index.json')).toEqual(bytes);
  await target.remove('documents/index.json');
  await target.remove('documents/index.json');
  expect(await target.list('documents')).toEqual([]);
  await expect(target.read('documents/index.json')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('an upload that breaks off leaves nothing of its name, and succeeds when the store is back', async () => {
  const name = 'base/20261122T013000Z/base.tar.zst.age';
  const { path, bytes } = file(200 * MIB);
  const copying = target.copy(name, path).then(
    () => 'copied',
    () => 'broken off',
  );
  const parts = () =>
    readdirSync(server.bucket, { recursive: true }).filter((each) => /multipart\/.*\/\d+$/.test(`${each}`));
  while (parts().length < 3) await sleep(5);
  await server.kill();
  expect(await copying).toBe('broken off');
  await server.start();
  expect(await target.list('base')).toEqual([]);
  expect(existsSync(join(server.bucket, name))).toBe(false);
  await target.copy(name, path);
  expect((await read(name)).equals(bytes)).toBe(true);
}, 120_000);

describe('an object that is being read', () => {
  const name = 'base/20261122T013000Z/base.tar.zst.age';
  const begin = async () => {
    await target.copy(name, file(20 * MIB).path);
    const stream = await target.read(name);
    const chunks = stream[Symbol.asyncIterator]();
    await chunks.next();
    return async () => {
      for (;;) if ((await chunks.next()).done) return;
    };
  };

  test('is not mixed with the one that takes its place', async () => {
    const goOn = await begin();
    await target.copy(name, file(20 * MIB).path);
    await expect(goOn()).rejects.toThrow('replaced while it was read');
  });

  test('ends with an error when the store goes away', async () => {
    const goOn = await begin();
    await server.kill();
    await expect(goOn()).rejects.toThrow();
    await server.start();
  });
});

test('a wrong key is refused, and the error does not tell it', async () => {
  const stranger = await openS3({ ...server, credentials: 'offsite:canary-secret' });
  const { path } = file(10);
  for (const asked of ['list', 'copy', 'read'] as const) {
    const error: unknown = await stranger[asked]('base/x', path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('canary');
  }
  expect(await target.list('base')).toEqual([]);
});
