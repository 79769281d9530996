import { expect, test } from 'vitest';
import { type Counters, compareBundles, compareCounters } from './counters.ts';

const CHART = 'SELECT id\n  FROM clients WHERE id = $1';
const counters = (calls: number, { rows = 30, blocks = 60, spans = 8, bytes = 5000 } = {}): Counters => ({
  statements: new Map([
    [CHART, { calls: 1, rows, blocks }],
    ['SELECT name FROM users WHERE id = $1', { calls: calls - 1, rows: 0, blocks: 0 }],
  ]),
  spans,
  bytes,
});
const judge = (head: Counters[], base: Counters[] = [counters(5), counters(5)]) =>
  compareCounters('GET /a', base, head);

test('the same passes, and so does less', () => {
  expect(judge([counters(5), counters(5)]).verdict).toBe('pass');
  expect(judge([counters(4, { rows: 3 }), counters(2)]).verdict).toBe('pass');
});

test('one more statement in one of the requests fails, and says which statement', () => {
  expect(judge([counters(5), counters(6)])).toMatchObject({
    verdict: 'fail',
    why: 'statements 5 → 5.5 (+10 %)',
    look: 'SELECT name FROM users WHERE id = $1',
  });
});

test.each([
  ['rows', { rows: 37 }, 'rows 30 → 37 (+23 %)', 'SELECT id FROM clients WHERE id = $1'],
  ['pages', { blocks: 80 }, 'pages 60 → 80 (+33 %)', 'SELECT id FROM clients WHERE id = $1'],
  ['spans', { spans: 10 }, 'spans 8 → 10 (+25 %)', undefined],
  ['bytes', { bytes: 6001 }, 'bytes 5000 → 6001 (+20 %)', undefined],
])('a fifth more %s fails', (_name, more, why, look) => {
  expect(judge([counters(5, more), counters(5, more)])).toMatchObject({ verdict: 'fail', why, look });
});

test.each([
  ['rows', { rows: 36 }],
  ['pages', { blocks: 67 }],
  ['bytes', { bytes: 6000 }],
])('up to a fifth more %s passes', (_name, more) => {
  expect(judge([counters(5, more), counters(5, more)]).verdict).toBe('pass');
});

test('pages whose files grew by over a fifth fail, by kind', () => {
  const checks = compareBundles({ js: 100_000, css: 5000 }, { js: 119_000, css: 6100 });
  expect(checks.map(({ subject, verdict }) => [subject, verdict])).toEqual([
    ['pages: js', 'pass'],
    ['pages: css', 'fail'],
  ]);
});
