import { expect, test } from 'vitest';
import { judge } from './allow-list.ts';

test.each([
  ['prometheus', 'GET', '/api/v1/query', 'query=up&time=1'],
  ['prometheus', 'POST', '/api/v1/query_range', ''],
  ['prometheus', 'GET', '/api/v1/label/http_route/values', 'match[]=up&start=1&end=2'],
  ['prometheus', 'GET', '/api/v1/rules', 'type=alert'],
  ['tempo', 'GET', '/api/traces/0af7651916cd43dd8448eb211c80319c', ''],
  ['tempo', 'GET', '/api/search', 'q={}&limit=5'],
] as const)('%s %s %s?%s goes on', (upstream, method, path, query) => {
  expect(judge(upstream, method, path, query)).toMatchObject({ kind: 'allowed', path });
});

test.each([
  ['prometheus', 'POST', '/api/v1/admin/tsdb/delete_series', 'unknown-path'],
  ['prometheus', 'GET', '/api/v1/status/config', 'unknown-path'],
  ['prometheus', 'POST', '/api/v1/otlp/v1/metrics', 'unknown-path'],
  ['prometheus', 'GET', '/api/v1/query/../admin', 'unknown-path'],
  ['prometheus', 'GET', '/api/v1/label/a%2Fb/values', 'unknown-path'],
  ['prometheus', 'POST', '/-/quit', 'unknown-path'],
  ['prometheus', 'DELETE', '/api/v1/query', 'method'],
  ['prometheus', 'POST', '/api/v1/rules', 'method'],
  ['tempo', 'POST', '/api/search', 'method'],
  ['tempo', 'GET', '/api/traces/..', 'unknown-path'],
  ['tempo', 'GET', '/flush', 'unknown-path'],
  // With a time range some versions of Tempo crash on it.
  ['tempo', 'GET', '/api/v2/search/tags', 'unknown-path'],
] as const)('%s %s %s does not: %s', (upstream, method, path, kind) => {
  expect(judge(upstream, method, path, '').kind).toBe(kind);
});

test('a parameter that is not named for the path stops the request', () => {
  expect(judge('prometheus', 'GET', '/api/v1/query', 'query=up&match[]=x')).toMatchObject({ kind: 'parameters' });
  expect(judge('prometheus', 'GET', '/api/v1/rules', 'query=up')).toMatchObject({ kind: 'parameters' });
});

test('what goes on is written anew, so that it holds nothing that was not looked at', () => {
  const verdict = judge('prometheus', 'GET', '/api/v1/query', 'query=up%0d%0aX: y#z');
  expect(verdict).toMatchObject({ kind: 'allowed', path: '/api/v1/query', query: 'query=up%0D%0AX%3A+y%23z' });
});
