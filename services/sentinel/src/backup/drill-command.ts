/** `npm run ops:restore-drill`: has sentinel restore the newest backup in isolation, and prints what it found and how long it took. */
import { readFileSync, writeFileSync } from 'node:fs';
import { read } from '../../../../stack/commands.mjs';
import { askSentinel } from './ask-sentinel.ts';
import type { DrillReport } from './drill.ts';
import { withMeasured } from './recovery-document.ts';

const { values } = read('ops:restore-drill', process.argv.slice(2));
const post = (path: string) => askSentinel(path, values['port-offset'] ?? '0');

const seconds = (ms: number | undefined) => (ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`);

function print({ backup, passed, failed, recoveryTimeMs, recoveryPointMs, rows }: DrillReport): void {
  console.log(`Backup ${backup}`);
  for (const { check, ms } of passed) console.log(`  ${check.padEnd(14)} ${seconds(ms).padStart(8)}`);
  if (failed) console.log(`  ${failed.check.padEnd(14)}   FAILED  ${failed.detail}`);
  else
    console.log(
      `Restored: ${rows} rows. Recovery time ${seconds(recoveryTimeMs)}, recovery point ${seconds(recoveryPointMs)}.`,
    );
}

try {
  const times = Number(values.repeat ?? 1);
  if (values.backup) {
    const answer = await post('/backup');
    if (!answer.ok) throw new Error('The backup failed; the log of sentinel says why.');
  }
  for (let round = 1; round <= times; round++) {
    const answer = await post('/restore-drill');
    if (!answer.ok)
      throw new Error('There is nothing to restore yet, or the drill could not begin; the log of sentinel says why.');
    const report = (await answer.json()) as DrillReport;
    if (times > 1) console.log(`Drill ${round} of ${times}`);
    print(report);
    if (report.failed) {
      process.exitCode = 1;
      break;
    }
    if (values.document) writeFileSync(values.document, withMeasured(readFileSync(values.document, 'utf8'), report));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
