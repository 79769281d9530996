import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Ledger } from './ledger.ts';
import { Outbox } from './outbox.ts';
import type { Answer } from './prometheus.ts';

const REPLICA = 'prometheus:9090';
let ledger: Ledger;

beforeEach(() => {
  vi.useFakeTimers();
  ledger = new Ledger({ file: ':memory:' });
});
afterEach(() => vi.useRealTimers());

function record(count: number): void {
  ledger.record(
    Array.from({ length: count }, (_, index) => ({
      uid: randomBytes(16).toString('hex'),
      metric: 'api_call',
      durationMs: 1001 + index,
      route: 'unknown',
      traceId: null,
      service: null,
      time: null,
    })),
  );
}

/** An outbox whose Prometheus answers these, one after the other, and then always 200. */
function outboxAnswered(answers: Answer[]) {
  const bodies: string[] = [];
  const times: number[] = [];
  const refused = vi.fn();
  const storageError = vi.fn();
  const start = Date.now();
  const outbox = new Outbox({
    ledger,
    replica: REPLICA,
    onRefused: refused,
    onStorageError: storageError,
    write: async (body) => {
      bodies.push(body);
      times.push(Date.now() - start);
      return answers.shift() ?? { status: 200 };
    },
  });
  return { outbox, bodies, times, refused, storageError };
}

test('sends a new point at once and settles it', async () => {
  const { outbox, bodies } = outboxAnswered([]);
  record(1);
  outbox.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(bodies).toHaveLength(1);
  expect(ledger.cursor(REPLICA)).toBe(1);
  expect(outbox.backlog.depth).toBe(0);
});

test('repeats the same bytes, waiting 100 ms, doubling, up to 5 s, while new points wait behind', async () => {
  record(2);
  const { outbox, bodies, times } = outboxAnswered([0, 500, 503, 429, 401, 404, 0, 0, 0].map((status) => ({ status })));
  await vi.advanceTimersByTimeAsync(50);
  record(1);
  outbox.wake();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(times.slice(0, 10)).toEqual([0, 100, 300, 700, 1500, 3100, 6300, 11_300, 16_300, 21_300]);
  expect(new Set(bodies.slice(0, 10)).size).toBe(1);
  expect(bodies).toHaveLength(11);
  expect(ledger.cursor(REPLICA)).toBe(3);
});

test('waits as long as Retry-After says, and at most 30 s', async () => {
  record(1);
  const { times } = outboxAnswered([
    { status: 503, retryAfter: 2000 },
    { status: 429, retryAfter: 3_600_000 },
  ]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(times).toEqual([0, 2000, 32_000]);
});

test('a point is refused only when it stands alone', async () => {
  record(3);
  const { outbox, bodies, refused } = outboxAnswered([400, 400, 200, 200].map((status) => ({ status })));
  await vi.advanceTimersByTimeAsync(0);
  // 1001+1002+1003: refused; 1001 alone: refused for good; 1002+1003: accepted.
  expect(bodies.map((body) => [...body.matchAll(/"asDouble":(\d+)/g)].map(([, value]) => value))).toEqual([
    ['1001', '1002', '1003'],
    ['1001'],
    ['1002', '1003'],
  ]);
  expect(refused).toHaveBeenCalledTimes(1);
  expect(outbox.backlog.depth).toBe(0);
});

test('a refill during a request sends everything again once that is settled', async () => {
  record(3);
  const { outbox, bodies } = outboxAnswered([{ status: 503 }]);
  await vi.advanceTimersByTimeAsync(10);
  outbox.rewind(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies).size).toBe(1);
  expect(ledger.cursor(REPLICA)).toBe(3);
});

test('a database that refuses the cursor does not hold points back, and nothing is sent twice', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outbox-'));
  const file = join(folder, 'slow-events.sqlite');
  ledger = new Ledger({ file });
  const { outbox, bodies, storageError } = outboxAnswered([]);
  record(1);
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  outbox.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(storageError).toHaveBeenCalledTimes(1);
  expect(ledger.cursor(REPLICA)).toBe(0);
  other.exec('ROLLBACK');
  other.close();
  record(1);
  outbox.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(bodies).toHaveLength(2);
  expect(new Set(bodies).size).toBe(2);
  expect(ledger.cursor(REPLICA)).toBe(2);
  ledger.close();
  rmSync(folder, { recursive: true });
});

test('stopping tries once more, without waiting', async () => {
  record(1);
  const { outbox, bodies } = outboxAnswered([0, 0, 0, 0].map((status) => ({ status })));
  await vi.advanceTimersByTimeAsync(110);
  expect(bodies).toHaveLength(2);
  await outbox.stop(2000);
  expect(bodies).toHaveLength(3);
});

test('stopping gives up a request that hangs', async () => {
  record(1);
  const outbox = new Outbox({
    ledger,
    replica: REPLICA,
    write: (_body, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({ status: 0 }))),
  });
  const stopped = outbox.stop(2000);
  await vi.advanceTimersByTimeAsync(2000);
  await stopped;
  expect(ledger.cursor(REPLICA)).toBe(0);
});
