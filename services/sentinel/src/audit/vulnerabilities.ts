/** Known vulnerabilities, from reports of scanners that ran elsewhere: CI, or `npm run supply:scan -- DIR`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SCAN_SCOPES, type SCANNERS, SEVERITIES } from '@clinic/catalogue/vocabulary';
import { z } from 'zod';

export type Severity = (typeof SEVERITIES)[number];
export type Scanner = (typeof SCANNERS)[number];
export type Scope = (typeof SCAN_SCOPES)[number];

export interface Vulnerability {
  /** `GHSA-…`, `CVE-…`, or the image. */
  readonly id: string;
  readonly package: string;
  readonly severity: Severity;
  readonly fixable: boolean;
  readonly scope: Scope;
}

export interface Scan {
  readonly scanner: Scanner;
  /** Epoch milliseconds: when the scanner asked, not when the file was written. */
  readonly scannedAt: number;
  readonly found: readonly Vulnerability[];
}

/** An image built longer ago than this lacks fixes of its base, whatever they are. */
const IMAGE_MAX_AGE_DAYS = 90;
const DAY_MS = 86_400_000;

const severity = z.string().transform((word): Severity => {
  const words: Readonly<Record<string, Severity>> = {
    moderate: 'medium',
    info: 'low',
    unimportant: 'low',
    'not yet assigned': 'medium',
  };
  return SEVERITIES.find((each) => each === word) ?? words[word] ?? 'medium';
});

/** What `npm audit --json` prints (report version 2). */
export const npmReport = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({
      fixAvailable: z.union([z.boolean(), z.object({})]),
      via: z.array(z.union([z.string(), z.object({ url: z.string(), name: z.string(), severity })])),
    }),
  ),
});

/** `all`, and without what only development needs. */
const npm = z.object({ all: npmReport, production: npmReport }).transform(({ all, production }): Vulnerability[] => {
  const inProduction = new Set(advisories(production).map(({ id }) => id));
  return advisories(all).map((each) => ({ ...each, scope: inProduction.has(each.id) ? 'production' : 'development' }));
});

function advisories({ vulnerabilities }: z.output<typeof npmReport>): Omit<Vulnerability, 'scope'>[] {
  const found = Object.values(vulnerabilities).flatMap(({ via, fixAvailable }) =>
    via.flatMap((each) =>
      typeof each === 'string'
        ? []
        : [
            {
              id: each.url.split('/').at(-1)!,
              package: each.name,
              severity: each.severity,
              fixable: fixAvailable !== false,
            },
          ],
    ),
  );
  return [...new Map(found.map((each) => [`${each.id} ${each.package}`, each])).values()];
}

/**
 * An excerpt of https://security-tracker.debian.org/tracker/data/json: of installed source packages, by name, with the release that is
 * installed and its version.
 */
const debian = z
  .object({
    release: z.string(),
    packages: z.record(
      z.string(),
      z.object({
        installed: z.string(),
        issues: z.record(
          z.string().regex(/^(CVE|TEMP)-/),
          z.object({
            releases: z.record(
              z.string(),
              z.object({ status: z.string(), urgency: severity, fixed_version: z.string().optional() }),
            ),
          }),
        ),
      }),
    ),
  })
  .transform(({ release, packages }): Vulnerability[] =>
    Object.entries(packages).flatMap(([name, { installed, issues }]) =>
      Object.entries(issues).flatMap(([id, { releases }]): Vulnerability[] => {
        const here = releases[release];
        // `fixed_version` 0: this release never had it.
        if (!here || here.fixed_version === '0') return [];
        if (here.status === 'resolved' && compareDebianVersions(installed, here.fixed_version ?? '') >= 0) return [];
        return [
          { id, package: name, severity: here.urgency, fixable: here.fixed_version !== undefined, scope: 'system' },
        ];
      }),
    ),
  );

/** Images, with the time that their registry says they were made. */
const images = z
  .array(z.object({ image: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/), created: z.iso.datetime() }))
  .transform((list) => ({
    at: (scannedAt: number): Vulnerability[] =>
      list
        .filter(({ created }) => scannedAt - Date.parse(created) > IMAGE_MAX_AGE_DAYS * DAY_MS)
        .map(({ image }) => ({ id: image, package: image, severity: 'medium', fixable: true, scope: 'image' })),
  }));

const envelope = z.discriminatedUnion('scanner', [
  z.strictObject({ scanner: z.literal('npm'), scanned_at: z.iso.datetime(), report: npm }),
  z.strictObject({ scanner: z.literal('debian'), scanned_at: z.iso.datetime(), report: debian }),
  z.strictObject({ scanner: z.literal('images'), scanned_at: z.iso.datetime(), report: images }),
]);

/** A scan from a file's text. Throws when it is not one: a report that cannot be read says nothing, and never that all is well. */
export function readScan(text: string): Scan {
  const scan = envelope.parse(JSON.parse(text));
  const scannedAt = Date.parse(scan.scanned_at);
  const found = scan.scanner === 'images' ? scan.report.at(scannedAt) : scan.report;
  return { scanner: scan.scanner, scannedAt, found };
}

export interface Scans {
  /** The newest of each scanner. */
  readonly scans: readonly Scan[];
  /** Files that are not scans. */
  readonly unreadable: readonly string[];
}

/** The scans in a folder, `*.json`. A scan that says it was made in the future is not believed. */
export function readScans(folder: string, now: number): Scans {
  const newest = new Map<Scanner, Scan>();
  const unreadable: string[] = [];
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.json'))) {
    try {
      const scan = readScan(readFileSync(join(folder, name), 'utf8'));
      if (scan.scannedAt > now + DAY_MS) throw new Error('made in the future');
      const known = newest.get(scan.scanner);
      if (!known || known.scannedAt < scan.scannedAt) newest.set(scan.scanner, scan);
    } catch {
      unreadable.push(name);
    }
  }
  return { scans: [...newest.values()], unreadable };
}

/** Order of two versions of Debian packages, as `dpkg --compare-versions`: negative, 0 or positive. */
export function compareDebianVersions(a: string, b: string): number {
  const split = (version: string) => {
    const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/.exec(version)!;
    const dash = rest.lastIndexOf('-');
    return [Number(epoch), dash < 0 ? rest : rest.slice(0, dash), dash < 0 ? '' : rest.slice(dash + 1)] as const;
  };
  const [left, right] = [split(a), split(b)];
  return left[0] - right[0] || compareParts(left[1], right[1]) || compareParts(left[2], right[2]);
}

function compareParts(a: string, b: string): number {
  // `~` before the end, the end before letters, letters before the rest.
  const weight = (char: string | undefined) =>
    char === '~'
      ? -1
      : char === undefined || /\d/.test(char)
        ? 0
        : /[a-z]/i.test(char)
          ? char.charCodeAt(0)
          : char.charCodeAt(0) + 256;
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    while ((i < a.length && !/\d/.test(a[i]!)) || (j < b.length && !/\d/.test(b[j]!))) {
      const order = weight(a[i]) - weight(b[j]);
      if (order !== 0) return order;
      i++;
      j++;
    }
    const number = (text: string, from: number) => /^\d*/.exec(text.slice(from))![0];
    const [left, right] = [number(a, i), number(b, j)];
    const order = Number(left) - Number(right);
    if (order !== 0) return order;
    i += left.length;
    j += right.length;
  }
  return 0;
}
