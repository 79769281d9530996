import { expect, test } from 'vitest';
import { createSchedule } from '../schedule.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createCheck, type Finding, type Probe } from './check.ts';

const HEALTHY: Finding = { state: 'healthy', message: 'Well.' };
const timing = { deadline: 10_000, freshFor: 90_000 };

test('a probe that hangs is down within one interval, and delays no other', async () => {
  const clock = virtualClock(0);
  const schedule = createSchedule({ clock, memory: { last: () => undefined, remember: () => {} }, failed: () => {} });
  let hangs = 0;
  let aborted = 0;
  const hanging: Probe = (signal) => {
    hangs++;
    signal.addEventListener('abort', () => aborted++);
    return new Promise(() => {});
  };
  const database = createCheck({ name: 'database', probe: hanging, clock, ...timing });
  const email = createCheck({ name: 'email', probe: async () => HEALTHY, clock, ...timing });
  for (const check of [database, email]) schedule.add({ name: check.name, every: 30_000, run: () => check.run() });
  await clock.advance(41_000);
  expect(database.current()).toMatchObject({ state: 'down', message: 'No answer within 10 s.', latencyMs: 10_000 });
  expect(email.current()).toMatchObject({ state: 'healthy', checkedAt: 30_000 });
  expect(aborted).toBe(1);
  await clock.advance(10 * 60_000);
  // Not one more beside the one that hangs.
  expect(hangs).toBe(1);
  expect(database.current()).toMatchObject({ state: 'down', message: 'The probe before still hangs.' });
  expect(email.current()).toMatchObject({ state: 'healthy', checkedAt: 630_000 });
});

test('before the first answer, and without a fresh one, the state is unknown', async () => {
  const clock = virtualClock(0);
  const check = createCheck({ name: 'email', probe: async () => HEALTHY, clock, ...timing });
  expect(check.current()).toMatchObject({ state: 'unknown', checkedAt: null, latencyMs: null });
  await check.run();
  expect(check.current()).toMatchObject({ state: 'healthy' });
  await clock.advance(90_001);
  expect(check.current()).toMatchObject({ state: 'unknown', message: 'Not checked for too long.' });
});

test('what a probe throws is down, and nothing of its message is told', async () => {
  const clock = virtualClock(0);
  const failures: Error[] = [
    new Error('password of Mary is wrong'),
    Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
  ];
  const check = createCheck({ name: 'email', probe: () => Promise.reject(failures.shift()), clock, ...timing });
  await check.run();
  expect(check.current()).toMatchObject({ state: 'down', message: 'It does not answer (Error).' });
  await check.run();
  expect(check.current()).toMatchObject({ state: 'down', message: 'It does not answer (ECONNREFUSED).' });
});

test('one that comes and goes is degraded while it answers, until it has stayed', async () => {
  const clock = virtualClock(0);
  const answers = ['healthy', 'down', 'healthy', 'down', 'healthy'] as const;
  const changes: string[] = [];
  let asked = 0;
  const check = createCheck({
    name: 'tempo',
    probe: async () => ({ state: answers[asked++] ?? 'healthy', message: 'Said so.' }),
    clock,
    ...timing,
    changed: ({ state }) => changes.push(state),
  });
  for (let round = 0; round < 5; round++) await check.run();
  expect(check.current()).toMatchObject({ state: 'degraded', flapping: true });
  expect(changes).toEqual(['down', 'healthy', 'down', 'healthy']);
  for (let round = 0; round < 10; round++) await check.run();
  expect(check.current()).toMatchObject({ state: 'healthy', flapping: false });
});
