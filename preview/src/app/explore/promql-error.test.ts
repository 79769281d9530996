import { expect, test } from 'vitest';
import { promqlError } from './promql-error.ts';

test('the place in a query of several lines', () => {
  const query = 'sum(\n  rate(up[5m)\n)';
  const error = promqlError('invalid parameter "query": 2:13: parse error: unexpected ")"', query);
  expect(error).toEqual({ message: 'parse error: unexpected ")"', at: { from: 17, to: 18 } });
});

test('a place behind the end is the end; no place is none', () => {
  expect(promqlError('1:99: parse error: x', 'up')).toEqual({ message: 'parse error: x', at: { from: 2, to: 2 } });
  expect(promqlError('Prometheus does not answer', 'up')).toEqual({ message: 'Prometheus does not answer' });
});
