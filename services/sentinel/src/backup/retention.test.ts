import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { RETENTION_MS } from '@clinic/catalogue/recovery';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listBackups } from './base-backup.ts';
import { backupKey } from './key.ts';
import { archiveName, backupId, type Manifest, manifestName, sign } from './manifest.ts';
import { retain } from './retention.ts';
import { openFolder, type Repository } from './target.ts';
import { listSegments } from './wal-archive.ts';

const DAY = 24 * 60 * 60_000;
const now = Date.UTC(2026, 10, 22, 1, 30);
const key = backupKey('a secret of a test');

let folder: string;
let repository: Repository;
const put = (name: string) => repository.write(name, Readable.from(['x']));
const segmentName = (number: number, timeline = 1) =>
  `${timeline.toString(16).padStart(8, '0')}${number.toString(16).padStart(16, '0')}`.toUpperCase();

/** A base backup of so many days ago, which begins in this segment. */
async function backup(days: number, segment: string, { system = '1', withKey = key } = {}): Promise<string> {
  const startedAt = now - days * DAY;
  const id = backupId(startedAt);
  const manifest: Manifest = {
    version: 1,
    id,
    startedAt,
    finishedAt: startedAt + 60_000,
    postgres: 15,
    system,
    database: 'clinic',
    owner: 'clinic',
    startSegment: segment,
    segmentBytes: 16 * 1024 * 1024,
    archive: { size: 1, sha256: '0'.repeat(64) },
    fingerprint: { at: '', lsn: '0/0', tables: {} },
  };
  await put(archiveName(id));
  await repository.write(manifestName(id), Readable.from([sign(withKey, manifest)]));
  return id;
}

const putWal = async (segments: readonly string[], system = '1') => {
  for (const segment of segments) await put(`wal/${system}/${segment}.zst.age`);
};
const wal = async (system = '1') => (await listSegments(repository, system)).map(({ segment }) => segment);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'retention-'));
  repository = openFolder(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what is too old goes, whole, with the WAL that only it needs', async () => {
  const segments = [1, 2, 3, 4, 5].map((number) => segmentName(number));
  await putWal(segments);
  const old = await backup(RETENTION_MS / DAY + 1, segments[0]!);
  const kept = [await backup(RETENTION_MS / DAY, segments[2]!), await backup(0.5, segments[4]!)];
  expect(await retain(repository, { key, now })).toEqual([old]);
  expect(await listBackups(repository)).toEqual(kept);
  expect(await repository.list(`base/${old}`)).toEqual([]);
  // From the segment on in which the oldest that is left begins: without that one it could not be restored.
  expect(await wal()).toEqual(segments.slice(2));
  expect(await retain(repository, { key, now })).toEqual([]);
});

test('the newest never goes, however old', async () => {
  await putWal([segmentName(1), segmentName(2)]);
  await backup(200, segmentName(1));
  const newest = await backup(100, segmentName(2));
  await retain(repository, { key, now });
  expect(await listBackups(repository)).toEqual([newest]);
  expect(await wal()).toEqual([segmentName(2)]);
});

test('the newest that can be read never goes', async () => {
  const readable = await backup(100, segmentName(1));
  const other = await backup(99, segmentName(2), { withKey: backupKey('another secret') });
  expect(await retain(repository, { key, now })).toEqual([]);
  expect(await listBackups(repository)).toEqual([readable, other]);
});

test('a new key does not cost the backups under the old one their WAL', async () => {
  const segments = [1, 2, 3].map((number) => segmentName(number));
  await putWal(segments);
  const before = await backup(3, segments[1]!, { withKey: backupKey('the key before') });
  const today = await backup(0, segments[2]!);
  await retain(repository, { key, now });
  expect(await listBackups(repository)).toEqual([before, today]);
  expect(await wal()).toEqual(segments);
  // For as long as it would have been kept, and no longer: else the disk fills.
  const later = now + RETENTION_MS;
  await retain(repository, { key, now: later });
  expect(await wal()).toEqual([segments[2]]);
});

test('of each cluster its own WAL: after a move to a new one, the old one goes when its time has come', async () => {
  await putWal([segmentName(1), segmentName(2)], '1');
  await putWal([segmentName(1), segmentName(2)], '2');
  await backup(13, segmentName(2), { system: '1' });
  const moved = await backup(1, segmentName(1), { system: '2' });
  await retain(repository, { key, now });
  expect([await wal('1'), await wal('2')]).toEqual([[segmentName(2)], [segmentName(1), segmentName(2)]]);
  await retain(repository, { key, now: now + 5 * DAY });
  expect(await listBackups(repository)).toEqual([moved]);
  expect([await wal('1'), await wal('2')]).toEqual([[], [segmentName(1), segmentName(2)]]);
});

test('a timeline that a restore began does not hide what the one before needs', async () => {
  // Restored to before the backup of the first timeline.
  await putWal([segmentName(8), segmentName(9), segmentName(6, 2), segmentName(7, 2)]);
  await backup(5, segmentName(9));
  await backup(1, segmentName(7, 2));
  await retain(repository, { key, now });
  expect(await wal()).toEqual([segmentName(9), segmentName(6, 2), segmentName(7, 2)]);
});

test('an archive without a manifest goes when it is as old, and not while it may still be written', async () => {
  const [left, beingWritten] = [20, 0].map((days) => archiveName(backupId(now - days * DAY)));
  await put(left!);
  await put(beingWritten!);
  await backup(1, segmentName(1));
  await retain(repository, { key, now });
  const names = (await repository.list('base')).map(({ name }) => name);
  expect(names).not.toContain(left);
  expect(names).toContain(beingWritten);
});

test('what cannot be deleted is an error', async () => {
  await backup(30, segmentName(1));
  await backup(1, segmentName(2));
  const stuck = { ...repository, remove: () => Promise.reject(new Error('read-only')) };
  await expect(retain(stuck, { key, now })).rejects.toThrow('read-only');
  expect(await listBackups(repository)).toHaveLength(2);
});
