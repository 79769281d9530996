import { expect, test } from 'vitest';
import { RouteTable } from './routes.ts';

const table = new RouteTable({
  pages: ['/', '/clients/:id'],
  api: ['/api/clients/:id', '/api/clients/new', '/api/clients/:id/notes/:note'],
  other: ['/telemetry'],
});

test.each([
  ['/', '/'],
  ['/?q=canary', '/'],
  ['/clients/42?x=/a/b', '/clients/:id'],
  ['/Clients/42/', '/clients/:id'],
  ['/api/clients/new', '/api/clients/new'],
  ['/api/clients/new/notes/7', '/api/clients/:id/notes/:note'],
  ['/clients', 'unknown'],
  ['/clients//', 'unknown'],
  ['/clients/42/canary', 'unknown'],
  ['/canary', 'unknown'],
])('%s is %s', (url, template) => {
  expect(table.find(url).template).toBe(template);
});

test('a route knows its kind', () => {
  expect(['/clients/1', '/api/clients/1', '/telemetry', '/x'].map((url) => table.find(url).kind)).toEqual([
    'page',
    'api',
    'other',
    'other',
  ]);
});

test('templates that cannot be matched, or are declared twice, are refused', () => {
  expect(() => new RouteTable({ pages: ['/a*'], api: [] })).toThrow(/not supported/);
  expect(() => new RouteTable({ pages: ['/a/:id'], api: ['/a/:name'] })).toThrow(/same route/);
});
