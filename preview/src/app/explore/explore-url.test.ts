import { expect, test } from 'vitest';
import { exploreUrl, readExploreUrl } from './explore-url.ts';

test.each([
  { kind: 'prometheus', query: 'rate(up{a="b&c"}[5m]) + 1', from: 'now-6h', to: 'now' },
  { kind: 'tempo', query: '{ duration > 1s }', from: '1750000000000', to: '1750003600000' },
] as const)('$kind: what is written is read again', (state) => {
  expect(readExploreUrl(new URL(exploreUrl(state), 'http://x').search)).toEqual(state);
});

test('an address that Grafana writes, and one that is broken', () => {
  const panes = { xyz: { datasource: 'tempo', queries: [{ refId: 'A', query: 'abc', queryType: 'traceql' }] } };
  const search = `?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify(panes))}&orgId=1`;
  expect(readExploreUrl(search)).toMatchObject({ kind: 'tempo', query: 'abc', from: 'now-1h' });
  expect(readExploreUrl('?panes={')).toMatchObject({ kind: 'prometheus', query: '' });
});
