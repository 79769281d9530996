import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline, Readable, Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../schedule.ts';
import { addDocument, type ClinicDatabase, startClinicDatabase } from '../testing/clinic-database.ts';
import { connect, listBackups, takeBaseBackup } from './base-backup.ts';
import { type Copy, giveFolder, startCopy } from './copy.ts';
import { compareTables } from './copy-checks.ts';
import { backUpDocuments } from './documents-backup.ts';
import { drill } from './drill.ts';
import { failureOf } from './failure.ts';
import { takeFingerprint } from './fingerprint.ts';
import { backupKey } from './key.ts';
import { archiveName, type Manifest, manifestName, sign } from './manifest.ts';
import { run } from './program.ts';
import { unpackBase, unpackWal } from './restore.ts';
import { restoreTo } from './restore-to.ts';
import { seal, unseal } from './seal.ts';
import { openFolder, type Repository } from './target.ts';
import { verifyBackup } from './verify.ts';
import { listSegments, walShipper } from './wal-archive.ts';
import { startWalReceiver, type WalReceiver } from './wal-receiver.ts';

const key = backupKey('a secret of a test');
const DOCUMENT = randomBytes(5000);
const MINUTES = 60_000;

let database: ClinicDatabase;
let receiver: WalReceiver;
let ship: () => Promise<void>;
let repository: Repository;
let store: string;
let manifest: Manifest;

async function received(): Promise<void> {
  // Until the server says that all of its WAL has arrived.
  for (;;) {
    const [row] = await database.query<{ arrived: boolean }>(
      `SELECT flush_lsn >= pg_current_wal_flush_lsn() AS arrived FROM pg_stat_replication WHERE application_name = 'pg_receivewal'`,
    );
    if (row?.arrived) return;
    await sleep(50);
  }
}

/** Everything written so far is in the repository. */
async function shipAll(): Promise<void> {
  await database.query(`SELECT pg_logical_emit_message(true, 'test', 'until here')`);
  await received();
  await ship();
}

/** A repository of its own, to be damaged. */
function another(): Repository {
  const folder = mkdtempSync(join(database.folder, 'damaged-'));
  cpSync(repository.path(''), folder, { recursive: true });
  return openFolder(folder);
}

const work = () => {
  const folder = mkdtempSync(join(database.folder, 'work-'));
  giveFolder(folder);
  return folder;
};
const verify = (source: Repository, id = manifest.id, now?: number, withKey = key) =>
  verifyBackup({ source, key: withKey, bin: database.bin, id, work: work(), ...(now === undefined ? {} : { now }) });

/** Writes 64 other bytes into a file. */
function damage(file: string, offset: number): void {
  const bytes = readFileSync(file);
  expect(bytes.length).toBeGreaterThan(offset + 64);
  for (let index = 0; index < 64; index++) bytes[offset + index] = (bytes[offset + index]! ^ 0xa5) & 0xff;
  writeFileSync(file, bytes);
}

/** Makes an archive of an opened data folder, and a manifest to match: as a backup program would that copied damaged files. */
async function sealAgain(target: Repository, data: string, change: Partial<Manifest> = {}): Promise<void> {
  const archive = join(work(), 'base.tar');
  await run(['tar', '-c', '-f', archive, '-C', data, '.']);
  const written = await target.write(archiveName(manifest.id), await seal(createReadStream(archive), key));
  await target.write(
    manifestName(manifest.id),
    Readable.from([sign(key, { ...manifest, archive: written, ...change })]),
  );
}

async function opened(source: Repository = repository): Promise<{ data: string; wal: string }> {
  const folder = work();
  const data = join(folder, 'data');
  const wal = join(folder, 'wal');
  await unpackBase({ source, key, manifest, data });
  await unpackWal({ source, key, manifest, wal });
  return { data, wal };
}

const notesFile = async () => {
  const [row] = await database.query<{ path: string }>(`SELECT pg_relation_filepath('clinical_notes') AS path`);
  return row!.path;
};

beforeAll(async () => {
  database = await startClinicDatabase();
  // Rows as they are for good: the first who reads a new row writes its page once more into the WAL, which would mend a damaged copy.
  await database.query('VACUUM (FREEZE)');
  store = join(database.folder, 'documents');
  repository = openFolder(join(database.folder, 'repository'));
  await addDocument(database, store, DOCUMENT);
  const [row] = await database.query<{ system: string }>(
    'SELECT system_identifier::text AS system FROM pg_control_system()',
  );
  const spool = join(database.folder, 'spool', row!.system);
  receiver = await startWalReceiver({
    connection: database.backup,
    bin: database.bin,
    spool,
    clock: systemClock,
    log: () => {},
    slotLost: () => {},
  });
  ship = walShipper({ spool, system: row!.system, repository, key });
  await backUpDocuments({ store, repository, key });
  manifest = await takeBaseBackup({ connection: database.backup, bin: database.bin, repository, key, now: Date.now });
  await shipAll();
}, 3 * MINUTES);

afterAll(async () => {
  await receiver?.close();
  await database?.close();
});

describe('a good backup', () => {
  test(
    'passes every check, again and again, while the clinic goes on writing',
    async () => {
      for (let round = 0; round < 3; round++) {
        await database.query(
          `INSERT INTO messages (client_id, user_id, body) SELECT id, 1, 'later' FROM clients LIMIT 5`,
        );
        await shipAll();
        const report = await drill({
          source: repository,
          key,
          bin: database.bin,
          id: manifest.id,
          work: work(),
          now: Date.now,
          clinic: false,
        });
        expect(report.failed).toBeUndefined();
        expect(report.passed.map(({ check }) => check)).toEqual([
          ...[
            'manifest',
            'archive',
            'files',
            'wal',
            'documents',
            'start',
            'row_counts',
            'content',
            'pages',
            'foreign_keys',
            'sequences',
          ],
          ...['audit_chain', 'document_rows'],
        ]);
        expect(report.recoveryPointMs).toBeLessThan(5 * MINUTES);
      }
    },
    5 * MINUTES,
  );

  test(
    'fingerprints that were taken while others write are those of the position they name',
    async () => {
      const busy = new AbortController();
      const writing = (async () => {
        while (!busy.signal.aborted) {
          await database.query(
            `INSERT INTO messages (client_id, user_id, body) SELECT id, 1, 'busy' FROM clients LIMIT 1`,
          );
        }
      })();
      const during = await takeBaseBackup({
        connection: database.backup,
        bin: database.bin,
        repository,
        key,
        now: Date.now,
      });
      await sleep(300);
      busy.abort();
      await writing;
      await shipAll();
      const report = await drill({
        source: repository,
        key,
        bin: database.bin,
        id: during.id,
        work: work(),
        now: Date.now,
        clinic: false,
      });
      expect(report.failed).toBeUndefined();
      const [row] = await database.query<{ n: string }>('SELECT count(*) AS n FROM messages');
      // So the fingerprint is not merely the last state of the table.
      expect(during.fingerprint.tables.messages!.rows).toBeLessThan(Number(row!.n));
      await repository.remove(manifestName(during.id));
      await repository.remove(archiveName(during.id));
    },
    5 * MINUTES,
  );

  test('a fingerprint waits for whoever is in the middle of a write', async () => {
    const [writer, client, witness] = await Promise.all([1, 2, 3].map(() => connect(database.backup)));
    await database.query('GRANT INSERT ON messages TO clinic_backup');
    await writer!.query('BEGIN');
    await writer!.query(
      `INSERT INTO messages (client_id, user_id, body) SELECT id, 1, 'unfinished' FROM clients LIMIT 1`,
    );
    const before = Number((await database.query<{ n: string }>('SELECT count(*) AS n FROM messages'))[0]!.n);
    const taking = takeFingerprint(client!, { witness: witness!, now: Date.now });
    await sleep(300);
    await writer!.query('COMMIT');
    expect((await taking).tables.messages!.rows).toBe(before + 1);
    await database.query('REVOKE INSERT ON messages FROM clinic_backup');
    for (const each of [writer, client, witness]) await each!.end();
  }, 60_000);

  test('is sealed: nothing of a row or a document can be read from what is kept', async () => {
    for (const { name } of [
      ...(await repository.list('base')),
      ...(await repository.list('wal')),
      ...(await repository.list('documents')),
    ]) {
      const bytes = readFileSync(repository.path(name));
      if (name.endsWith('.age')) expect(bytes.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
      expect(bytes.includes('Family7')).toBe(false);
      expect(bytes.includes('synthetic')).toBe(false);
    }
  });
});

describe('64 other bytes', () => {
  test(
    'in a data file are caught by pg_verifybackup, and row counts alone would not have',
    async () => {
      const path = await notesFile();
      const { data, wal } = await opened();
      const file = join(data, path);
      // In the middle of a page: inside the text of notes, where counting never looks.
      damage(file, 8192 + 6000);
      const damaged = another();
      await sealAgain(damaged, data);
      await expect(verify(damaged)).rejects.toMatchObject({ check: 'files' });

      let copy: Copy | undefined;
      try {
        // As a restore would that checks nothing: the server starts, every table has as many rows as it had.
        const counted = await database.query<{ n: string }>('SELECT count(*) AS n FROM clients');
        copy = await startCopy({ bin: database.bin, data, wal, manifest, recovery: { to: 'end' }, deadline: MINUTES });
        const client = await copy.connect();
        await client.query('SET ignore_checksum_failure = on');
        expect((await client.query('SELECT count(*) AS n FROM clients')).rows).toEqual(counted);
        const { rows } = await client.query<{ n: string }>('SELECT count(*) AS n FROM clinical_notes');
        expect(Number(rows[0]!.n)).toBe(manifest.fingerprint.tables.clinical_notes!.rows);
        await client.query(`UPDATE clinical_notes SET body = body WHERE false`);
        // What compares content does see it.
        const found = await compareTables(client, {
          clinical_notes: manifest.fingerprint.tables.clinical_notes!,
        }).catch((error: Error) => ({ rows: [] as string[], content: [error.message] }));
        expect(found.rows).toEqual([]);
        expect(found.content).toHaveLength(1);
        await client.end();
      } finally {
        await copy?.stop();
      }
    },
    2 * MINUTES,
  );

  test(
    'in the sealed archive are caught by its encryption, and no file stays open',
    async () => {
      const damaged = another();
      const file = damaged.path(archiveName(manifest.id));
      damage(file, Math.floor(statSync(file).size / 2));
      const read: Readable[] = [];
      const watched = {
        ...damaged,
        read: async (name: string) => {
          const stream = await damaged.read(name);
          read.push(stream);
          return stream;
        },
      };
      await expect(verify(watched)).rejects.toMatchObject({ check: 'archive' });
      await expect.poll(() => read.every(({ closed }) => closed)).toBe(true);
    },
    MINUTES,
  );

  test(
    'in the sealed WAL are caught by its encryption',
    async () => {
      const damaged = another();
      const [, segment] = await listSegments(damaged, manifest.system);
      damage(damaged.path(segment!.name), Math.floor(segment!.size / 2));
      await expect(verify(damaged)).rejects.toMatchObject({ check: 'wal' });
    },
    MINUTES,
  );

  test(
    'in the WAL before it was sealed are caught by the checksums of its records',
    async () => {
      const damaged = another();
      const { wal } = await opened();
      const segments = await listSegments(damaged, manifest.system);
      const { segment, name } = segments.find((each) => each.segment > manifest.startSegment)!;
      const file = join(wal, segment);
      // Inside the records right after the begin of the base backup.
      damage(file, 0x70);
      await damaged.write(name, await seal(createReadStream(file), key));
      await expect(verify(damaged)).rejects.toMatchObject({ check: 'wal' });
    },
    MINUTES,
  );

  test(
    'in a document are caught, sealed and before',
    async () => {
      const damaged = another();
      const name = (await damaged.list('documents')).find((each) => each.name.endsWith('.age'))!.name;
      damage(damaged.path(name), 250);
      await expect(verify(damaged)).rejects.toMatchObject({ check: 'documents' });
      const other = Buffer.from(DOCUMENT);
      other.write('Another', 0);
      await damaged.write(name, await seal(Readable.from([other]), key));
      await expect(verify(damaged)).rejects.toMatchObject({
        check: 'documents',
        message: expect.stringContaining('another content'),
      });
    },
    MINUTES,
  );
});

describe('a backup that is not what it should be', () => {
  test(
    'a truncated archive',
    async () => {
      const damaged = another();
      const file = damaged.path(archiveName(manifest.id));
      truncateSync(file, statSync(file).size - 100_000);
      await expect(verify(damaged)).rejects.toMatchObject({ check: 'archive' });
    },
    MINUTES,
  );

  test(
    'another key',
    async () => {
      await expect(verify(repository, manifest.id, undefined, backupKey('another secret'))).rejects.toMatchObject({
        check: 'manifest',
      });
      // Also when somebody made a manifest for it: the archive does not open.
      await expect(
        unpackBase({ source: repository, key: backupKey('another secret'), manifest, data: join(work(), 'data') }),
      ).rejects.toThrow(/cannot be opened/);
    },
    MINUTES,
  );

  test(
    "last week's, renamed as today's: by its folder, by its manifest, by its label",
    async () => {
      const damaged = another();
      const today = '20991231T013000Z';
      renameSync(damaged.path(`base/${manifest.id}`), damaged.path(`base/${today}`));
      await expect(verify(damaged, today)).rejects.toMatchObject({
        check: 'manifest',
        message: expect.stringContaining(manifest.id),
      });
      // With a manifest of today that somebody with the key wrote: PostgreSQL's own label says which backup it is.
      await damaged.write(
        manifestName(today),
        Readable.from([sign(key, { ...manifest, id: today, finishedAt: Date.now() })]),
      );
      await expect(verify(damaged, today, Date.now())).rejects.toMatchObject({
        check: 'files',
        message: expect.stringContaining(manifest.id),
      });
      // Under its own name it is too old.
      await expect(verify(repository, manifest.id, Date.now() + 8 * 24 * 60 * MINUTES)).rejects.toMatchObject({
        check: 'manifest',
        message: expect.stringContaining('hours old'),
      });
    },
    MINUTES,
  );

  test(
    'a missing table: a file that is not there, and a table that is not there',
    async () => {
      const { data, wal } = await opened();
      rmSync(join(data, await notesFile()));
      const damaged = another();
      await sealAgain(damaged, data);
      await expect(verify(damaged)).rejects.toMatchObject({ check: 'files' });

      const whole = await opened();
      const copy = await startCopy({
        bin: database.bin,
        data: whole.data,
        wal: whole.wal,
        manifest,
        recovery: { to: 'end' },
        deadline: MINUTES,
      });
      const client = await copy.connect();
      await client.query('DROP TABLE medications');
      await client.query('TRUNCATE claims, break_glass, messages');
      const then = { ...manifest.fingerprint.tables, messages: { rows: 5, hash: '1' } };
      const { rows } = await compareTables(client, then);
      expect(rows).toContain('medications is missing');
      expect(rows).toContain('messages has another number of rows');
      await client.end();
      await copy.stop();
      expect(existsSync(wal)).toBe(true);
    },
    2 * MINUTES,
  );

  test(
    'an empty table is a drill that fails, although every byte of the backup is right',
    async () => {
      const damaged = another();
      const tables = { ...manifest.fingerprint.tables, medications: { rows: 12, hash: '7' } };
      await damaged.write(
        manifestName(manifest.id),
        Readable.from([sign(key, { ...manifest, fingerprint: { ...manifest.fingerprint, tables } })]),
      );
      const report = await drill({
        source: damaged,
        key,
        bin: database.bin,
        id: manifest.id,
        work: work(),
        now: Date.now,
        clinic: false,
      });
      expect(report.failed).toEqual({
        check: 'row_counts',
        detail: expect.stringContaining('medications has another number of rows'),
      });
      expect(report.recoveryTimeMs).toBeUndefined();
    },
    MINUTES,
  );

  test(
    'a gap in the WAL',
    async () => {
      const damaged = another();
      const segments = await listSegments(damaged, manifest.system);
      await damaged.remove(segments.at(-2)!.name);
      await expect(verify(damaged)).rejects.toMatchObject({
        check: 'wal',
        message: expect.stringContaining('missing'),
      });
    },
    MINUTES,
  );
});

describe('a backup that is interrupted', () => {
  test(
    'PostgreSQL is killed: nothing is there afterwards, and the next one is',
    async () => {
      const target = openFolder(join(database.folder, 'interrupted'));
      let seen = false;
      const slow: Repository = {
        ...target,
        write: (name, source) => {
          let bytes = 0;
          const counted = new Transform({
            transform(chunk: Buffer, _encoding, done) {
              bytes += chunk.length;
              if (bytes > 500_000 && !seen) {
                seen = true;
                database.signal('SIGQUIT');
              }
              done(null, chunk);
            },
          });
          pipeline(source, counted, () => {});
          return target.write(name, counted);
        },
      };
      const failure = await takeBaseBackup({
        connection: database.backup,
        bin: database.bin,
        repository: slow,
        key,
        now: Date.now,
      }).catch((error: unknown) => error);
      expect(seen).toBe(true);
      expect(failure).toBeInstanceOf(Error);
      expect(['interrupted', 'database_unreachable']).toContain(failureOf(failure));
      expect(await listBackups(target)).toEqual([]);
      expect(await target.list('')).toEqual([]);
      await database.kill();
      await database.start();
      await takeBaseBackup({ connection: database.backup, bin: database.bin, repository: target, key, now: Date.now });
      expect(await listBackups(target)).toHaveLength(1);
    },
    2 * MINUTES,
  );

  test.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')(
    'the disk is full (needs root, for a small disk)',
    async () => {
      const small = join(database.folder, 'small');
      mkdirSync(small);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
      if (mounted.status !== 0) {
        console.warn('A tmpfs cannot be mounted here: the full disk was not tried.');
        return;
      }
      try {
        const target = openFolder(small);
        const failure = await takeBaseBackup({
          connection: database.backup,
          bin: database.bin,
          repository: target,
          key,
          now: Date.now,
        }).catch((error: unknown) => error);
        expect(failureOf(failure)).toBe('disk_full');
        expect(await target.list('')).toEqual([]);
        expect(readdirSync(small, { recursive: true }).filter((name) => String(name).includes('.'))).toEqual([]);
      } finally {
        spawnSync('umount', [small]);
      }
    },
    MINUTES,
  );
});

describe('a restore', () => {
  const message = (body: string) =>
    database.query('INSERT INTO messages (client_id, user_id, body) SELECT id, 1, $1 FROM clients LIMIT 1', [body]);
  /** What was written by {@link message}, read from a database that is started on a restored folder. */
  async function messagesIn(data: string): Promise<string[]> {
    const wal = join(work(), 'empty');
    giveFolder(wal);
    const copy = await startCopy({
      bin: database.bin,
      data,
      wal,
      manifest,
      recovery: { to: 'end' },
      deadline: MINUTES,
    });
    const client = await copy.connect();
    const { rows } = await client.query<{ body: string }>(
      `SELECT body FROM messages WHERE body LIKE 'the %' ORDER BY body`,
    );
    await client.end();
    await copy.stop();
    return rows.map(({ body }) => body);
  }

  test(
    'to a time between two transactions brings the first and not the second',
    async () => {
      await message('the first');
      await sleep(50);
      const [between] = await database.query<{ at: Date }>('SELECT clock_timestamp() AS at');
      await sleep(50);
      await message('the second');
      await shipAll();
      const restored = await restoreTo({
        source: repository,
        key,
        bin: database.bin,
        into: join(database.folder, 'restored'),
        at: between!.at.getTime(),
      });
      expect(restored.lastCommit!.getTime()).toBeLessThanOrEqual(between!.at.getTime());
      expect(readFileSync(join(restored.documents, readdirSync(restored.documents)[0]!))).toEqual(DOCUMENT);
      expect(await messagesIn(restored.data)).toEqual(['the first']);
    },
    2 * MINUTES,
  );

  test(
    'to a time that the WAL does not reach says so',
    async () => {
      const restoring = restoreTo({
        source: repository,
        key,
        bin: database.bin,
        into: join(database.folder, 'future'),
        at: Date.now() + 60 * MINUTES,
      });
      await expect(restoring).rejects.toThrow('does not reach');
    },
    MINUTES,
  );
});

test('what is sealed is opened again, whatever its size', async () => {
  for (const size of [0, 1, 65_536, 200_000]) {
    const bytes = Buffer.alloc(size, 'x');
    const chunks: Buffer[] = [];
    for await (const chunk of await unseal(await seal(Readable.from([bytes]), key), key)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks)).toEqual(bytes);
  }
});

test('what the key does not open is closed', async () => {
  const sealed = await seal(Readable.from([randomBytes(500_000)]), key);
  await expect(unseal(sealed, backupKey('another secret of a test'))).rejects.toThrow();
  await expect.poll(() => sealed.destroyed).toBe(true);
});
