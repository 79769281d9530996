import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withSection } from '../bench/marked-section.ts';

interface RecordedRun {
  /** ISO 8601, a day. */
  readonly date: string;
  readonly cores: number;
  /** `seconds`: of the tier as one waits for it, with what it needs already there. */
  readonly tiers: readonly {
    readonly tier: string;
    readonly files: number;
    readonly tests: number;
    readonly seconds: number;
  }[];
}

/** CONTRIBUTING.md with the table of the last recorded run. */
export function contributingDocument(root: string): string {
  const { date, cores, tiers } = JSON.parse(readFileSync(join(root, 'test/recorded-run.json'), 'utf8')) as RecordedRun;
  const rows = tiers.map(({ tier, files, tests, seconds }) => `| ${tier} | ${files} | ${tests} | ${seconds} |`);
  const table = [
    `| tier | files | tests | seconds on ${cores} cores, ${date} |`,
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
  return withSection(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'), 'tiers', table);
}
