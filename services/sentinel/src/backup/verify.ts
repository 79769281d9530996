import { join } from 'node:path';
import { BASE_FRESH_MS } from '@clinic/catalogue/recovery';
import type { VERIFY_CHECKS } from '@clinic/catalogue/vocabulary';
import { DOCUMENT_INDEX, documentName, readDocumentIndex, sha256Of } from './documents-backup.ts';
import type { BackupKey } from './key.ts';
import type { Manifest } from './manifest.ts';
import { ProgramFailed, postgresProgram, run } from './program.ts';
import { labelOf, loadManifest, unpackBase, unpackWal } from './restore.ts';
import { unseal } from './seal.ts';
import type { Target } from './target.ts';
import { lsnNumber, positionOf, readSegmentHeader, timelineOf } from './wal-archive.ts';

export type VerifyCheck = (typeof VERIFY_CHECKS)[number];

/** A check that a backup failed. */
export class BackupBroken<Check extends string = VerifyCheck> extends Error {
  override readonly name = 'BackupBroken';
  readonly check: Check;

  constructor(check: Check, detail: string, cause?: unknown) {
    super(`${check}: ${detail}`, { cause });
    this.check = check;
  }
}

export interface VerifyOptions {
  readonly source: Target;
  readonly key: BackupKey;
  readonly bin: string;
  /** Of the backup. */
  readonly id: string;
  /** A folder that is empty; the opened backup is left in it as `data` and `wal`. */
  readonly work: string;
  /** Epoch milliseconds. A backup that should be of today and is not fails; undefined: it may be old. */
  readonly now?: number;
  readonly passed?: (check: VerifyCheck) => void;
}

export interface Opened {
  readonly manifest: Manifest;
  readonly data: string;
  readonly wal: string;
}

async function check<Result>(name: VerifyCheck, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BackupBroken) throw error;
    throw new BackupBroken(name, error instanceof Error ? error.message : 'unknown error', error);
  }
}

/**
 * Opens a backup and compares every byte with what was written down when it was made. Rejects with a BackupBroken that names
 * the check: `manifest` (who wrote it, which backup it is, how old), `archive` (encryption, size, hash), `files` (each file of
 * the cluster, pg_verifybackup), `wal` (complete, of this cluster, each record's checksum), `documents` (content and hash).
 */
export async function verifyBackup({ source, key, bin, id, work, now, passed }: VerifyOptions): Promise<Opened> {
  const data = join(work, 'data');
  const wal = join(work, 'wal');
  const step = async <Result>(name: VerifyCheck, run: () => Promise<Result>) => {
    const result = await check(name, run);
    passed?.(name);
    return result;
  };
  const manifest = await step('manifest', async () => {
    const found = await loadManifest(source, key, id);
    if (now !== undefined && now - found.finishedAt > BASE_FRESH_MS) {
      throw new Error(`The newest backup is ${Math.round((now - found.finishedAt) / 3_600_000)} hours old.`);
    }
    return found;
  });
  await step('archive', () => unpackBase({ source, key, manifest, data }));
  const begin = await step('files', async () => {
    await run([postgresProgram(bin, 'pg_verifybackup'), '--quiet', data]);
    const { label, start } = await labelOf(data);
    if (label !== manifest.id) throw new Error(`The archive holds the backup ${label}.`);
    return start;
  });
  await step('wal', () => verifyWal({ source, key, bin, manifest, wal, begin }));
  await step('documents', () => verifyDocuments(source, key));
  return { manifest, data, wal };
}

async function verifyWal({
  source,
  key,
  bin,
  manifest,
  wal,
  begin,
}: Pick<VerifyOptions, 'source' | 'key' | 'bin'> & { manifest: Manifest; wal: string; begin: string }): Promise<void> {
  const segments = await unpackWal({ source, key, manifest, wal });
  const size = manifest.segmentBytes;
  const first = segments[0];
  const last = segments.at(-1);
  if (!first || !last) throw new Error('There is no WAL after the base backup.');
  // Positions of the header: of a segment that is only begun, too.
  for (const [index, segment] of segments.entries()) {
    const header = await readSegmentHeader(join(wal, segment));
    const position = positionOf(segment, size);
    if (header.system !== manifest.system || header.position !== position || header.timeline > timelineOf(segment)) {
      throw new Error(`The segment ${segment} holds the WAL of another cluster, or another part of it.`);
    }
    const before = segments[index - 1];
    if (before && position !== positionOf(before, size) + BigInt(size))
      throw new Error(`WAL is missing before ${segment}.`);
  }
  const end = manifest.fingerprint.lsn;
  if (lsnNumber(begin) < positionOf(first, size)) throw new Error(`WAL is missing before ${first}.`);
  if (positionOf(last, size) + BigInt(size) <= lsnNumber(end)) throw new Error('WAL is missing at the end.');
  // Without an end: what was written ends somewhere, and that looks like a damaged record. Anywhere but in the newest segment,
  // or before the fingerprint, it is one.
  const said = await run([
    postgresProgram(bin, 'pg_waldump'),
    ...['--quiet', `--path=${wal}`, `--timeline=${timelineOf(first)}`, `--start=${begin}`],
  ]).catch((error: unknown) => {
    if (error instanceof ProgramFailed) return error.output;
    throw error;
  });
  const readUpTo = endOf(said, size);
  if (readUpTo === undefined || readUpTo < lsnNumber(end) || readUpTo < positionOf(last, size)) {
    throw new Error(`The WAL can be read up to a damaged record only: ${said.trim().split('\n').at(-1)}`);
  }
}

/** The furthest position, or segment, that pg_waldump names where it could not go on. */
function endOf(said: string, segmentBytes: number): bigint | undefined {
  // A damaged record may point anywhere.
  const places = said.replace(/prev-link [0-9A-F/]+/g, '');
  const positions = [...places.matchAll(/\b([0-9A-F]{1,8}\/[0-9A-F]{1,8})\b/g)].map(([, lsn = '']) => lsnNumber(lsn));
  const segments = [...places.matchAll(/\b([0-9A-F]{24})\b/g)].map(([, name = '']) => positionOf(name, segmentBytes));
  return [...positions, ...segments].reduce<bigint | undefined>(
    (furthest, each) => (furthest === undefined || each > furthest ? each : furthest),
    undefined,
  );
}

async function verifyDocuments(source: Target, key: BackupKey): Promise<void> {
  const there = await source.list(DOCUMENT_INDEX.split('/')[0] ?? '');
  if (there.length === 0) return;
  const index = await readDocumentIndex(source, key);
  for (const [id, sha256] of Object.entries(index)) {
    const actual = await sha256Of(await unseal(await source.read(documentName(sha256)), key)).catch((error: Error) => {
      throw new Error(`The document ${id} cannot be opened: ${error.message}`);
    });
    if (actual !== sha256) throw new Error(`The document ${id} has another content.`);
  }
}
