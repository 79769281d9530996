import type { Check, Verdict } from './check.ts';

const ORDER: readonly Verdict[] = ['fail', 'inconclusive', 'warn', 'pass'];

/** The table of a person, as text: what needs attention first. */
export function table(checks: readonly Check[]): string {
  const sorted = checks.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  const rows = sorted.map(({ tier, subject, verdict, why }) => [verdict.toUpperCase(), tier, subject, why]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length), 0));
  return sorted
    .flatMap(({ look }, index) => [
      rows[index]!.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '),
      ...(look === undefined
        ? []
        : [`${' '.repeat(widths.reduce((sum, width) => sum + width + 2, 0))}look at: ${look}`]),
    ])
    .map((line) => line.trimEnd())
    .join('\n');
}

const MEANING: Readonly<Record<Verdict, string>> = {
  pass: 'PASS',
  warn: 'PASS, with warnings',
  fail: 'FAIL',
  inconclusive: 'INCONCLUSIVE: this is not a pass',
};

/** The last line. */
export const conclusion = (verdict: Verdict, checks: readonly Check[]): string => {
  const count = (one: Verdict) => checks.filter(({ verdict }) => verdict === one).length;
  return `${MEANING[verdict]} (${ORDER.map((one) => `${count(one)} ${one}`).join(', ')})`;
};
