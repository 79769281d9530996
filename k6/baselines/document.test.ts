import { API_BASELINES, LOAD_BASELINES, PAGE_BASELINES, SQL_BASELINES } from '@clinic/catalogue/baselines';
import { expect, test } from 'vitest';
import type { LoadResult } from '../result.ts';
import type { Sample } from '../samples.ts';
import { document, kept, LOAD_ROWS, type Measured, type Row } from './document.ts';
import { apiRows, loadRows } from './measure.ts';

const row = (more: Partial<Row> = {}): Row => ({
  ...{ kind: 'api', name: 'GET /api/clients', unit: 'ms', limit: 300, n: 40, value: 120, p50: 60 },
  interval: { low: 100, high: 140 },
  ...more,
});
const measured: Measured = {
  at: '2026-01-31T10:00:00.000Z',
  machine: { processor: 'One', cores: 4, memoryGb: 8, node: 'v24.0.0', commit: 'abc' },
  ...{ browser: 'Chromium 1', clients: 2000, users: 100, timeScale: 1, busyBefore: 0.1, rows: [row()] },
};

test('a value at its limit is not below it', () => {
  expect(kept({ value: 299.9, limit: 300 })).toBe(true);
  expect(kept({ value: 300, limit: 300 })).toBe(false);
  // Nothing was measured.
  expect(kept({ value: Number.NaN, limit: 300 })).toBe(false);
});

test('the document says n, spread, machine, commit, date and when it expires', () => {
  const text = document(measured);
  for (const part of [
    '| 40 |',
    '100 ms and 140 ms',
    'One, 4 cores',
    '| abc |',
    '2026-01-31',
    '2026-05-01',
    '**1 of 1 kept**',
  ]) {
    expect(text).toContain(part);
  }
});

test('it does not hide what was missed, who else kept the machine busy, or that users are lacking', () => {
  const text = document({ ...measured, busyBefore: 1.8, users: 60, rows: [row({ value: 301 })] });
  expect(text).toContain('**0 of 1 kept**');
  expect(text).toContain('**missed**');
  expect(text).toContain('a load of 1.8 per core');
  expect(text).toContain('Only 60 users');
});

test('every baseline of the API has its step, and only good answers are timed', () => {
  const sample = (step: Sample['step'], ms: number, good = true): Sample => ({
    ...{ at: 1, step, ms, status: 200, good, bytes: 1, trace: '', users: 1 },
  });
  const steps = [
    'list_clients',
    'open_chart',
    'create_appointment',
    'list_appointments',
    'write_note',
    'open_note',
  ] as const;
  const rows = apiRows(steps.flatMap((step) => [sample(step, 20), sample(step, 1, false)]));
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(API_BASELINES));
  expect(rows.map(({ n, value }) => [n, value])).toEqual(rows.map(() => [1, 20]));
});

test('shares are of what there is', () => {
  const of = (name: 'cpu' | 'memory' | 'connections', limit: number, p95: number, max: number) =>
    ({ ...{ name, title: name, unit: 'share', limit, mean: 0, p95, max, curve: [[1, max]] } }) as const;
  const rows = loadRows({
    requests: 200,
    failed: 1,
    resources: [of('cpu', 4, 1, 2), of('memory', 100, 50, 60), of('connections', 10, 3, 9)],
  } as unknown as LoadResult);
  expect(rows.map(({ name, value }) => [name, value])).toEqual([
    ['failures', 0.005],
    ['connections', 0.3],
    ['memory', 0.6],
    ['cpu', 0.5],
  ]);
  expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(LOAD_ROWS).sort());
  expect(Object.keys(LOAD_ROWS).sort()).toEqual(Object.keys(LOAD_BASELINES).sort());
});

test('the baselines are those that were asked for', () => {
  expect({ API_BASELINES, PAGE_BASELINES, SQL_BASELINES, LOAD_BASELINES }).toMatchInlineSnapshot(`
    {
      "API_BASELINES": {
        "GET /api/appointments": 300,
        "GET /api/clients": 300,
        "GET /api/clients/:id": 500,
        "GET /api/clinical-notes/:id": 400,
        "POST /api/appointments": 400,
        "POST /api/clinical-notes": 600,
      },
      "LOAD_BASELINES": {
        "connections": 0.8,
        "cpu": 0.6,
        "failures": 0.05,
        "memory": 0.7,
      },
      "PAGE_BASELINES": {
        "/": 2000,
        "/clients": 2000,
        "/clients/:id": 2500,
        "/notes": 2000,
        "/schedule": 2000,
      },
      "SQL_BASELINES": {
        "aggregate": 150,
        "indexed_select": 50,
        "join": 100,
        "joins": 200,
      },
    }
  `);
});
