/** A clinic restored from nothing but its off-site copies, on a real S3 server. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../schedule.ts';
import { addDocument, startClinicDatabase } from '../testing/clinic-database.ts';
import { startS3Server } from '../testing/s3-server.ts';
import { takeBaseBackup } from './base-backup.ts';
import { giveFolder, startCopy } from './copy.ts';
import { backUpDocuments } from './documents-backup.ts';
import { backupKey } from './key.ts';
import { offsiteCopier } from './offsite.ts';
import { restoreTo } from './restore-to.ts';
import { openS3 } from './s3-target.ts';
import { openFolder } from './target.ts';
import { walShipper } from './wal-archive.ts';
import { startWalReceiver } from './wal-receiver.ts';

const key = backupKey('a secret of a test');
const DOCUMENT = randomBytes(5000);
const MINUTE = 60_000;

test(
  'a restore from a bucket brings the documents and the last row that was sent there',
  async () => {
    const database = await startClinicDatabase();
    onTestFinished(() => database.close());
    const server = await startS3Server();
    onTestFinished(() => server.close());
    const store = join(database.folder, 'documents');
    const repository = openFolder(join(database.folder, 'repository'));
    await addDocument(database, store, DOCUMENT);
    const [row] = await database.query<{ system: string }>(
      'SELECT system_identifier::text AS system FROM pg_control_system()',
    );
    const system = row!.system;
    const spool = join(database.folder, 'spool', system);
    const receiver = await startWalReceiver({
      connection: database.backup,
      bin: database.bin,
      spool,
      clock: systemClock,
      log: () => {},
      slotLost: () => {},
    });
    onTestFinished(() => receiver.close());
    const ship = walShipper({ spool, system, repository, key });
    await backUpDocuments({ store, repository, key });
    const manifest = await takeBaseBackup({
      connection: database.backup,
      bin: database.bin,
      repository,
      key,
      now: Date.now,
    });
    await database.query(
      `INSERT INTO messages (client_id, user_id, body) SELECT id, 1, 'the bucket' FROM clients LIMIT 1`,
    );
    await database.query(`SELECT pg_logical_emit_message(true, 'test', 'until here')`);
    for (let arrived = false; !arrived; await sleep(50)) {
      const [sent] = await database.query<{ arrived: boolean }>(
        `SELECT flush_lsn >= pg_current_wal_flush_lsn() AS arrived FROM pg_stat_replication WHERE application_name = 'pg_receivewal'`,
      );
      arrived = sent?.arrived ?? false;
    }
    await ship();
    const bucket = await openS3(server);
    await offsiteCopier(repository, bucket)({ key, now: Date.now() });

    const restored = await restoreTo({
      source: bucket,
      key,
      bin: database.bin,
      into: join(database.folder, 'from-bucket'),
    });
    expect(restored.backup).toBe(manifest.id);
    expect(readFileSync(join(restored.documents, readdirSync(restored.documents)[0]!))).toEqual(DOCUMENT);
    const wal = join(database.folder, 'empty');
    mkdirSync(wal);
    giveFolder(wal);
    const copy = await startCopy({
      bin: database.bin,
      data: restored.data,
      wal,
      manifest,
      recovery: { to: 'end' },
      deadline: MINUTE,
    });
    const client = await copy.connect();
    const { rows } = await client.query(`SELECT count(*)::int AS count FROM messages WHERE body = 'the bucket'`);
    await client.end();
    await copy.stop();
    expect(rows).toEqual([{ count: 1 }]);
  },
  4 * MINUTE,
);
