/** docs/compliance.md leads to things that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertGroups } from '@clinic/catalogue/alerts';
import { signals } from '@clinic/catalogue/signals';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const text = readFileSync(join(ROOT, 'docs/compliance.md'), 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| safeguard') && !line.startsWith('| ---'))
  .map((line) => line.split('|').map((cell) => cell.trim()));
const metrics = new Set<string>(Object.values(signals).map(({ name }) => name));
const alerts = new Set(alertGroups.flatMap((group) => group.alerts.map(({ name }) => name)));
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** Words of the clinic's vocabulary that stand beside a metric. */
const WORDS = new Set(['break_glass']);

test('there are safeguards, each with a status that the rule knows and with evidence', () => {
  expect(rows.length).toBeGreaterThan(15);
  for (const [, safeguard, section, status, evidence] of rows) {
    expect([safeguard, status]).toEqual([safeguard, expect.stringMatching(/^(?:required|addressable|proposed)$/)]);
    // What is only proposed is of the proposed rule, and nothing else is.
    expect([safeguard, section?.includes('90 FR 898')]).toEqual([safeguard, status === 'proposed']);
    expect([safeguard, evidence]).toEqual([safeguard, expect.stringMatching(/`[a-z_]+`|`[A-Z]\w+`|\]\(/)]);
  }
});

describe.each(rows.map(([, safeguard, , , evidence]) => ({ safeguard, evidence: evidence! })))(
  '$safeguard',
  ({ evidence }) => {
    const names = [...evidence.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    test.each(names.length > 0 ? names : ['npm run supply:audit'])('%s exists', (name) => {
      if (name.startsWith('npm run ')) expect(Object.keys(scripts)).toContain(name.slice('npm run '.length));
      else if (/^[A-Z]/.test(name)) expect([...alerts]).toContain(name);
      else if (!WORDS.has(name)) expect([...metrics]).toContain(name);
    });
    for (const [, target] of evidence.matchAll(/\]\(([^)]+)\)/g))
      test(`${target} exists`, () => expect(existsSync(join(ROOT, 'docs', target!))).toBe(true));
  },
);
