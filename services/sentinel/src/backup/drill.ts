import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RHYTHM } from '@clinic/catalogue/recovery';
import type { DRILL_CHECKS } from '@clinic/catalogue/vocabulary';
import { startClinicOnCopy } from './clinic-on-copy.ts';
import { type Copy, giveFolder, startCopy } from './copy.ts';
import { brokenLinks, compareTables, danglingReferences, sequencesBehind } from './copy-checks.ts';
import { type DocumentIndex, readDocumentIndex } from './documents-backup.ts';
import type { BackupKey } from './key.ts';
import { postgresProgram, run } from './program.ts';
import type { Target } from './target.ts';
import { BackupBroken, verifyBackup } from './verify.ts';

export type DrillCheck = (typeof DRILL_CHECKS)[number];

export interface DrillReport {
  readonly backup: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Checks that held, in order, with how long each took in milliseconds. */
  readonly passed: readonly { readonly check: DrillCheck; readonly ms: number }[];
  readonly failed?: { readonly check: DrillCheck; readonly detail: string };
  /** Milliseconds from an empty folder to an opened chart, with the checks of the bytes and without those of the content. */
  readonly recoveryTimeMs?: number;
  /** Milliseconds from the last transaction that was brought back to the moment at which everything else was lost. */
  readonly recoveryPointMs?: number;
  readonly rows?: number;
}

export interface DrillOptions {
  readonly source: Target;
  readonly key: BackupKey;
  readonly bin: string;
  readonly id: string;
  /** Folder for what is restored; emptied afterwards. */
  readonly work: string;
  readonly now: () => number;
  /** Without it the clinic itself is not started, and its two checks are not made. */
  readonly clinic?: boolean;
}

const COPY_DEADLINE_MS = 30 * 60_000;
/** The order of work; what the clinic does on the copy counts towards the time to recover. */
const PART_OF_RECOVERY: ReadonlySet<DrillCheck> = new Set([
  'manifest',
  'archive',
  'files',
  'wal',
  'documents',
  'start',
  'sign_in',
  'chart',
]);

/** Restores a backup in isolation and looks whether everything is there. Never rejects because of the backup: the report says. */
export async function drill({ source, key, bin, id, work, now, clinic = true }: DrillOptions): Promise<DrillReport> {
  const startedAt = now();
  giveFolder(work);
  const folder = mkdtempSync(join(work, 'drill-'));
  giveFolder(folder);
  const passed: { check: DrillCheck; ms: number }[] = [];
  let copy: Copy | undefined;
  let clock = performance.now();
  const pass = (check: DrillCheck) => {
    const ms = performance.now() - clock;
    clock += ms;
    const before = passed.find((each) => each.check === check);
    if (before) before.ms += ms;
    else passed.push({ check, ms });
  };
  const step = async <Result>(check: DrillCheck, work: () => Promise<Result>): Promise<Result> => {
    clock = performance.now();
    try {
      const result = await work();
      pass(check);
      return result;
    } catch (error) {
      throw new BackupBroken<DrillCheck>(check, error instanceof Error ? error.message : 'unknown error', error);
    }
  };
  /** A check that returns what is wrong. */
  const nothing = (found: readonly string[]) => {
    if (found.length > 0) throw new Error(found.join('; '));
  };
  const report = (rest: Partial<DrillReport>): DrillReport => ({
    backup: id,
    startedAt,
    finishedAt: now(),
    passed,
    ...rest,
  });

  try {
    const { manifest, data, wal } = await verifyBackup({ source, key, bin, id, work: folder, passed: pass });
    const begin = (recovery: Parameters<typeof startCopy>[0]['recovery']) =>
      startCopy({ bin, data, wal, manifest, recovery, deadline: COPY_DEADLINE_MS });

    // First at the very position of the fingerprint, then as far as there is WAL.
    const still = await step('start', () => begin({ to: 'position', lsn: manifest.fingerprint.lsn }));
    copy = still;
    const client = await still.connect();
    const { rows, content } = await step('row_counts', async () => {
      const found = await compareTables(client, manifest.fingerprint.tables);
      nothing(found.rows);
      return found;
    }).finally(() => client.end());
    await step('content', async () => nothing([...rows, ...content]));
    await still.stop();
    copy = undefined;

    const live = await step('start', () => begin({ to: 'end' }));
    copy = live;
    const lastCommit = await live.lastCommit();
    await step('pages', () =>
      run([
        postgresProgram(bin, 'pg_amcheck'),
        ...['-h', live.socket, '-p', String(live.port), '-U', manifest.owner, '-d', manifest.database, '--no-password'],
        ...['--heapallindexed', '--install-missing'],
      ]),
    );
    const looking = await live.connect();
    try {
      await step('foreign_keys', async () => nothing(await danglingReferences(looking)));
      await step('sequences', async () => nothing(await sequencesBehind(looking)));
      await step('audit_chain', async () => {
        const broken = await brokenLinks(looking);
        if (broken > 0) throw new Error(`${broken} rows of the audit log do not follow from the row before.`);
      });
      await step('document_rows', async () => {
        const index: DocumentIndex = await readDocumentIndex(source, key).catch(() => ({}));
        // What was uploaded since the last backup of documents may be lost, as promised.
        const { rows: documents } = await looking.query<{ id: string; sha256: string }>(
          `SELECT id, encode(sha256, 'hex') AS sha256 FROM documents WHERE uploaded_at < to_timestamp($1)`,
          [(startedAt - 2 * RHYTHM.documents.every) / 1000],
        );
        const missing = documents.filter(({ id: document, sha256 }) => index[document] !== sha256).length;
        if (missing > 0) throw new Error(`${missing} documents are missing, or are not what their row says.`);
      });
    } finally {
      await looking.end();
    }
    if (clinic) {
      const running = await step('sign_in', async () => {
        const started = await startClinicOnCopy({
          copy: live,
          database: manifest.database,
          work: join(folder, 'clinic'),
        });
        await started.signIn().catch(async (error) => {
          await started.stop();
          throw error;
        });
        return started;
      });
      await step('chart', () => running.openChart()).finally(() => running.stop());
    }
    return report({
      recoveryTimeMs: passed.filter(({ check }) => PART_OF_RECOVERY.has(check)).reduce((sum, { ms }) => sum + ms, 0),
      recoveryPointMs: Math.max(0, startedAt - (lastCommit?.getTime() ?? manifest.startedAt)),
      rows: Object.values(manifest.fingerprint.tables).reduce((sum, table) => sum + table.rows, 0),
    });
  } catch (error) {
    if (!(error instanceof BackupBroken)) throw error;
    return report({ failed: { check: error.check as DrillCheck, detail: error.message } });
  } finally {
    await copy?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
