import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPorts, secretFindings } from './host-checks.ts';
import { asSarif, asTable, exitCode } from './security-report.ts';
import { headerFindings, isNear } from './web-checks.ts';

const line = (local: string, state = '0A') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000`;

test('ports that listen to others, as Linux lists them', () => {
  const text = [
    '  sl  local_address rem_address   st',
    line('0100007F:1F90'), // 127.0.0.1:8080
    line('0200007F:1F91'), // 127.0.0.2:8081
    line('00000000:1F92'), // 0.0.0.0:8082
    line('0101A8C0:1F93'), // 192.168.1.1:8083
    line('00000000:1F94', '01'), // connected, does not listen
    line('00000000000000000000000001000000:1F95'), // [::1]:8085
    line('00000000000000000000000000000000:1F96'), // [::]:8086
    line('0000000000000000FFFF00000100007F:1F97'), // [::ffff:127.0.0.1]:8087
  ].join('\n');
  expect(openPorts(text)).toEqual([8082, 8083, 8086]);
});

test('secrets that others can read, that are short, known or used twice', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clinic-secrets-'));
  const write = (name: string, secret: string, mode = 0o600) => {
    writeFileSync(join(folder, name), `${secret}\n`);
    chmodSync(join(folder, name), mode);
  };
  write('good', 'nmf9Zt0H4kqv2LxW8cRy7aBd');
  write('open', 'Qm3v5Jp1sXe6uTg0Ki9oWn2h', 0o640);
  write('short', 'Qm3v5Jp1sXe6uTg0Ki9');
  write('known', 'password-password-password');
  write('twin', 'nmf9Zt0H4kqv2LxW8cRy7aBd');
  const found = () =>
    secretFindings(folder)
      .map(({ rule, subject }) => `${rule}: ${subject}`)
      .sort();
  const weak = ['secret_weak: known', 'secret_weak: short', 'secret_weak: twin is the same as good'];
  // Nobody gets to a file in a folder that is closed to them.
  expect(found()).toEqual(weak);
  chmodSync(folder, 0o755);
  expect(found()).toEqual(['secret_readable: open', ...weak]);
  rmSync(folder, { recursive: true });
});

test('headers and cookies', () => {
  const good = {
    'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'set-cookie': 'a=b; HttpOnly; SameSite=Strict; Secure',
  };
  const found = (headers: Record<string, string>, secure = false) =>
    headerFindings('/', new Headers(headers), secure).map(({ rule, subject }) => `${rule}: ${subject}`);
  expect(found(good)).toEqual([]);
  expect(found(good, true)).toEqual(['header_missing: strict-transport-security on /']);
  expect(
    found({ ...good, 'content-security-policy': "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'" }),
  ).toHaveLength(1);
  expect(found({ ...good, 'x-powered-by': 'x', server: 'thing/1.2' })).toHaveLength(2);
  expect(found({ ...good, 'set-cookie': 'a=b; SameSite=Strict' })).toEqual(['cookie_weak: a on /']);
  expect(
    found(
      { ...good, 'set-cookie': 'a=b; HttpOnly; SameSite=Lax', 'strict-transport-security': 'max-age=31536000' },
      true,
    ),
  ).toEqual(['cookie_weak: a on /']);
});

test.each([
  ['127.0.0.1', true],
  ['localhost', true],
  ['[::1]', true],
  ['clinic-api', true],
  ['10.0.0.7', false],
  ['clinic.example', false],
  ['[fd00::1]', false],
])('%s is near: %s', (host, near) => expect(isNear(host)).toBe(near));

test('the report: worst first, exit code by severity, SARIF with a rule for each result', () => {
  const report = {
    checked: { findings: [{ rule: 'header_reveals', subject: 'x' } as const], unchecked: [] as string[] },
    vulnerabilities: [{ id: 'CVE-1', package: 'thing', severity: 'critical', fixable: true, scope: 'system' } as const],
  };
  expect(exitCode(report, 'high')).toBe(1);
  expect(exitCode({ ...report, vulnerabilities: [] }, 'high')).toBe(0);
  expect(exitCode({ ...report, vulnerabilities: [] }, 'low')).toBe(1);
  expect(exitCode({ checked: { findings: [], unchecked: ['TLS: x'] }, vulnerabilities: [] }, 'low')).toBe(2);
  expect(asTable(report).split('\n')[0]).toMatch(/^CRITICAL A known vulnerability: CVE-1 in thing/);
  const [run] = JSON.parse(asSarif(report)).runs;
  expect(run.results.map(({ ruleId, level }: { ruleId: string; level: string }) => [ruleId, level])).toEqual([
    ['vulnerability', 'error'],
    ['header_reveals', 'note'],
  ]);
  expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(['vulnerability', 'header_reveals']);
});
