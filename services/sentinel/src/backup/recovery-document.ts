import { RECOVERY_POINT_TARGET_MS, RECOVERY_TIME_TARGET_MS } from '@clinic/catalogue/recovery';
import type { DrillReport } from './drill.ts';

const BEGIN = '<!-- Measured by npm run ops:restore-drill -- --document docs/recovery.md -->';
const END = '<!-- end of what was measured -->';

const seconds = (ms: number | undefined) => (ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`);

/** What a drill measured, as Markdown. */
export function measured(report: DrillReport): string {
  const rows = report.passed.map(({ check, ms }) => `| ${check} | ${seconds(ms)} |`).join('\n');
  return `Drill of ${new Date(report.startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC, backup ${report.backup}, ${report.rows ?? 0} rows:

|                     | measured | target |
| ------------------- | -------- | ------ |
| recovery time (RTO) | ${seconds(report.recoveryTimeMs)} | ${seconds(RECOVERY_TIME_TARGET_MS)} |
| recovery point (RPO) | ${seconds(report.recoveryPointMs)} | ${seconds(RECOVERY_POINT_TARGET_MS)} |

| check | took |
| ----- | ---- |
${rows}`;
}

/** Puts what a drill measured into its place in the document. Throws when the document has no such place. */
export function withMeasured(document: string, report: DrillReport): string {
  const from = document.indexOf(BEGIN);
  const to = document.indexOf(END);
  if (from < 0 || to < from)
    throw new Error(`The document has no place for the numbers: it needs the lines ${BEGIN} and ${END}.`);
  return `${document.slice(0, from)}${BEGIN}\n\n${measured(report)}\n\n${document.slice(to)}`;
}
