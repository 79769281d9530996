import { createReadStream } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupKey } from './key.ts';
import { seal } from './seal.ts';
import type { Repository, Target } from './target.ts';

const SEGMENT = /^[0-9A-F]{24}$/;
const STORED = /^wal\/\d+\/([0-9A-F]{24})(\.part)?\.zst\.age$/;

export const walFolder = (system: string) => `wal/${system}`;
const stored = (system: string, segment: string) => `${walFolder(system)}/${segment}.zst.age`;
const storedPart = (system: string, segment: string) => `${walFolder(system)}/${segment}.part.zst.age`;

export interface StoredSegment {
  /** Timeline, and position in it. */
  readonly segment: string;
  readonly name: string;
  readonly size: number;
  /** The newest one, of which only a part has been written yet. */
  readonly part: boolean;
}

/** Segments in the repository by position; of one that is there both whole and in part, the whole. */
export async function listSegments(target: Pick<Target, 'list'>, system: string): Promise<StoredSegment[]> {
  const found = new Map<string, StoredSegment>();
  for (const { name, size } of await target.list(walFolder(system))) {
    const match = STORED.exec(name);
    if (!match?.[1]) continue;
    const each = { segment: match[1], name, size, part: match[2] !== undefined };
    if (!found.has(each.segment) || !each.part) found.set(each.segment, each);
  }
  return [...found.values()].sort((a, b) => (a.segment < b.segment ? -1 : 1));
}

export interface ShipOptions {
  readonly spool: string;
  readonly system: string;
  readonly repository: Repository;
  readonly key: BackupKey;
}

/** Seals what has arrived in the spool, in order; whole segments are then removed from it. */
export function walShipper({ spool, system, repository, key }: ShipOptions): () => Promise<void> {
  let sentPart = '';
  return async () => {
    const names = (await readdir(spool)).sort();
    for (const name of names.filter((each) => SEGMENT.test(each))) {
      await repository.write(stored(system, name), await seal(createReadStream(join(spool, name)), key));
      await repository.remove(storedPart(system, name));
      await rm(join(spool, name));
    }
    const partial = names.findLast((each) => SEGMENT.test(each.replace(/\.partial$/, '')) && each.endsWith('.partial'));
    if (!partial) return;
    const path = join(spool, partial);
    const about = await stat(path).catch(() => undefined);
    const version = `${partial} ${about?.mtimeMs}`;
    if (!about || version === sentPart) return;
    const segment = partial.replace(/\.partial$/, '');
    try {
      await repository.write(storedPart(system, segment), await seal(createReadStream(path), key));
      sentPart = version;
    } catch (error) {
      // It became whole meanwhile; the next round has it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
}

/** The first bytes of a segment say which cluster and which position it is of (XLogLongPageHeaderData of PostgreSQL). */
export interface SegmentHeader {
  readonly timeline: number;
  readonly position: bigint;
  readonly system: string;
}

export async function readSegmentHeader(file: string): Promise<SegmentHeader> {
  const handle = await open(file, 'r');
  try {
    const bytes = Buffer.alloc(32);
    await handle.read(bytes, 0, 32, 0);
    return {
      timeline: bytes.readUInt32LE(4),
      position: bytes.readBigUInt64LE(8),
      system: bytes.readBigUInt64LE(24).toString(),
    };
  } finally {
    await handle.close();
  }
}

/** Where in the WAL a segment of this name begins. */
export function positionOf(segment: string, segmentBytes: number): bigint {
  const high = BigInt(`0x${segment.slice(8, 16)}`);
  const low = BigInt(`0x${segment.slice(16, 24)}`);
  return (high << 32n) + low * BigInt(segmentBytes);
}

export const timelineOf = (segment: string) => Number.parseInt(segment.slice(0, 8), 16);

/** `1A/2B3C` as a number. */
export function lsnNumber(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
