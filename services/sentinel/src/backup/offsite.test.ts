import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RETENTION_MS } from '@clinic/catalogue/recovery';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDocumentIndex } from './documents-backup.ts';
import { backupKey } from './key.ts';
import { archiveName, backupId, type Manifest, manifestName, sign } from './manifest.ts';
import { offsiteCopier } from './offsite.ts';
import { retain } from './retention.ts';
import { openFolder, type Repository, readText, type Target } from './target.ts';

const DAY = 24 * 60 * 60_000;
const now = Date.UTC(2026, 10, 22, 1, 30);
const key = backupKey('a secret of a test');
const SEGMENTS = ['000000010000000000000001', '000000010000000000000002', '000000010000000000000003'] as const;
const wal = (segment: string, part = '') => `wal/1/${segment}${part}.zst.age`;

let folder: string;
let repository: Repository;
let offsite: Repository;

const put = (name: string, content = name) => repository.write(name, Readable.from([content]));
const documentId = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`;
const names = async (target: Target) => (await target.list('')).map(({ name }) => name);
const copy = (to: Target = offsite, at = now) => offsiteCopier(repository, to)({ key, now: at });

async function backup(days: number, startSegment: string): Promise<string> {
  const startedAt = now - days * DAY;
  const id = backupId(startedAt);
  const manifest: Manifest = {
    version: 1,
    id,
    startedAt,
    finishedAt: startedAt + 60_000,
    postgres: 15,
    system: '1',
    database: 'clinic',
    owner: 'clinic',
    startSegment,
    segmentBytes: 16 * 1024 * 1024,
    archive: { size: 1, sha256: '0'.repeat(64) },
    fingerprint: { at: '', lsn: '0/0', tables: {} },
  };
  await put(archiveName(id));
  await put(manifestName(id), sign(key, manifest));
  return id;
}

/** Notes what is copied, in order. */
function watched(): { target: Target; copied: string[] } {
  const copied: string[] = [];
  return {
    copied,
    target: {
      ...offsite,
      copy: (name, file) => {
        copied.push(name);
        return offsite.copy(name, file);
      },
    },
  };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offsite-'));
  repository = openFolder(join(folder, 'here'));
  offsite = openFolder(join(folder, 'there'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function whole(): Promise<string> {
  for (const segment of SEGMENTS.slice(0, 2)) await put(wal(segment));
  await put(wal(SEGMENTS[2], '.part'));
  await put('documents/ab/abcd.zst.age');
  await put('documents/index.json', sign(key, { documents: {} }));
  return backup(1, SEGMENTS[0]);
}

test('everything arrives, byte by byte, and what others refer to before them', async () => {
  const id = await whole();
  const { target, copied } = watched();
  const bytes = await copy(target);
  expect(await names(offsite)).toEqual(await names(repository));
  for (const name of await names(repository)) {
    expect(readFileSync(offsite.path(name))).toEqual(readFileSync(repository.path(name)));
  }
  expect(copied).toEqual([
    ...SEGMENTS.slice(0, 2).map((segment) => wal(segment)),
    wal(SEGMENTS[2], '.part'),
    'documents/ab/abcd.zst.age',
    'documents/index.json',
    archiveName(id),
    manifestName(id),
  ]);
  expect(bytes).toBe((await offsite.list('')).reduce((sum, { size }) => sum + size, 0));
});

test('what is there is not sent again, save what is written anew under the same name and what arrived in part', async () => {
  const id = await whole();
  await copy();
  // As long as before.
  await put(wal(SEGMENTS[2], '.part'), wal(SEGMENTS[2], '.part').toUpperCase());
  const documents = { [documentId('3')]: 'c'.repeat(64) };
  await put('documents/index.json', sign(key, { documents }));
  writeFileSync(offsite.path(archiveName(id)), 'short');
  const { target, copied } = watched();
  await copy(target);
  expect(copied).toEqual([wal(SEGMENTS[2], '.part'), 'documents/index.json', archiveName(id)]);
  expect(await readDocumentIndex(offsite, key)).toEqual(documents);
});

test('a part goes once the whole segment is there', async () => {
  await whole();
  await copy();
  await repository.remove(wal(SEGMENTS[2], '.part'));
  await put(wal(SEGMENTS[2]));
  await copy();
  expect(await names(offsite)).toEqual(await names(repository));
});

test('what retention removed here goes there', async () => {
  await whole();
  const old = await backup(13.5, SEGMENTS[0]);
  const newer = await backup(0, SEGMENTS[1]);
  await copy();
  const later = now + RETENTION_MS - 0.5 * DAY;
  expect(await retain(repository, { key, now: later })).toContain(old);
  await copy(offsite, later);
  expect(await names(offsite)).toEqual(await names(repository));
  expect(await names(offsite)).toContain(manifestName(newer));
  expect(await names(offsite)).not.toContain(wal(SEGMENTS[0]));
});

test('a repository that was emptied, or one that a new machine has begun, takes nothing away', async () => {
  await whole();
  await copy();
  const before = await names(offsite);
  rmSync(repository.path(''), { recursive: true });
  await copy();
  expect(await names(offsite)).toEqual(before);
  const fresh = await backup(0, SEGMENTS[2]);
  await copy();
  expect(await names(offsite)).toEqual([...before, archiveName(fresh), manifestName(fresh)].sort());
});

test('what is still here is not removed there, whatever its age', async () => {
  // No new backup for weeks: retention has not run here.
  const old = await backup(30, SEGMENTS[0]);
  await backup(20, SEGMENTS[1]);
  for (const segment of SEGMENTS) await put(wal(segment));
  await copy();
  await repository.remove(wal(SEGMENTS[2]));
  const { target, copied } = watched();
  await copy(target);
  await copy(target);
  expect(copied).toEqual([]);
  expect(await names(offsite)).toContain(manifestName(old));
});

test('a part that became whole meanwhile is no failure; anything else that cannot be read is', async () => {
  await whole();
  const vanishing = (vanished: string): Repository => ({
    ...repository,
    path: (name) => repository.path(name === vanished ? 'not-there' : name),
  });
  await offsiteCopier(vanishing(wal(SEGMENTS[2], '.part')), offsite)({ key, now });
  await expect(
    offsiteCopier(vanishing(wal(SEGMENTS[1])), openFolder(join(folder, 'other')))({ key, now }),
  ).rejects.toThrow('ENOENT');
});

test('a copy that breaks off leaves nothing of its name, and no manifest before its archive', async () => {
  const id = await whole();
  const archives = () =>
    readdirSync(offsite.path(''), { recursive: true }).filter((name) => String(name).includes('base.tar'));
  let meanwhile: unknown;
  const broken: Target = {
    ...offsite,
    copy: async (name, file) => {
      if (name !== archiveName(id)) return offsite.copy(name, file);
      await offsite.write(
        name,
        Readable.from(
          (async function* () {
            yield 'half';
            while (archives().length === 0) await sleep(10);
            meanwhile = await offsite.list('base');
            throw new Error('the line broke');
          })(),
        ),
      );
    },
  };
  await expect(copy(broken)).rejects.toThrow('the line broke');
  expect(meanwhile).toEqual([]);
  expect(await offsite.list('base')).toEqual([]);
  expect(archives()).toEqual([]);
  await copy();
  expect(await names(offsite)).toEqual(await names(repository));
});

test('the copy goes on knowing the documents of a machine that was lost', async () => {
  const index = (documents: Record<string, string>) => put('documents/index.json', sign(key, { documents }));
  await index({ [documentId('1')]: 'a'.repeat(64) });
  await copy();
  // The new machine has begun with a document of its own.
  await index({ [documentId('2')]: 'b'.repeat(64) });
  await copy();
  expect(await readDocumentIndex(offsite, key)).toEqual({
    [documentId('1')]: 'a'.repeat(64),
    [documentId('2')]: 'b'.repeat(64),
  });
});

test('an index that was written with another key is kept aside, never written over', async () => {
  const before = sign(backupKey('another secret'), { documents: { [documentId('1')]: 'a'.repeat(64) } });
  await offsite.write('documents/index.json', Readable.from([before]));
  await put('documents/index.json', sign(key, { documents: {} }));
  await copy();
  expect(await readText(offsite, `documents/index-${now}.json`)).toBe(before);
  expect(await readDocumentIndex(offsite, key)).toEqual({});
});

test('the list of documents in the copy is read only when it or ours has changed', async () => {
  await whole();
  await copy();
  let reads = 0;
  const copyNow = offsiteCopier(repository, {
    ...offsite,
    read: (name) => {
      reads++;
      return offsite.read(name);
    },
  });
  const readsOf = async () => {
    reads = 0;
    await copyNow({ key, now });
    return reads;
  };
  expect([await readsOf(), await readsOf()]).toEqual([1, 0]);
  const documents = { [documentId('3')]: 'c'.repeat(64) };
  await put('documents/index.json', sign(key, { documents }));
  expect([await readsOf(), await readsOf()]).toEqual([1, 0]);
  expect(await readDocumentIndex(offsite, key)).toEqual(documents);
  // As another machine would, which began the copy anew.
  writeFileSync(offsite.path('documents/index.json'), sign(key, { documents: {} }));
  expect([await readsOf(), await readsOf()]).toEqual([1, 0]);
  expect(await readDocumentIndex(offsite, key)).toEqual(documents);
});
