import {
  ACCESS_PATTERNS,
  EXPLANATIONS,
  SCAN_SCOPES,
  SCANNERS,
  SEVERITIES,
  SIGN_IN_ATTACKS,
} from '@clinic/catalogue/vocabulary';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import type { Volume } from './access-watch.ts';
import type { SecondFactorCoverage } from './accounts.ts';
import { breaksByKind, type ChainState } from './chain-watch.ts';
import type { Checked } from './configuration-rules.ts';
import { RULES } from './configuration-rules.ts';
import { DAY_MS, type Notebook } from './notebook.ts';
import type { SignInFigures } from './sign-in-watch.ts';
import type { Scans, Severity } from './vulnerabilities.ts';

/** What the audit knows at the moment; undefined is not known yet, and then there is no series. */
export interface Knowledge {
  readonly signIns?: SignInFigures;
  readonly secondFactor?: SecondFactorCoverage;
  /** Share of the last hour's writes, 0..1. */
  readonly coverage?: number;
  readonly volumes?: readonly Volume[];
  readonly configuration?: Checked;
  readonly scans?: Scans;
  /** When the oldest that is open and could be mended was seen first, in epoch milliseconds. */
  readonly oldestVulnerabilities?: ReadonlyMap<Severity, number>;
  /** Epoch milliseconds. */
  readonly followedAt?: number;
}

export interface AuditMetricsOptions {
  readonly instruments: Instruments;
  readonly notebook: Notebook;
  readonly knowledge: () => Knowledge;
  readonly chain: () => ChainState;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

const READERS = ['clinician', 'frontdesk'] as const;
const READS = ['chart_read', 'note_read', 'document_read'] as const;

/** Accesses that somebody has to look into. */
export const PENDING = `FROM accesses AS a WHERE explanation IN ('unexplained', 'break_glass')
  AND NOT EXISTS (SELECT 1 FROM reviews AS r WHERE r.seq = a.seq)`;

export function auditMetrics({ instruments, notebook, knowledge, chain, now }: AuditMetricsOptions): void {
  const { counter, gauge } = instruments;

  counter('chartAccesses', function () {
    this.reset();
    for (const role of READERS)
      for (const action of READS) for (const explanation of EXPLANATIONS) this.inc({ role, action, explanation }, 0);
    for (const { count, ...labels } of notebook.all<{
      role: string;
      action: string;
      explanation: string;
      count: number;
    }>('SELECT role, action, explanation, count FROM totals'))
      this.inc(labels, count);
  });
  gauge('chartAccessUnexplained', function () {
    const { total, unexplained } = notebook.get<{ total: number; unexplained: number }>(
      `SELECT count(*) AS total, coalesce(sum(explanation = 'unexplained'), 0) AS unexplained FROM accesses WHERE at > ?`,
      now() - 7 * DAY_MS,
    )!;
    // A gauge without labels shows 0 when it is reset.
    this.remove();
    if (total > 0) this.set(unexplained / total);
  });
  gauge('accessReviewsPending', function () {
    this.set(notebook.get<{ count: number }>(`SELECT count(*) AS count ${PENDING}`)!.count);
  });
  gauge('accessReviewOldest', function () {
    const { oldest } = notebook.get<{ oldest: number | null }>(`SELECT min(at) AS oldest ${PENDING}`)!;
    this.set(oldest === null ? 0 : Math.max(0, now() - oldest) / 1000);
  });
  gauge('accessVolumeDeviation', function () {
    this.reset();
    for (const { role, z } of (knowledge().volumes ?? []).toSorted((a, b) => (a.z ?? 0) - (b.z ?? 0)))
      if (z !== undefined) this.set({ role }, z);
  });
  counter('accessFlags', function () {
    this.reset();
    for (const pattern of ACCESS_PATTERNS) this.inc({ pattern }, 0);
    for (const { pattern, count } of notebook.all<{ pattern: string; count: number }>(
      'SELECT pattern, count(*) AS count FROM flags GROUP BY pattern',
    ))
      this.inc({ pattern }, count);
  });

  gauge('signInAttempts', function () {
    this.reset();
    for (const [outcome, count] of Object.entries(knowledge().signIns?.attempts ?? {})) this.set({ outcome }, count);
  });
  const figure = (
    key: 'signInAccountsPerSource' | 'signInUnknownAccounts' | 'signInAfterFailures' | 'signInOutOfHours',
    read: (figures: SignInFigures) => number,
  ) =>
    gauge(key, function () {
      this.remove();
      const { signIns } = knowledge();
      const value = signIns && read(signIns);
      if (value !== undefined && !Number.isNaN(value)) this.set(value);
    });
  figure('signInAccountsPerSource', ({ accountsPerSource }) => accountsPerSource);
  figure('signInUnknownAccounts', ({ unknownRatio }) => unknownRatio);
  figure('signInAfterFailures', ({ successAfterFailures }) => successAfterFailures);
  figure('signInOutOfHours', ({ outOfHours }) => outOfHours);
  counter('signInAttacks', function () {
    this.reset();
    for (const pattern of SIGN_IN_ATTACKS) this.inc({ pattern }, 0);
    for (const { pattern, count } of notebook.all<{ pattern: string; count: number }>(
      'SELECT pattern, count FROM attacks',
    ))
      this.inc({ pattern }, count);
  });
  gauge('secondFactorCoverage', function () {
    this.reset();
    for (const [role, ratio] of knowledge().secondFactor?.ratios ?? []) this.set({ role }, ratio);
  });
  gauge('privilegedWithoutSecondFactor', function () {
    this.remove();
    const { secondFactor } = knowledge();
    if (secondFactor) this.set(secondFactor.privilegedWithout);
  });

  gauge('auditCoverage', function () {
    this.remove();
    const { coverage } = knowledge();
    if (coverage !== undefined) this.set(coverage);
  });
  gauge('auditProgress', function () {
    this.remove();
    const { followedAt } = knowledge();
    if (followedAt !== undefined) this.set(followedAt / 1000);
  });
  gauge('auditChainVerified', function () {
    this.remove();
    const { verifiedAt } = chain();
    if (verifiedAt !== undefined) this.set(verifiedAt / 1000);
  });
  gauge('auditChainBreaks', function () {
    for (const [kind, count] of breaksByKind(chain().breaks)) this.set({ kind }, count);
  });
  gauge('auditChainLength', function () {
    this.set(chain().length);
  });

  const open = () => (knowledge().scans?.scans ?? []).flatMap(({ found }) => found);
  gauge('vulnerabilitiesOpen', function () {
    this.reset();
    for (const severity of SEVERITIES)
      for (const fixable of ['true', 'false'])
        for (const scope of SCAN_SCOPES) this.set({ severity, fixable, scope }, 0);
    for (const { severity, fixable, scope } of open()) this.inc({ severity, fixable: String(fixable), scope });
  });
  gauge('vulnerabilityOldest', function () {
    for (const severity of SEVERITIES) {
      const oldest = knowledge().oldestVulnerabilities?.get(severity);
      this.set({ severity }, oldest === undefined ? 0 : (now() - oldest) / 1000);
    }
  });
  gauge('vulnerabilityScan', function () {
    this.reset();
    const scans = new Map((knowledge().scans?.scans ?? []).map(({ scanner, scannedAt }) => [scanner, scannedAt]));
    for (const scanner of SCANNERS) {
      const at = scans.get(scanner);
      if (at !== undefined) this.set({ scanner }, at / 1000);
    }
  });
  gauge('configurationFindings', function () {
    this.reset();
    const { configuration } = knowledge();
    if (!configuration) return;
    for (const severity of SEVERITIES) {
      this.set({ severity }, configuration.findings.filter(({ rule }) => RULES[rule].severity === severity).length);
    }
  });
}
