import { z } from 'zod';
import type { BackupKey } from './key.ts';

/** How a database looked at one moment: of each table, how many rows, and a sum over a hash of each, whatever their order. */
const fingerprint = z.object({
  /** ISO 8601. */
  at: z.string(),
  /** The WAL position up to which exactly these rows had been written. */
  lsn: z.string().regex(/^[0-9A-F]+\/[0-9A-F]+$/),
  tables: z.record(z.string(), z.object({ rows: z.number().int(), hash: z.string() })),
});
export type Fingerprint = z.output<typeof fingerprint>;

const manifest = z.object({
  version: z.literal(1),
  id: z.string().regex(/^\d{8}T\d{6}Z$/),
  startedAt: z.number(),
  finishedAt: z.number(),
  /** Major version. */
  postgres: z.number().int(),
  system: z.string().regex(/^\d+$/),
  database: z.string(),
  /** The superuser of the cluster, whose name a restored copy is asked by. */
  owner: z.string(),
  /** Name of the WAL segment that the backup begins in, or one before it. */
  startSegment: z.string().regex(/^[0-9A-F]{24}$/),
  segmentBytes: z.number().int(),
  archive: z.object({ size: z.number().int(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  fingerprint,
});
export type Manifest = z.output<typeof manifest>;

const signed = z.object({ body: z.string(), mac: z.string() });

export const archiveName = (id: string) => `base/${id}/base.tar.zst.age`;
export const manifestName = (id: string) => `base/${id}/manifest.json`;

/** The text of a manifest, or of an index, that nobody without the key can write. */
export const sign = (key: BackupKey, value: unknown): string => {
  const body = JSON.stringify(value);
  return `${JSON.stringify({ body, mac: key.sign(body) })}\n`;
};

/** Throws when it was altered, or written with another key. */
export function signedValue(key: BackupKey, text: string): unknown {
  let outer: unknown;
  try {
    outer = JSON.parse(text);
  } catch {}
  const parsed = signed.safeParse(outer);
  if (!parsed.success) throw new Error('It is not a signed description of a backup.');
  if (!key.verify(parsed.data.body, parsed.data.mac)) throw new Error('It was altered, or made with another key.');
  return JSON.parse(parsed.data.body);
}

export const readManifest = (key: BackupKey, text: string): Manifest => manifest.parse(signedValue(key, text));

export function backupId(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
}
