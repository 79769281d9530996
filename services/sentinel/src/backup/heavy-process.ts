// A process for one job of heavy.ts. It ends with the job, or with the process that started it.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../health/check.ts';
import { takeBaseBackup } from './base-backup.ts';
import { giveFolder } from './copy.ts';
import { drill } from './drill.ts';
import { failureOf } from './failure.ts';
import type { HeavyAnswer, HeavyContext, HeavyJob } from './heavy.ts';
import { backupKey } from './key.ts';
import { openFolder } from './target.ts';
import { BackupBroken, type VerifyCheck, verifyBackup } from './verify.ts';

async function perform(
  { connection, bin, repository: folder, secret, work }: HeavyContext,
  job: HeavyJob,
): Promise<HeavyAnswer> {
  const repository = openFolder(folder);
  const key = backupKey(secret);
  switch (job.job) {
    case 'base':
      return { job: 'base', manifest: await takeBaseBackup({ connection, bin, repository, key, now: Date.now }) };
    case 'verify': {
      const room = mkdtempSync(join(work, 'verify-'));
      giveFolder(room);
      const passed: VerifyCheck[] = [];
      try {
        await verifyBackup({
          source: repository,
          key,
          bin,
          id: job.id,
          work: room,
          now: Date.now(),
          passed: (check) => passed.push(check),
        });
        return { job: 'verify', passed };
      } catch (error) {
        if (error instanceof BackupBroken) return { job: 'verify', passed, broken: error.check as VerifyCheck };
        throw error;
      } finally {
        rmSync(room, { recursive: true, force: true });
      }
    }
    case 'drill':
      return { job: 'drill', report: await drill({ source: repository, key, bin, id: job.id, work, now: Date.now }) };
  }
}

const answer = (message: HeavyAnswer) => process.send?.(message, () => process.exit(0));

process.once('disconnect', () => process.exit(1));
process.once('SIGTERM', () => process.exit(1));
process.once('message', (message: { context: HeavyContext; job: HeavyJob }) => {
  perform(message.context, message.job).then(answer, (error: unknown) =>
    answer({ job: 'failed', reason: failureOf(error), error: reasonOf(error) }),
  );
});
