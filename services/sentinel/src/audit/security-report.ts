/** The findings of a security audit as a table, as JSON, and as SARIF 2.1.0. */
import { SEVERITIES } from '@clinic/catalogue/vocabulary';
import { type Checked, RULES, type Severity } from './configuration-rules.ts';
import type { Vulnerability } from './vulnerabilities.ts';

export interface SecurityReport {
  readonly checked: Checked;
  readonly vulnerabilities: readonly Vulnerability[];
}

export interface ReportLine {
  readonly rule: string;
  readonly severity: Severity;
  readonly subject: string;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
}

/** The worst first. */
export function reportLines({ checked, vulnerabilities }: SecurityReport): ReportLine[] {
  const rank = ({ severity }: ReportLine) => SEVERITIES.indexOf(severity);
  return [
    ...checked.findings.map(({ rule, subject }): ReportLine => ({ rule, subject, ...RULES[rule] })),
    ...vulnerabilities.map(
      ({ id, package: name, severity, fixable, scope }): ReportLine => ({
        rule: 'vulnerability',
        severity,
        subject: `${id} in ${name} (${scope})`,
        title: 'A known vulnerability',
        why: 'Everybody can read how it is used.',
        fix: fixable ? 'Update it.' : 'There is no fix yet: see whether it concerns us.',
      }),
    ),
  ].sort((a, b) => rank(a) - rank(b));
}

/** 1 with a finding of this severity or a worse one; otherwise 2 when something could not be looked at, and 0 when all is well. */
export function exitCode(report: SecurityReport, failOn: Severity): 0 | 1 | 2 {
  const limit = SEVERITIES.indexOf(failOn);
  if (reportLines(report).some(({ severity }) => SEVERITIES.indexOf(severity) <= limit)) return 1;
  return report.checked.unchecked.length > 0 ? 2 : 0;
}

export function asTable(report: SecurityReport): string {
  const lines = reportLines(report).map(
    ({ severity, title, subject, why, fix }) =>
      `${severity.toUpperCase().padEnd(8)} ${title}: ${subject}\n         ${why} ${fix}`,
  );
  const unchecked = report.checked.unchecked.map((part) => `UNKNOWN  ${part}`);
  const all = [...lines, ...unchecked];
  return `${all.length > 0 ? all.join('\n') : 'Nothing was found.'}\n`;
}

export const asJson = (report: SecurityReport): string =>
  `${JSON.stringify({ findings: reportLines(report), unchecked: report.checked.unchecked }, null, 2)}\n`;

const LEVELS = { critical: 'error', high: 'error', medium: 'warning', low: 'note' } as const;

export function asSarif(report: SecurityReport): string {
  const lines = reportLines(report);
  const rules = [...new Map(lines.map((line) => [line.rule, line])).values()];
  return `${JSON.stringify(
    {
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'clinic-security-audit',
              rules: rules.map(({ rule, title, why, fix }) => ({
                id: rule,
                shortDescription: { text: title },
                fullDescription: { text: why },
                help: { text: fix },
              })),
            },
          },
          results: lines.map(({ rule, severity, title, subject }) => ({
            ruleId: rule,
            level: LEVELS[severity],
            message: { text: `${title}: ${subject}` },
            // What runs has no line in a file; the file that says what runs is the nearest.
            locations: [{ physicalLocation: { artifactLocation: { uri: 'docker-compose.yml' } } }],
            properties: { severity },
          })),
          invocations: [
            {
              executionSuccessful: report.checked.unchecked.length === 0,
              toolExecutionNotifications: report.checked.unchecked.map((text) => ({
                level: 'warning',
                message: { text },
              })),
            },
          ],
        },
      ],
    },
    null,
    2,
  )}\n`;
}
