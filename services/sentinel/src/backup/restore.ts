import { createHash } from 'node:crypto';
import { chownSync, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { giveFolder } from './copy.ts';
import type { BackupKey } from './key.ts';
import { archiveName, type Manifest, manifestName, readManifest } from './manifest.ts';
import { postgresOwner, start } from './program.ts';
import { unseal } from './seal.ts';
import { readText, type Target } from './target.ts';
import { listSegments, timelineOf } from './wal-archive.ts';

export async function loadManifest(source: Pick<Target, 'read'>, key: BackupKey, id: string): Promise<Manifest> {
  const manifest = readManifest(key, await readText(source, manifestName(id)));
  // A folder can be renamed; what is signed cannot.
  if (manifest.id !== id) throw new Error(`The backup in the folder ${id} is the one of ${manifest.id}.`);
  return manifest;
}

/** The archive is not what its manifest says. */
export class ArchiveDamaged extends Error {
  override readonly name = 'ArchiveDamaged';
}

export interface UnpackOptions {
  readonly source: Target;
  readonly key: BackupKey;
  readonly manifest: Manifest;
  /** A folder that does not exist. */
  readonly data: string;
}

/** Opens the base backup into a data folder. Rejects with an ArchiveDamaged when one byte is not what was written. */
export async function unpackBase({ source, key, manifest, data }: UnpackOptions): Promise<void> {
  giveFolder(data);
  const hash = createHash('sha256');
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const owner = postgresOwner();
  const tar = start(['tar', '-x', '-f', '-', '-C', data, '--no-same-owner'], { as: owner, reach: [data] }, 'pipe');
  tar.child.stdout?.resume();
  try {
    const sealed = await source.read(archiveName(manifest.id));
    // Each ends with the other, so that no file stays open.
    pipeline(sealed, count).catch(() => {});
    const plain = await unseal(count, key);
    if (!tar.child.stdin) throw new Error('tar has no input.');
    await pipeline(plain, inputOf(tar.child.stdin));
    await tar.ended;
  } catch (error) {
    tar.child.kill('SIGKILL');
    const why = error instanceof Error ? error.message : 'unknown error';
    throw new ArchiveDamaged(`The archive of ${manifest.id} cannot be opened: ${why}`, { cause: error });
  }
  if (size !== manifest.archive.size || hash.digest('hex') !== manifest.archive.sha256) {
    throw new ArchiveDamaged(`The archive of ${manifest.id} is not the one that its manifest describes.`);
  }
}

/**
 * Writes into a program's input. Whether the program took it all is told by how it ends: Node closes the input of a program that has
 * ended, sometimes before it has heard that the last byte was written, and that is no error.
 */
function inputOf(stdin: Writable): Writable {
  stdin.on('error', () => {});
  return new Writable({
    write: (chunk, _encoding, done) => void stdin.write(chunk, () => done()),
    final: (done) => {
      stdin.end();
      done();
    },
  });
}

/** Opens the WAL from the base backup on. @returns names of the segments, the oldest first */
export async function unpackWal({
  source,
  key,
  manifest,
  wal,
}: Omit<UnpackOptions, 'data'> & { readonly wal: string }): Promise<string[]> {
  giveFolder(wal);
  const owner = postgresOwner();
  const all = await listSegments(source, manifest.system);
  const timeline = timelineOf(manifest.startSegment);
  const needed = all.filter(({ segment }) => segment >= manifest.startSegment && timelineOf(segment) === timeline);
  for (const { segment, name } of needed) {
    const file = join(wal, segment);
    await pipeline(await unseal(await source.read(name), key), createWriteStream(file, { mode: 0o600 }));
    if (owner) chownSync(file, owner.uid, owner.gid);
  }
  return needed.map(({ segment }) => segment);
}

/** What PostgreSQL itself wrote into the backup: its label, and where its WAL begins. */
export async function labelOf(data: string): Promise<{ label: string; start: string }> {
  const text = await readFile(join(data, 'backup_label'), 'utf8');
  const label = /^LABEL: (.*)$/m.exec(text)?.[1];
  const begin = /^START WAL LOCATION: ([0-9A-F]+\/[0-9A-F]+)/m.exec(text)?.[1];
  if (label === undefined || begin === undefined) throw new Error('backup_label does not say what was backed up.');
  return { label, start: begin };
}
