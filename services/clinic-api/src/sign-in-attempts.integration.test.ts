import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as attempts from './sign-in-attempts.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

let clinic: TestClinic;
let prepared: Prepared;
beforeAll(async () => {
  clinic = await testClinic();
  prepared = await clinic.prepare('clinic', { clients: 0 });
}, 60_000);
afterAll(() => clinic?.close());

const hash = (text: string) => createHash('sha256').update(text).digest();
const from = (account: string, source: string) => ({ account: hash(account), source: hash(source) });

/** One wrong password: `refused` when it was not even looked at, `locks` when it was one too many. */
const fail = (attempt: attempts.Attempt) =>
  prepared.app.pooled(async (query) => {
    if (await attempts.lockedAlone(query, attempt)) return 'refused';
    return (await attempts.failed(query, attempt)) ? 'locks' : 'counted';
  });
const succeed = (attempt: attempts.Attempt) =>
  prepared.app.pooled(async (query) => {
    expect(await attempts.lockedAlone(query, attempt)).toBe(false);
    await attempts.succeeded(query, attempt);
  });
const isLocked = (attempt: attempts.Attempt) => attempts.locked(prepared.app.query, attempt);
/** As if so much time had passed. */
const pass = (interval: string) =>
  prepared.owner.query(
    'UPDATE sign_in_attempts SET failed_at = failed_at - $1::interval, succeeded_at = succeeded_at - $1::interval',
    [interval],
  );

test('five failures lock, first for a minute, then twice as long each time, never longer than a quarter of an hour', async () => {
  const attempt = from('growing', 'a');
  const outcomes = [];
  for (let failure = 0; failure < 5; failure++) outcomes.push(await fail(attempt));
  expect(outcomes).toEqual(['counted', 'counted', 'counted', 'counted', 'locks']);
  for (const minutes of [1, 2, 4, 8, 15, 15, 15]) {
    expect(await fail(attempt)).toBe('refused');
    await pass(`${minutes * 60 - 5} seconds`);
    expect([minutes, await isLocked(attempt)]).toEqual([minutes, true]);
    await pass('6 seconds');
    expect([minutes, await isLocked(attempt)]).toEqual([minutes, false]);
    expect(await fail(attempt)).toBe('locks');
  }
});

test('attempts during a lock do not make it longer', async () => {
  const attempt = from('patient', 'a');
  for (let failure = 0; failure < 5; failure++) await fail(attempt);
  await pass('50 seconds');
  for (let more = 0; more < 10; more++) expect(await fail(attempt)).toBe('refused');
  await pass('11 seconds');
  await succeed(attempt);
});

test('of fifty guesses at the same moment five are judged', async () => {
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => fail(from('burst', 'a'))));
  expect(outcomes.filter((outcome) => outcome !== 'refused').sort()).toEqual([...Array(4).fill('counted'), 'locks']);
});

test('a lock is for the source that failed: others still get in', async () => {
  for (let failure = 0; failure < 5; failure++) await fail(from('two places', 'attacker'));
  expect(await isLocked(from('two places', 'attacker'))).toBe(true);
  await succeed(from('two places', 'desk'));
  expect(await isLocked(from('another account', 'attacker'))).toBe(false);
});

test('guesses from everywhere lock the account, but not for where it signed in before', async () => {
  await succeed(from('besieged', 'desk'));
  const outcomes = [];
  for (let source = 0; source < 21; source++) outcomes.push(await fail(from('besieged', `attacker ${source}`)));
  expect(outcomes).toEqual([...Array(19).fill('counted'), 'locks', 'refused']);
  expect(await isLocked(from('besieged', 'new place'))).toBe(true);
  expect(await isLocked(from('besieged', 'desk'))).toBe(false);
  await succeed(from('besieged', 'desk'));
  expect(await isLocked(from('besieged', 'new place'))).toBe(true);
  await pass('16 minutes');
  expect(await isLocked(from('besieged', 'new place'))).toBe(false);
  await pass('31 days');
  for (let source = 0; source < 20; source++) await fail(from('besieged', `attacker ${source}`));
  expect(await isLocked(from('besieged', 'desk'))).toBe(true);
});

test('a sign-in forgives the failures before it, here and in the sum', async () => {
  const attempt = from('clumsy', 'desk');
  for (let day = 0; day < 12; day++) {
    for (let failure = 0; failure < 4; failure++) expect(await fail(attempt)).toBe('counted');
    await succeed(attempt);
  }
  expect(await isLocked(from('clumsy', 'new place'))).toBe(false);
});

test('failures are forgotten after a day, and so are those of accounts that nobody has', async () => {
  const attempt = from('nobody', 'a');
  for (let failure = 0; failure < 5; failure++) await fail(attempt);
  await pass('25 hours');
  expect(await fail(attempt)).toBe('counted');
  await pass('25 hours');
  await fail(from('somebody else', 'a'));
  expect(await prepared.owner.query('SELECT FROM sign_in_attempts WHERE account = $1', [attempt.account])).toEqual([]);
});

test('an administrator lets an account in again', async () => {
  const attempt = from('forgiven', 'a');
  for (let failure = 0; failure < 5; failure++) await fail(attempt);
  const among = () => attempts.lockedAmong(prepared.app.query, [attempt.account, hash('two')]);
  expect(await among()).toEqual(new Set([attempt.account.toString('hex')]));
  await prepared.app.pooled((query) => attempts.unlock(query, attempt.account));
  expect(await among()).toEqual(new Set());
  expect(await isLocked(attempt)).toBe(false);
});
