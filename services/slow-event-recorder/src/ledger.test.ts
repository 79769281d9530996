import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MAX_METRICS, WINDOW_MS } from '@clinic/catalogue/limits';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ledger, RETENTION_MS } from './ledger.ts';
import type { SlowEvent } from './otlp-logs.ts';

const REPLICA = 'prometheus:9090';
const START = 1_700_000_000_000;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  file = join(folder, 'slow-events.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true }));

function event(time: number | null = null, metric = 'api_call'): SlowEvent {
  const uid = randomBytes(16).toString('hex');
  return { uid, metric, durationMs: 1500, route: 'unknown', traceId: null, service: null, time };
}

/** A ledger in memory whose clock stands where `clock.now` says. */
function ledgerWithClock(now = START) {
  const clock = { now };
  const ledger = new Ledger({ file: ':memory:', now: () => clock.now });
  ledger.cursor(REPLICA);
  const times = () => ledger.pointsAfter(0, REPLICA, 1_000_000).map(({ sampleAt }) => sampleAt);
  return { clock, ledger, times };
}

/** Repeatable: the same numbers between 0 and 1 for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('points', () => {
  test('two events of one millisecond get a millisecond each, of two metrics the same', () => {
    const { ledger, times } = ledgerWithClock();
    ledger.record([event(), event(), event(null, 'render')]);
    expect(times()).toEqual([START, START + 1, START]);
  });

  test('an event from the future is of now', () => {
    const { ledger, times } = ledgerWithClock();
    ledger.record([event(START + 7_200_000)]);
    expect(times()).toEqual([START]);
  });

  test('an event is expired when it is as old as the window, and not a millisecond before', () => {
    const { ledger, times } = ledgerWithClock();
    const { unsampled, stored } = ledger.record([event(START - WINDOW_MS), event(START - WINDOW_MS + 1)]);
    expect({ stored, unsampled }).toEqual({ stored: 2, unsampled: { burst: 0, expired: 1 } });
    expect(times()).toEqual([START - WINDOW_MS + 1]);
  });

  test.each([
    ['back', -7_200_000],
    ['forward', 7_200_000],
  ])('a clock that jumps %s and returns loses no event and repeats no millisecond', (_direction, jump) => {
    const { clock, ledger, times } = ledgerWithClock();
    for (const now of [START, START + jump, START, START + jump, START]) {
      clock.now = now;
      expect(ledger.record([event(), event()]).stored).toBe(2);
    }
    expect(new Set(times()).size).toBe(10);
    expect(times()).toHaveLength(10);
  });
});

describe('the load guard', () => {
  /** Events arrive late or at once, alone or in bursts; the page is looked at after each arrival. */
  test.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'hides no page and invents none, random sequence %d',
    (seed) => {
      const next = random(seed + 1);
      const { clock, ledger, times } = ledgerWithClock();
      const events: number[] = [];
      const pace = [50, 2_000, 120_000, 900_000][seed % 4] as number;
      const lateness = [0, 15_000, 600_000][seed % 3] as number;
      for (let arrival = 0; arrival < 120; arrival++) {
        clock.now += Math.floor(next() * pace);
        const burst = next() < 0.1 ? Math.ceil(next() * 30) : 1;
        const time = clock.now - Math.floor(next() * next() * lateness);
        ledger.record(Array.from({ length: burst }, () => event(time)));
        for (let copy = 0; copy < burst; copy++) events.push(time);

        const samples = times();
        const moment = clock.now + 50; // points of one millisecond are moved apart
        const within = (list: readonly number[], from: number) =>
          list.filter((at) => at > moment - WINDOW_MS + from && at <= moment).length;
        if (within(events, 10_000) > 5) expect(within(samples, 0)).toBeGreaterThan(5);
        expect(within(samples, 0)).toBeLessThanOrEqual(within(events, -50));
        expect(samples.length).toBeLessThanOrEqual(events.length);
      }
    },
  );

  test('lets ten points of a burst through, and then about one a second', () => {
    const { clock, ledger, times } = ledgerWithClock();
    for (let second = 0; second < 60; second++) {
      ledger.record(Array.from({ length: 20 }, () => event()));
      clock.now += 1000;
    }
    expect(times().filter((at) => at < START + 1000)).toHaveLength(10);
    expect(times().length).toBeGreaterThan(30);
    expect(times().length).toBeLessThanOrEqual(70);
  });

  test('does not take refused points for neighbours', () => {
    const { ledger, times } = ledgerWithClock();
    ledger.record(Array.from({ length: 10 }, () => event()));
    const seqs = ledger.pointsAfter(0, REPLICA, 10).map(({ seq }) => seq);
    ledger.settle(REPLICA, seqs.at(-1) as number, seqs);
    ledger.record(Array.from({ length: 6 }, () => event()));
    expect(times()).toEqual([10, 11, 12, 13, 14, 15].map((later) => START + later));
    expect(ledger.newest({ since: 0, limit: 100 }).filter(({ counted }) => counted === 1)).toHaveLength(6);
  });
});

describe('metrics', () => {
  test('one name more than fits is recorded as other, also after a restart', () => {
    const first = new Ledger({ file });
    const room = MAX_METRICS - first.totals.size;
    first.record(Array.from({ length: room - 1 }, (_, index) => event(null, `name_${index}`)));
    first.close();
    const second = new Ledger({ file });
    second.record([event(null, 'fits'), event(null, 'name_0'), event(null, 'too_many'), event(null, 'far_too_many')]);
    expect(second.totals.size).toBe(MAX_METRICS);
    expect(['fits', 'name_0', 'other'].map((name) => second.totals.get(name))).toEqual([1, 2, 2]);
    second.close();
  });

  test('every known metric has a total, a number of points and a window of 0 from the start', () => {
    const { ledger } = ledgerWithClock();
    for (const counts of [ledger.totals, ledger.samples()]) expect(counts.get('sign_in')).toBe(0);
    expect(ledger.window().get('sign_in')).toEqual({ count: 0, oldest: null });
  });
});

describe('retention', () => {
  test('deletes rows past it, in steps, gives the space back, and keeps the totals', () => {
    let now = START;
    const ledger = new Ledger({ file, now: () => now });
    for (let batch = 0; batch < 4; batch++) ledger.record(Array.from({ length: 1000 }, () => event()));
    const size = () => {
      const database = new DatabaseSync(file);
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      database.close();
      return statSync(file).size;
    };
    const full = size();
    now += RETENTION_MS;
    expect(ledger.prune()).toBe(false);
    expect(ledger.newest({ since: 0, limit: 1 })).toHaveLength(1);
    now += 1;
    let steps = 1;
    while (ledger.prune()) steps++;
    expect(steps).toBeGreaterThan(4);
    expect(ledger.newest({ since: 0, limit: 1 })).toHaveLength(0);
    expect(size()).toBeLessThan(full / 4);
    expect(ledger.totals.get('api_call')).toBe(4000);
    ledger.close();
  });

  test('a seq is never used again', () => {
    const { clock, ledger } = ledgerWithClock();
    ledger.record([event(), event()]);
    clock.now += RETENTION_MS + 1;
    ledger.prune();
    ledger.record([event()]);
    expect(ledger.pointsAfter(0, REPLICA, 10).map(({ seq }) => seq)).toEqual([3]);
  });
});

describe('storage', () => {
  test('a locked database keeps nothing of the batch, and health shows it until a write succeeds', () => {
    const ledger = new Ledger({ file });
    ledger.cursor(REPLICA);
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    expect(() => ledger.record([event(), event()])).toThrow(/locked/);
    expect(ledger.healthy).toBe(false);
    other.exec('ROLLBACK');
    other.close();
    expect(ledger.totals.get('api_call')).toBe(0);
    ledger.prune();
    expect(ledger.healthy).toBe(true);
    expect(ledger.record([event()]).stored).toBe(1);
    ledger.close();
  });

  test('a file that is no database, or in no folder, is refused with the name of its key', () => {
    writeFileSync(file, 'This is a text and not a database. '.repeat(100));
    for (let time = 0; time < 2; time++) expect(() => new Ledger({ file })).toThrow(/DATABASE_FILE: .* not a database/);
    expect(() => new Ledger({ file: join(folder, 'missing', 'file') })).toThrow(/DATABASE_FILE: .* folder that exists/);
  });

  test('a replica that is new begins with the window, and what it refused is not offered again', () => {
    const { clock, ledger } = ledgerWithClock();
    ledger.record([event()]);
    clock.now += WINDOW_MS;
    ledger.record([event(), event()]);
    const cursor = ledger.cursor('second:9090');
    expect(ledger.pointsAfter(cursor, 'second:9090', 10).map(({ seq }) => seq)).toEqual([2, 3]);
    ledger.settle('second:9090', 3, [2]);
    expect(ledger.pointsAfter(cursor, 'second:9090', 10).map(({ seq }) => seq)).toEqual([3]);
    expect(ledger.accepted('second:9090', 3, clock.now + 10).get('api_call')).toBe(1);
    expect(ledger.accepted(REPLICA, 3, clock.now + 10).get('api_call')).toBe(2);
  });
});
