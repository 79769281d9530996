import { Readable } from 'node:stream';
import pg from 'pg';
import { type ConnectionOptions, connectionOf } from '../database.ts';
import { takeFingerprint } from './fingerprint.ts';
import type { BackupKey } from './key.ts';
import { archiveName, backupId, type Manifest, manifestName, sign } from './manifest.ts';
import { postgresProgram, start } from './program.ts';
import { seal } from './seal.ts';
import type { Repository } from './target.ts';
import { conninfo, environmentOf } from './wal-receiver.ts';

export interface BaseBackupOptions {
  readonly connection: ConnectionOptions;
  readonly bin: string;
  readonly repository: Repository;
  readonly key: BackupKey;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

interface Cluster {
  readonly postgres: number;
  readonly system: string;
  readonly owner: string;
  readonly segment: string;
  readonly segment_bytes: number;
}

/** A connection without limits on how long a statement takes. */
export async function connect(options: ConnectionOptions): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionOf(options),
    application_name: 'sentinel',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

export async function clusterOf(client: pg.Client): Promise<Cluster> {
  const { rows } = await client.query<Cluster>(
    `SELECT current_setting('server_version_num')::int / 10000 AS postgres,
       (SELECT system_identifier::text FROM pg_control_system()) AS system,
       (SELECT rolname::text FROM pg_roles WHERE oid = 10) AS owner,
       pg_walfile_name(pg_current_wal_insert_lsn()) AS segment,
       (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes`,
  );
  const row = rows[0];
  if (!row) throw new Error('The database does not say which cluster it is.');
  return row;
}

/**
 * Copies the whole cluster into the repository, sealed as it flows, so that nothing of it lies in the clear. The backup is there
 * once its manifest is, which is written last. Rejects and leaves nothing when anything fails.
 */
export async function takeBaseBackup({
  connection,
  bin,
  repository,
  key,
  now,
  signal,
}: BaseBackupOptions): Promise<Manifest> {
  const startedAt = now();
  const id = backupId(startedAt);
  const client = await connect(connection);
  const witness = await connect(connection).catch(async (error) => {
    await client.end();
    throw error;
  });
  try {
    const cluster = await clusterOf(client);
    const { child, ended } = start(
      [
        postgresProgram(bin, 'pg_basebackup'),
        ...['-d', conninfo(connection, 'pg_basebackup'), '--no-password', '--label', id],
        // With the WAL it needs itself: a base backup can be restored even when the archive of WAL is gone.
        ...['-D', '-', '--format=tar', '--wal-method=fetch', '--checkpoint=fast', '--manifest-checksums=SHA256'],
      ],
      { environment: environmentOf(connection), signal },
    );
    const archive = archiveName(id);
    try {
      // The stream must not end well before it is known that the program did.
      const whole = async function* () {
        if (child.stdout) yield* child.stdout as AsyncIterable<Buffer>;
        await ended;
      };
      const written = await repository.write(archive, await seal(Readable.from(whole()), key));
      const fingerprint = await takeFingerprint(client, { witness, now });
      const manifest: Manifest = {
        version: 1,
        id,
        startedAt,
        finishedAt: now(),
        postgres: cluster.postgres,
        system: cluster.system,
        database: connectionOf(connection).database,
        owner: cluster.owner,
        startSegment: cluster.segment,
        segmentBytes: cluster.segment_bytes,
        archive: written,
        fingerprint,
      };
      await repository.write(manifestName(id), Readable.from([sign(key, manifest)]));
      return manifest;
    } catch (error) {
      child.kill('SIGTERM');
      await ended.catch(() => {});
      await repository.remove(archive).catch(() => {});
      throw error;
    }
  } finally {
    await Promise.allSettled([client.end(), witness.end()]);
  }
}

/** Ids of the base backups that are whole, the oldest first. */
export async function listBackups(target: Pick<Repository, 'list'>): Promise<string[]> {
  const objects = await target.list('base');
  return objects.flatMap(({ name }) => /^base\/(\d{8}T\d{6}Z)\/manifest\.json$/.exec(name)?.[1] ?? []).sort();
}
