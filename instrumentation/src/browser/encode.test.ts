import { API_PATH } from '@clinic/catalogue/api-path';
import { METRICS } from '@clinic/catalogue/limits';
import { API_ROUTES, PAGE_ROUTES } from '@clinic/catalogue/routes';
import { expect, test } from 'vitest';
import { batchReader } from '../node/browser-batch.ts';
import { encodeItems } from './encode.ts';
import type { WireItem } from './wire.ts';

const START = 1_790_000_000_000;
const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';
const read = batchReader({ pages: PAGE_ROUTES, api: API_ROUTES, metrics: METRICS });
const batchOf = (text: string) =>
  read(`{"v":2,"id":"${trace}","seq":3,"n":7,"t":${START},"at":${START},"drop":0,${text}}`)!;

const items: WireItem[] = [
  { k: 'm', t: START + 5, n: 'search', v: 12.345, p: '/clients' },
  { k: 'm', t: START - 5, n: 'LCP', v: 0, p: '/clients/:id', r: 'good' },
  { k: 'm', t: START, n: 'api_call', v: 1, p: '/clients', i: trace, j: span },
  { k: 'e', t: START, n: 'TypeError', p: 'unknown', f: [['0123456789abcdef', 1, 4711]] },
  { k: 'e', t: START, n: 'Error', p: '/clients', f: [] },
  {
    k: 'c',
    t: START,
    n: 'GET',
    v: 3,
    p: '/clients',
    a: '/api/clients',
    i: trace,
    j: span,
    u: span,
    c: 200,
    mute: false,
  },
  { k: 'c', t: START, n: '_OTHER', v: 0, p: '/notes', a: '/auth', i: trace, j: span, c: 0, mute: true },
  { k: 'l', t: START, v: 99, p: '/clients', i: trace, j: span, u: span },
  { k: 's', t: START, n: 'render', v: 1, p: '/', i: trace, j: span, failed: true },
];

test('what was encoded is read as it was', () => {
  const { text, count } = encodeItems(items, START, 50_000);
  expect(count).toBe(items.length);
  expect(batchOf(text).items).toEqual(items);
});

test('a text has as many items as fit, at least one, and is not longer than allowed', () => {
  const many = Array.from({ length: 300 }, (_, index) => items[index % items.length]!);
  let rest = many;
  let seen = 0;
  while (rest.length > 0) {
    const { text, count } = encodeItems(rest, START, 1_000);
    expect(text.length).toBeLessThanOrEqual(1_000);
    expect(batchOf(text).count).toBe(count);
    expect(batchOf(text).items).not.toContain(undefined);
    seen += count;
    rest = rest.slice(count);
  }
  expect(seen).toBe(300);
  expect(encodeItems(items, START, 1).count).toBe(1);
});

test('2,000 measurements take less than 50 KiB', () => {
  const burst = Array.from({ length: 2_000 }, (_, index): WireItem => {
    return { k: 'm', t: START + 3_600_000 + index, n: 'search', v: Math.random() * 1_000, p: '/clients' };
  });
  const { text, count } = encodeItems(burst, START, 50 * 1_024);
  expect(count).toBe(2_000);
  expect(batchOf(text).items).not.toContain(undefined);
});

test('a call to any declared route of the API is seen from the start', () => {
  for (const route of API_ROUTES) expect(route).toMatch(API_PATH);
  for (const route of PAGE_ROUTES) expect(route).not.toMatch(API_PATH);
});
