import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { AuditUnavailable, audit, exceptionsOf, problems } from '../supply-chain/audit.ts';

const ROOT = resolve(import.meta.dirname, '..');

test('no exception of audit-exceptions.json has ended', () => {
  const today = new Date().toISOString().slice(0, 10);
  expect(exceptionsOf(ROOT).filter(({ expires }) => expires < today)).toEqual([]);
});

test('nothing is known against any package', async ({ skip }) => {
  const advisories = await audit(ROOT).catch((error: unknown) => {
    if (!(error instanceof AuditUnavailable)) throw error;
    const reason = `The registry's list of vulnerabilities cannot be asked from here: ${error.message}`;
    console.warn(`npm audit was skipped. ${reason}`);
    return skip(reason);
  });
  expect(problems(advisories, exceptionsOf(ROOT), new Date().toISOString().slice(0, 10))).toEqual([]);
}, 90_000);
