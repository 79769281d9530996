import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { MAX_DOCUMENT_SIZE, openDocumentStore } from './document-store.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'document-store-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const filesIn = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

test('what was stored is what is read, and lies under its id', async () => {
  const path = folder();
  const store = await openDocumentStore(path);
  const id = randomUUID();
  const content = Buffer.alloc(200_000, 'content');
  const file = await store.receive(id, Readable.from([content.subarray(0, 70_000), content.subarray(70_000)]));
  expect(file).toMatchObject({ size: content.length, sha256: sha256(content) });
  expect(readdirSync(path)).not.toContain(id);
  await file.keep();
  await file.discard();
  expect(readFileSync(join(path, id)).equals(content)).toBe(true);
  expect((await buffer(await store.read(id, file.sha256))).equals(content)).toBe(true);
});

test('what is not what was stored is not shown: changed, cut short, gone', async () => {
  const path = folder();
  const store = await openDocumentStore(path);
  const id = randomUUID();
  const file = await store.receive(id, [Buffer.from('a document')]);
  await file.keep();
  for (const damaged of ['a dOcument', 'a docum', 'a document ', '']) {
    writeFileSync(join(path, id), damaged);
    await expect(store.read(id, file.sha256)).rejects.toMatchObject({ code: 'document_damaged' });
  }
  rmSync(join(path, id));
  await expect(store.read(id, file.sha256)).rejects.toMatchObject({ code: 'document_damaged' });
});

test('what the disk refused goes with the problem, for the log', async () => {
  const path = folder();
  const store = await openDocumentStore(path);
  const id = randomUUID();
  const code = 'storage_unavailable';
  mkdirSync(join(path, id));
  await expect(store.read(id, sha256(Buffer.from('x')))).rejects.toMatchObject({ code, cause: { code: 'EISDIR' } });
  const file = await store.receive(id, [Buffer.from('x')]);
  await expect(file.keep()).rejects.toMatchObject({ code, cause: { code: 'EISDIR' } });
  rmSync(join(path, 'incoming'), { recursive: true });
  await expect(store.probe()).rejects.toMatchObject({ code, cause: { code: 'ENOENT' } });
  const looped = randomUUID();
  symlinkSync(looped, join(path, looped));
  await expect(store.read(looped, sha256(Buffer.from('x')))).rejects.toMatchObject({ code, cause: { code: 'ELOOP' } });
});

test('what is too large, or ends before its end, leaves nothing behind', async () => {
  const path = folder();
  const store = await openDocumentStore(path);
  const largest = await store.receive(randomUUID(), [Buffer.alloc(MAX_DOCUMENT_SIZE)]);
  await largest.discard();
  const chunks = [Buffer.alloc(MAX_DOCUMENT_SIZE), Buffer.alloc(1)];
  await expect(store.receive(randomUUID(), chunks)).rejects.toMatchObject({ code: 'document_too_large' });
  const broken = Readable.from(
    (function* () {
      yield Buffer.from('half of a docu');
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(),
  );
  await expect(store.receive(randomUUID(), broken)).rejects.toMatchObject({ code: 'body_incomplete' });
  expect(filesIn(path)).toEqual([]);
});

test('the sweep removes uploads that were cut off, sets files without a row aside, and leaves documents alone', async () => {
  const path = folder();
  const store = await openDocumentStore(path);
  const [known, orphan, recent] = [randomUUID(), randomUUID(), randomUUID()];
  for (const id of [known, orphan, recent]) await (await store.receive(id, [Buffer.from(id)])).keep();
  writeFileSync(join(path, 'incoming', 'cut-off'), 'half');
  writeFileSync(join(path, 'not-ours'), 'x');
  const now = Date.now();
  const old = new Date(now - 2 * 3_600_000);
  for (const name of [known, orphan, 'incoming/cut-off', 'not-ours']) utimesSync(join(path, name), old, old);
  const documents = async () => new Set([known]);
  expect(await store.sweep({ documents, now })).toBe(2);
  expect(readdirSync(path).sort()).toEqual([known, recent, 'incoming', 'not-ours', 'orphaned'].sort());
  expect(readdirSync(join(path, 'orphaned'))).toEqual([orphan]);
  expect(await store.sweep({ documents, now: now + 29 * 86_400_000 })).toBe(1); // the recent one has become old
  expect(await store.sweep({ documents, now: now + 31 * 86_400_000 })).toBe(1);
  expect(readdirSync(join(path, 'orphaned'))).toEqual([recent]);
});

const mountable =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt'], { stdio: 'ignore' }).status === 0;

test.runIf(mountable)('a full disk: nothing half remains, and what is there can be read', async () => {
  const path = folder();
  mkdirSync(join(path, 'disk'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', join(path, 'disk')]);
  onTestFinished(() => void execFileSync('umount', ['-l', join(path, 'disk')]));
  const disk = join(path, 'disk');
  const store = await openDocumentStore(disk);
  const id = randomUUID();
  const first = await store.receive(id, [Buffer.alloc(600_000, 'x')]);
  await first.keep();
  await expect(store.receive(randomUUID(), [Buffer.alloc(600_000)])).rejects.toMatchObject({ code: 'storage_full' });
  expect(filesIn(disk)).toEqual([id]);
  expect((await buffer(await store.read(id, first.sha256))).length).toBe(600_000);
  const { free, total } = await store.probe();
  expect([total, free < 500_000]).toEqual([1_048_576, true]);
  const rest = await store.receive(randomUUID(), [Buffer.alloc(free - (free % 4096))]);
  await expect(store.probe()).rejects.toMatchObject({ code: 'storage_full' });
  await rest.discard();
  await store.probe();
});
