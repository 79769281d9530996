import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withSection } from '../bench/marked-section.ts';

interface RecordedTier {
  /** ISO 8601, a day. */
  readonly date: string;
  readonly cores: number;
  readonly files: number;
  readonly tests: number;
  /** As one waits for it, with what it needs already there. */
  readonly seconds: number;
}

/** CONTRIBUTING.md with the table of the last recorded run of each tier. */
export function contributingDocument(root: string): string {
  const text = readFileSync(join(root, 'test/recorded-tiers.json'), 'utf8');
  const recorded = JSON.parse(text) as Readonly<Record<string, RecordedTier>>;
  const rows = Object.entries(recorded).map(
    ([tier, { files, tests, seconds, cores, date }]) =>
      `| ${tier} | ${files} | ${tests} | ${seconds} | ${cores} | ${date} |`,
  );
  const table = ['| tier | files | tests | seconds | cores | on |', '| --- | --- | --- | --- | --- | --- |', ...rows];
  return withSection(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'), 'tiers', table.join('\n'));
}
