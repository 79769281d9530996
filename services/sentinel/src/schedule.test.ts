import { RHYTHM } from '@clinic/catalogue/recovery';
import { expect, test } from 'vitest';
import { createSchedule } from './schedule.ts';
import { virtualClock } from './testing/virtual-clock.ts';

const DAY = 86_400_000;
const forgetful = { last: () => undefined, remember: () => {} };

/** Runs every job of the catalogue for a day and returns the due times of each. */
async function aDay(start: number, timeZone?: string): Promise<Map<string, number[]>> {
  const before = process.env.TZ;
  if (timeZone) process.env.TZ = timeZone;
  try {
    const clock = virtualClock(start);
    const seen = new Map<string, number[]>();
    const schedule = createSchedule({
      clock,
      memory: forgetful,
      failed: (job, error) => expect.unreachable(`${job}: ${error}`),
    });
    for (const [name, rhythm] of Object.entries(RHYTHM)) {
      seen.set(name, []);
      schedule.add({ name, ...rhythm, run: async (due) => void seen.get(name)!.push(due) });
    }
    await clock.advance(DAY);
    await schedule.close();
    return seen;
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}

test.each([
  ['an ordinary day', '2026-06-01T00:00:00.500Z', 'UTC'],
  ['the day on which New York loses an hour', '2026-03-08T04:59:59.500Z', 'America/New_York'],
  ['the day on which New York gains an hour', '2026-11-01T03:59:59.500Z', 'America/New_York'],
  ['the day on which Lord Howe moves by half an hour', '2026-04-04T12:59:59.500Z', 'Australia/Lord_Howe'],
])(
  '%s: nothing is skipped, nothing is doubled',
  async (_day, start, timeZone) => {
    const begin = Date.parse(start);
    const seen = await aDay(begin, timeZone);
    for (const [name, { every, offset }] of Object.entries(RHYTHM)) {
      const due = seen.get(name)!;
      const first = (Math.floor((begin - offset) / every) + 1) * every + offset;
      const expected = Array.from(
        { length: Math.floor((begin + DAY - first) / every) + 1 },
        (_, index) => first + index * every,
      );
      expect(due, name).toEqual(expected);
    }
    expect(seen.get('health')).toHaveLength(2880);
    expect(seen.get('base')).toHaveLength(1);
  },
  60_000,
);

test('a job that takes longer than its interval never runs twice at a time, and then runs for the newest due time', async () => {
  const clock = virtualClock(0);
  const schedule = createSchedule({ clock, memory: forgetful, failed: () => {} });
  const runs: number[] = [];
  let running = 0;
  schedule.add({
    name: 'slow',
    every: 10,
    run: async (due) => {
      running++;
      expect(running).toBe(1);
      runs.push(due);
      await new Promise<void>((resolve) => clock.after(35, resolve));
      running--;
    },
  });
  await clock.advance(100);
  // The run of 10 ends at 45, the one after it at 80.
  expect(runs).toEqual([10, 40, 80]);
});

test('one that fails is told of, and runs again; the others go on', async () => {
  const clock = virtualClock(0);
  const failures: string[] = [];
  const schedule = createSchedule({ clock, memory: forgetful, failed: (job) => failures.push(job) });
  let others = 0;
  schedule.add({ name: 'bad', every: 10, run: () => Promise.reject(new Error('no')) });
  schedule.add({
    name: 'good',
    every: 10,
    run: async () => {
      others++;
    },
  });
  await clock.advance(50);
  expect(failures).toHaveLength(5);
  expect(others).toBe(5);
});

test('what was due while sentinel was stopped is made good once, if it is a job that catches up', async () => {
  const remembered = new Map([['nightly', 2 * DAY]]);
  const memory = {
    last: (job: string) => remembered.get(job),
    remember: (job: string, due: number) => void remembered.set(job, due),
  };
  const clock = virtualClock(5 * DAY + 1000);
  const schedule = createSchedule({ clock, memory, failed: () => {} });
  const runs: Record<string, number[]> = { nightly: [], often: [] };
  schedule.add({ name: 'nightly', every: DAY, catchUp: true, run: async (due) => void runs.nightly!.push(due) });
  schedule.add({ name: 'often', every: DAY, run: async (due) => void runs.often!.push(due) });
  await clock.advance(DAY);
  expect(runs).toEqual({ nightly: [5 * DAY, 6 * DAY], often: [6 * DAY] });
  expect(remembered.get('nightly')).toBe(6 * DAY);
});

test('a clock that is put back an hour silences nothing', async () => {
  const clock = virtualClock(10 * DAY);
  const schedule = createSchedule({ clock, memory: forgetful, failed: () => {} });
  let runs = 0;
  schedule.add({
    name: 'health',
    every: 30_000,
    run: async () => {
      runs++;
    },
  });
  await clock.advance(60_000);
  expect(runs).toBe(2);
  clock.putBack(3_600_000);
  await clock.advance(120_000);
  expect(runs).toBeGreaterThanOrEqual(4);
});

test('a timer that fires a millisecond early doubles nothing', async () => {
  const clock = virtualClock(0);
  const hasty = {
    now: clock.now,
    after: (ms: number, run: () => void) => clock.after(Math.max(0, ms > 1 ? ms - 1 : ms), run),
  };
  const schedule = createSchedule({ clock: hasty, memory: forgetful, failed: () => {} });
  const runs: number[] = [];
  schedule.add({ name: 'health', every: 10, run: async (due) => void runs.push(due) });
  await clock.advance(30);
  expect(runs).toEqual([10, 20, 30]);
});
