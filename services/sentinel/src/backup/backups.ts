import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RECOVERY_POINT_TARGET_MS, RECOVERY_TIME_TARGET_MS, RHYTHM } from '@clinic/catalogue/recovery';
import { BACKUP_FAILURES, BACKUP_KINDS, DRILL_CHECKS } from '@clinic/catalogue/vocabulary';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import { reasonOf } from '../health/check.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../memory.ts';
import type { Clock, Schedule } from '../schedule.ts';
import type { Settings } from '../settings.ts';
import { clusterOf, connect, listBackups } from './base-backup.ts';
import { giveFolder } from './copy.ts';
import { backUpDocuments } from './documents-backup.ts';
import type { DrillReport } from './drill.ts';
import { type BackupFailure, failureOf } from './failure.ts';
import { type HeavyJob, runHeavy } from './heavy.ts';
import { checkIntegrity, forgetIntegrity, type IntegrityCheck } from './integrity.ts';
import { backupKey } from './key.ts';
import { sign } from './manifest.ts';
import { offsiteCopier } from './offsite.ts';
import { retain } from './retention.ts';
import { openFolder, removePartial, type Target } from './target.ts';
import { listSegments, lsnNumber, walShipper } from './wal-archive.ts';
import { startWalReceiver, WAL_SLOT, type WalReceiver } from './wal-receiver.ts';

type Kind = (typeof BACKUP_KINDS)[number];

/** What is known of backups; all times in epoch milliseconds. */
export interface BackupState {
  /** Up to when the data of each kind are in a backup. */
  readonly success: Readonly<Partial<Record<Kind, number>>>;
  readonly verifiedAt: number | undefined;
  readonly drill: DrillReport | undefined;
  readonly drilledAt: number | undefined;
  readonly violations: Readonly<Partial<Record<IntegrityCheck, number>>>;
}

export interface Backups {
  state(): BackupState;
  /** Backs up now, and resolves with the backup's id. */
  backUp(): Promise<string>;
  /** Restores the newest backup in isolation and looks at it. One at a time; rejects when there is no backup. */
  drillNow(): Promise<DrillReport>;
  /** To be called once after a restore: what the tables held before it is no measure any more. */
  finishRestore(): Promise<void>;
  close(): Promise<void>;
}

export interface BackupsOptions {
  readonly settings: Pick<
    Settings,
    | 'BACKUP_URL'
    | 'BACKUP_PASSWORD_FILE'
    | 'BACKUP_KEY_FILE'
    | 'POSTGRES_BIN'
    | 'DOCUMENT_STORE'
    | 'OFFSITE'
    | 'OFFSITE_CREDENTIALS_FILE'
  >;
  readonly schedule: Schedule;
  readonly clock: Clock;
  readonly memory: Memory;
  readonly instruments: Instruments;
  /** A folder of the backups' own; exists. */
  readonly state: string;
  readonly log: Log;
}

/** So soon after a start a first backup begins, when there is none of today. */
const FIRST_BACKUP_MS = 5_000;
const RECEIVE_DEADLINE_MS = 8_000;

async function openOffsite({ OFFSITE, OFFSITE_CREDENTIALS_FILE }: BackupsOptions['settings']): Promise<Target> {
  if (!/^https?:/.test(OFFSITE)) return openFolder(OFFSITE);
  const { openS3 } = await import('./s3-target.ts');
  return openS3({ url: OFFSITE, credentials: OFFSITE_CREDENTIALS_FILE ?? '' });
}

/** Starts to receive WAL and to back up, verify, drill and look after the tables by the rhythm of the catalogue. */
export async function startBackups({
  settings,
  schedule,
  clock,
  memory,
  instruments,
  state,
  log,
}: BackupsOptions): Promise<Backups> {
  const key = backupKey(settings.BACKUP_KEY_FILE);
  const connection = { url: settings.BACKUP_URL, password: settings.BACKUP_PASSWORD_FILE };
  const bin = settings.POSTGRES_BIN;
  const repository = openFolder(join(state, 'repository'));
  const work = join(state, 'drill');
  // What a killed run left.
  rmSync(work, { recursive: true, force: true });
  await removePartial(repository.path(''));
  giveFolder(work);
  const copyOffsite = offsiteCopier(repository, await openOffsite(settings));
  const stopping = new AbortController();
  const context = { connection, bin, repository: repository.path(''), secret: settings.BACKUP_KEY_FILE, work };
  const heavy = <Job extends HeavyJob>(job: Job) => runHeavy(context, job, stopping.signal);

  const failures = instruments.counter('backupFailures');
  for (const kind of BACKUP_KINDS) for (const reason of BACKUP_FAILURES) failures.inc({ kind, reason }, 0);
  const drillFailures = instruments.counter('restoreDrillFailures');
  for (const check of DRILL_CHECKS) drillFailures.inc({ check }, 0);
  const duration = instruments.gauge('backupDuration');
  const size = instruments.gauge('backupSize');

  const recall = <Value>(name: string) => memory.get<Value>(`backup:${name}`);
  const keep = (name: string, value: unknown) => memory.set(`backup:${name}`, value);
  const success = (): Partial<Record<Kind, number>> => recall('success') ?? {};
  const succeeded = (kind: Kind, at: number) => keep('success', { ...success(), [kind]: at });
  const failed = (kind: Kind, error: unknown) => {
    const reason: BackupFailure =
      kind === 'offsite' && failureOf(error) === 'other' ? 'target_unreachable' : failureOf(error);
    failures.inc({ kind, reason });
    log('error', 'backup_failed', { kind, reason, error: reasonOf(error) });
  };
  /** Times a backup, and counts it as failed when it is. */
  const attempt = async <Result>(kind: Kind, work: () => Promise<Result>): Promise<Result> => {
    const begun = clock.now();
    try {
      const result = await work();
      duration.set({ kind }, (clock.now() - begun) / 1000);
      return result;
    } catch (error) {
      failed(kind, error);
      throw error;
    }
  };

  instruments.gauge('backupLastSuccess', function () {
    const known = success();
    for (const kind of BACKUP_KINDS) if (known[kind] !== undefined) this.set({ kind }, known[kind] / 1000);
  });
  const timestamp = (
    signal: 'backupVerified' | 'restoreDrillSuccess' | 'recoveryTime',
    value: () => number | undefined,
  ) =>
    instruments.gauge(signal, function () {
      const known = value();
      // What has not happened has no time, and so no series: 0 would be one.
      if (known === undefined) this.remove();
      else this.set(known / 1000);
    });
  timestamp('backupVerified', () => recall('verifiedAt'));
  timestamp('restoreDrillSuccess', () => recall('drilledAt'));
  timestamp('recoveryTime', () => recall<DrillReport>('drill')?.recoveryTimeMs);
  instruments.gauge('recoveryPoint', function () {
    const at = success().wal;
    if (at === undefined) this.remove();
    else this.set(Math.max(0, clock.now() - at) / 1000);
  });
  instruments.gauge('restoreDrillCheckSuccess', function () {
    for (const [check, at] of Object.entries(recall<Record<string, number>>('checks') ?? {})) {
      this.set({ check: check as (typeof DRILL_CHECKS)[number] }, at / 1000);
    }
  });
  const targets = instruments.gauge('recoveryTarget');
  targets.set({ objective: 'rto' }, RECOVERY_TIME_TARGET_MS / 1000);
  targets.set({ objective: 'rpo' }, RECOVERY_POINT_TARGET_MS / 1000);
  const violations: Partial<Record<IntegrityCheck, number>> = {};
  const violationGauge = instruments.gauge('integrityViolations');
  instruments.gauge('integritySuccess', function () {
    for (const [check, at] of Object.entries(recall<Record<string, number>>('integrity') ?? {})) {
      this.set({ check: check as IntegrityCheck }, at / 1000);
    }
  });

  // WAL -----------------------------------------------------------------------------------------------------------
  let receiver: WalReceiver | undefined;
  let ship: (() => Promise<void>) | undefined;
  let system = '';
  let wantsBase = false;

  /** Which cluster it is, is known once it answers. */
  async function receive(): Promise<void> {
    const client = await connect(connection);
    try {
      system = (await clusterOf(client)).system;
    } finally {
      await client.end();
    }
    const spool = join(state, 'spool', system);
    receiver = await startWalReceiver({
      connection,
      bin,
      spool,
      clock,
      log,
      slotLost: () => {
        failures.inc({ kind: 'wal', reason: 'slot_lost' });
        wantsBase = true;
      },
    });
    ship = walShipper({ spool, system, repository, key });
  }

  let receiving: Promise<void> | undefined;

  /** Resolves, with the time at which it began, once everything written until then has been received. */
  async function arrived(): Promise<number> {
    receiving ??= receive().catch((error: unknown) => {
      receiving = undefined;
      throw error;
    });
    await receiving;
    const client = await connect(connection);
    try {
      const at = clock.now();
      // A commit of its own every time: a restore tells by it how far it came, also when nobody works.
      const { rows } = await client.query<{ position: string }>(
        `SELECT pg_logical_emit_message(true, 'sentinel', 'heartbeat')::text AS position`,
      );
      const written = lsnNumber(rows[0]?.position ?? '0/0');
      for (const deadline = clock.now() + RECEIVE_DEADLINE_MS; !stopping.signal.aborted; await sleep(50)) {
        // The slot, and not pg_stat_replication, which shows its positions to monitoring roles only.
        const { rows: slots } = await client.query<{ received: string | null }>(
          'SELECT restart_lsn::text AS received FROM pg_replication_slots WHERE slot_name = $1 AND active',
          [WAL_SLOT],
        );
        const received = slots[0]?.received;
        if (received && lsnNumber(received) >= written) break;
        if (clock.now() > deadline) throw new Error('The WAL does not arrive.');
      }
      return at;
    } finally {
      await client.end();
    }
  }

  async function shipWal(): Promise<void> {
    await attempt('wal', async () => {
      const at = await arrived();
      if (stopping.signal.aborted) return;
      await ship?.();
      succeeded('wal', at);
    });
    if (wantsBase && !stopping.signal.aborted) await backUp();
  }

  // Base, documents, copies ---------------------------------------------------------------------------------------
  let backing: Promise<string> | undefined;
  function backUp(): Promise<string> {
    backing ??= attempt('base', async () => {
      // The archive must begin before the base backup does. Without an archive, a backup of today is better than none.
      await arrived().catch(() => {});
      const { manifest } = await heavy({ job: 'base' });
      wantsBase = false;
      succeeded('base', manifest.startedAt);
      size.set({ kind: 'base' }, manifest.archive.size);
      log('info', 'backed_up', { backup: manifest.id, bytes: manifest.archive.size });
      await retain(repository, { key, now: clock.now() });
      return manifest.id;
    }).finally(() => {
      backing = undefined;
    });
    return backing;
  }
  async function documents(): Promise<void> {
    const at = clock.now();
    await attempt('documents', () => backUpDocuments({ store: settings.DOCUMENT_STORE, repository, key }));
    succeeded('documents', at);
    const sum = (objects: readonly { readonly size: number }[]) =>
      objects.reduce((total, each) => total + each.size, 0);
    size.set({ kind: 'documents' }, sum(await repository.list('documents')));
    if (system) size.set({ kind: 'wal' }, sum(await listSegments(repository, system)));
  }
  async function offsiteCopy(): Promise<void> {
    const at = clock.now();
    const bytes = await attempt('offsite', () => copyOffsite({ key, now: at }));
    // The copy is as new as the WAL in it.
    succeeded('offsite', Math.min(at, success().wal ?? at));
    size.set({ kind: 'offsite' }, bytes);
  }

  // Proof ---------------------------------------------------------------------------------------------------------
  const newest = async () => (await listBackups(repository)).at(-1);
  const noteCheck = (check: string) =>
    keep('checks', { ...recall<Record<string, number>>('checks'), [check]: clock.now() });
  let proving: Promise<unknown> = Promise.resolve();
  /** One after the other: each needs the room of a whole copy. */
  function alone<Result>(job: () => Promise<Result>): Promise<Result> {
    const result = proving.then(job);
    proving = result.catch(() => {});
    return result;
  }
  const verify = () =>
    alone(async () => {
      const id = await newest();
      if (!id) throw new Error('There is no backup to verify.');
      const { passed, broken } = await heavy({ job: 'verify', id });
      for (const check of passed) noteCheck(check);
      if (broken) {
        drillFailures.inc({ check: broken });
        log('error', 'backup_broken', { backup: id, check: broken });
      } else keep('verifiedAt', clock.now());
    });
  const history = join(state, 'drills.jsonl');
  const drillNow = () =>
    alone(async () => {
      const id = await newest();
      if (!id) throw new Error('There is no backup yet that could be restored.');
      const { report } = await heavy({ job: 'drill', id });
      for (const { check } of report.passed) noteCheck(check);
      // Signed, so that the numbers of a report can be shown to be those of a drill.
      appendFileSync(history, sign(key, report));
      if (report.failed) {
        drillFailures.inc({ check: report.failed.check });
        log('error', 'restore_drill_failed', { backup: id, check: report.failed.check });
      } else {
        keep('drill', report);
        keep('drilledAt', report.finishedAt);
        keep('verifiedAt', report.finishedAt);
        log('info', 'restore_drilled', { backup: id, recovery_time_ms: Math.round(report.recoveryTimeMs ?? 0) });
      }
      return report;
    });
  async function integrity(): Promise<void> {
    const client = await connect(connection);
    try {
      await checkIntegrity({ client, memory, store: settings.DOCUMENT_STORE, now: clock.now() }, (check, found) => {
        violations[check] = found;
        violationGauge.set({ check }, found);
        keep('integrity', { ...recall<Record<string, number>>('integrity'), [check]: clock.now() });
        if (found > 0) log('error', 'integrity_violated', { check, violations: found });
      });
    } finally {
      await client.end();
    }
  }

  // By the clock --------------------------------------------------------------------------------------------------
  schedule.add({ name: 'backup_wal', ...RHYTHM.wal, run: shipWal });
  schedule.add({
    name: 'backup_base',
    ...RHYTHM.base,
    catchUp: true,
    run: async () => void (await backUp()),
  });
  schedule.add({ name: 'backup_documents', ...RHYTHM.documents, run: documents });
  schedule.add({ name: 'backup_offsite', ...RHYTHM.offsite, run: offsiteCopy });
  schedule.add({ name: 'backup_verify', ...RHYTHM.verify, catchUp: true, run: verify });
  schedule.add({ name: 'restore_drill', ...RHYTHM.drill, catchUp: true, run: async () => void (await drillNow()) });
  schedule.add({ name: 'integrity', ...RHYTHM.integrity, run: integrity });
  /** Resolves after so long, and at once when sentinel stops. */
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      if (stopping.signal.aborted) return resolve();
      const cancel = clock.after(ms, resolve);
      stopping.signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  const begun = (async () => {
    const age = clock.now() - (success().base ?? 0);
    if (age < RHYTHM.base.every && (await newest())) return;
    await pause(FIRST_BACKUP_MS);
    if (stopping.signal.aborted) return;
    await documents();
    await backUp();
    const backedUp = clock.now();
    while (!stopping.signal.aborted && (success().wal ?? 0) < backedUp) await pause(RHYTHM.wal.every);
    if (stopping.signal.aborted) return;
    // A backup that was never restored is a hope: the first proof does not wait for the night.
    await drillNow();
  })().catch((error: unknown) => {
    if (!stopping.signal.aborted) log('error', 'first_backup_failed', { error: reasonOf(error) });
  });

  return {
    state: () => ({
      success: success(),
      verifiedAt: recall('verifiedAt'),
      drill: recall('drill'),
      drilledAt: recall('drilledAt'),
      violations,
    }),
    backUp: () => backUp(),
    drillNow,
    async finishRestore() {
      forgetIntegrity(memory);
      await integrity();
    },
    async close() {
      stopping.abort();
      await receiver?.close();
      await begun;
      await proving;
    },
  };
}
