import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareDebianVersions, readScan, readScans } from './vulnerabilities.ts';

const NOW = Date.UTC(2026, 5, 1);
const scan = (scanner: string, report: unknown, at = NOW) =>
  JSON.stringify({ scanner, scanned_at: new Date(at).toISOString(), report });
const advisory = (id: string, severity: string) => ({
  url: `https://github.com/advisories/${id}`,
  name: 'thing',
  severity,
});

test('of npm: each advisory once, what npm derives left out, and what only development has', () => {
  const one = { fixAvailable: false, via: [advisory('GHSA-aaaa-bbbb-cccc', 'moderate')] };
  const two = { fixAvailable: { name: 'thing' }, via: [advisory('GHSA-dddd-eeee-ffff', 'critical'), 'thing'] };
  const report = {
    all: { vulnerabilities: { thing: one, other: two, again: two } },
    production: { vulnerabilities: { thing: one } },
  };
  expect(readScan(scan('npm', report)).found).toEqual([
    { id: 'GHSA-aaaa-bbbb-cccc', package: 'thing', severity: 'medium', fixable: false, scope: 'production' },
    { id: 'GHSA-dddd-eeee-ffff', package: 'thing', severity: 'critical', fixable: true, scope: 'development' },
  ]);
});
test('of Debian: what is open in the release that runs, and what is fixed in a version that is not installed', () => {
  const issue = (status: string, fixed_version?: string) => ({
    releases: { bookworm: { status, urgency: 'high', fixed_version }, trixie: { status: 'open', urgency: 'low' } },
  });
  const report = {
    release: 'bookworm',
    packages: {
      openssl: {
        installed: '3.0.15-1~deb12u1',
        issues: {
          'CVE-2026-1': issue('open'),
          'CVE-2026-2': issue('resolved', '3.0.16-1~deb12u1'),
          'CVE-2026-3': issue('resolved', '3.0.15-1~deb12u1'),
          'CVE-2026-4': issue('resolved', '0'),
        },
      },
    },
  };
  expect(readScan(scan('debian', report)).found.map(({ id, fixable }) => [id, fixable])).toEqual([
    ['CVE-2026-1', false],
    ['CVE-2026-2', true],
  ]);
});
test('of images: those that were made more than 90 days before', () => {
  const image = (name: string, days: number) => ({
    image: name,
    digest: `sha256:${'a'.repeat(64)}`,
    created: new Date(NOW - days * 86_400_000).toISOString(),
  });
  expect(readScan(scan('images', [image('old:1', 91), image('new:1', 90)])).found.map(({ id }) => id)).toEqual([
    'old:1',
  ]);
});

// By `dpkg --compare-versions`.
test.each([
  ['1.0', '1.0', 0],
  ['1.10', '1.9', 1],
  ['1:1.0', '2.0', 1],
  ['1.0~rc1', '1.0', -1],
  ['1.0-1', '1.0-1+deb12u1', -1],
  ['1.0-1~bpo', '1.0-1', -1],
  ['1.0a', '1.0+', -1],
  ['2.36-9', '2.36-10', -1],
] as const)('%s against %s', (a, b, order) => {
  expect(Math.sign(compareDebianVersions(a, b))).toBe(order);
  expect(Math.sign(compareDebianVersions(b, a))).toBe(order === 0 ? 0 : -order);
});

test('the newest report of each scanner counts; what is no report, or of tomorrow, does not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clinic-scans-'));
  const empty = { vulnerabilities: {} };
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write('old.json', scan('npm', { all: empty, production: empty }, NOW - 86_400_000));
  write('new.json', scan('npm', { all: empty, production: empty }));
  write('future.json', scan('npm', { all: empty, production: empty }, NOW + 3 * 86_400_000));
  // What npm prints when the registry does not answer.
  write('error.json', scan('npm', { all: { message: '405' }, production: { message: '405' } }));
  write('half.json', '{"scanner":');
  const { scans, unreadable } = readScans(folder, NOW);
  rmSync(folder, { recursive: true });
  expect(scans.map(({ scanner, scannedAt }) => [scanner, scannedAt])).toEqual([['npm', NOW]]);
  expect(unreadable.toSorted()).toEqual(['error.json', 'future.json', 'half.json']);
});
